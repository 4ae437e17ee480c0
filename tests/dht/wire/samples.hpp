// One message of every form, the same ones in golden files, fuzz corpus and docs/protocol.md.
#pragma once

#include <string>
#include <vector>

#include "dht/wire/messages/message.hpp"

namespace rondo::dht::wire::test {

struct Sample {
  std::string name;
  Family family;
  Message message;
};

std::vector<Sample> samples();

/// A query and an answer with every field of the envelope set to something that reads well in a hex dump.
Query sample_query(QueryBody body);
Reply sample_reply(ReplyBody body, Family family);
/// Number 1, 2, ...: 198.51.100.NUMBER:6881 or [2001:db8::NUMBER]:6881.
Contact sample_contact(unsigned number, Family family);
std::vector<Contact> sample_contacts(unsigned count, Family family);

/// What a mutation test needs: v4 or v6 by the end of the name.
const char* family_suffix(Family family);

}  // namespace rondo::dht::wire::test
