#include <algorithm>
#include <charconv>
#include <libtorrent/bdecode.hpp>

#include "dht/base/limits.hpp"
#include "dht/wire/codec/codec.hpp"
#include "dht/wire/codec/wire_format.hpp"

namespace rondo::dht::wire {
namespace {

using Node = lt::bdecode_node;

DecodeError error_of(const lt::error_code& code) {
  if (code == lt::bdecode_errors::depth_exceeded) return DecodeError::kTooDeep;
  if (code == lt::bdecode_errors::limit_exceeded) return DecodeError::kTooManyTokens;
  return DecodeError::kNotBencode;
}

ByteView bytes_of(const Node& string) {
  const auto value = string.string_value();
  return as_bytes({value.data(), value.size()});
}

/// The fields of one dictionary. The first error sticks (in `error`, which the dictionaries of a message share) and
/// what is read after it means nothing, so that a message is read in one go and judged once. A key that occurs twice
/// has its first value.
class Fields {
 public:
  Fields(const Node& dictionary, Family family, std::optional<DecodeError>& error)
      : dictionary_(dictionary), family_(family), error_(error) {}

  void fail(DecodeError error) const {
    if (!error_) error_ = error;
  }

  [[nodiscard]] bool has(std::string_view key) const { return find(key).type() != Node::none_t; }

  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> bytes(std::string_view key) const {
    std::array<std::uint8_t, N> out{};
    const ByteView value = string(key);
    if (value.size() != N) return fail(DecodeError::kWrongLength), out;
    std::copy(value.begin(), value.end(), out.begin());
    return out;
  }
  template <std::size_t N>
  [[nodiscard]] std::optional<std::array<std::uint8_t, N>> bytes_if_any(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    return bytes<N>(key);
  }
  [[nodiscard]] RingId id(std::string_view key) const { return RingId{bytes<RingId::kSize>(key)}; }

  [[nodiscard]] ByteView string(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  [[nodiscard]] bool flag(std::string_view key) const { return has(key) && integer(key, 0, 1) == 1; }
  [[nodiscard]] Fields dictionary(std::string_view key) const;
  /// The items of a list of at most `most`.
  [[nodiscard]] std::vector<Node> items(std::string_view key, std::size_t most) const;

  [[nodiscard]] Endpoint endpoint(std::string_view key) const { return endpoint_of(string(key)); }
  [[nodiscard]] std::optional<Contact> contact(std::string_view key) const;
  [[nodiscard]] std::vector<Contact> contacts(std::size_t most) const;
  [[nodiscard]] std::vector<Endpoint> peers() const;

  /// These two judge a node that may stand in a list.
  [[nodiscard]] ByteView string_of(const Node& node) const;
  [[nodiscard]] std::int64_t integer_of(const Node& node, std::int64_t low, std::int64_t high) const;

 private:
  [[nodiscard]] Node find(std::string_view key) const {
    if (dictionary_.type() != Node::dict_t) return {};
    return dictionary_.dict_find({key.data(), key.size()});
  }
  [[nodiscard]] Endpoint endpoint_of(ByteView compact) const;
  [[nodiscard]] std::optional<Contact> contact_of(ByteView compact) const;

  Node dictionary_;
  Family family_;
  std::optional<DecodeError>& error_;
};

ByteView Fields::string_of(const Node& node) const {
  if (node.type() == Node::string_t) return bytes_of(node);
  fail(node.type() == Node::none_t ? DecodeError::kMissingField : DecodeError::kWrongType);
  return {};
}

ByteView Fields::string(std::string_view key) const { return string_of(find(key)); }

std::int64_t Fields::integer_of(const Node& node, std::int64_t low, std::int64_t high) const {
  if (node.type() != Node::int_t) {
    fail(node.type() == Node::none_t ? DecodeError::kMissingField : DecodeError::kWrongType);
    return low;
  }
  // bdecode_node::int_value() reads a number beyond 64 bits as 0, so the digits between `i` and `e` are read here.
  const auto section = node.data_section();
  const char* const end = section.data() + section.size() - 1;
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(section.data() + 1, end, number);
  if (error == std::errc{} && stop == end && number >= low && number <= high) return number;
  fail(DecodeError::kOutOfRange);
  return low;
}

std::int64_t Fields::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  return integer_of(find(key), low, high);
}

Fields Fields::dictionary(std::string_view key) const {
  const Node node = find(key);
  if (node.type() == Node::none_t)
    fail(DecodeError::kMissingField);
  else if (node.type() != Node::dict_t)
    fail(DecodeError::kWrongType);
  return {node, family_, error_};
}

std::vector<Node> Fields::items(std::string_view key, std::size_t most) const {
  const Node node = find(key);
  if (node.type() != Node::list_t) {
    fail(node.type() == Node::none_t ? DecodeError::kMissingField : DecodeError::kWrongType);
    return {};
  }
  const int size = node.list_size();
  if (size > static_cast<int>(most)) {
    fail(DecodeError::kTooManyEntries);
    return {};
  }
  std::vector<Node> items;
  items.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) items.push_back(node.list_at(i));
  return items;
}

Endpoint Fields::endpoint_of(ByteView compact) const {
  Endpoint endpoint;
  endpoint.family = family_;
  if (compact.size() != compact_size(family_)) {
    fail(compact.size() == compact_size(other(family_)) ? DecodeError::kWrongFamily : DecodeError::kWrongLength);
    return endpoint;
  }
  const std::size_t address_size = compact.size() - 2;
  std::copy_n(compact.begin(), address_size, endpoint.address.begin());
  endpoint.port = static_cast<std::uint16_t>(compact[address_size] << 8 | compact[address_size + 1]);
  return endpoint;
}

/// Nothing for an endpoint that no host can own.
std::optional<Contact> Fields::contact_of(ByteView compact) const {
  Contact contact;
  std::copy_n(compact.begin(), RingId::kSize, contact.id.bytes.begin());
  contact.endpoint = endpoint_of(compact.subspan(RingId::kSize));
  if (!is_usable(contact.endpoint)) return std::nullopt;
  return contact;
}

std::optional<Contact> Fields::contact(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  const ByteView compact = string(key);
  if (compact.size() == compact_contact_size(family_)) return contact_of(compact);
  fail(compact.size() == compact_contact_size(other(family_)) ? DecodeError::kWrongFamily : DecodeError::kWrongLength);
  return std::nullopt;
}

std::vector<Contact> Fields::contacts(std::size_t most) const {
  std::vector<Contact> contacts;
  if (has(nodes_key(other(family_)))) fail(DecodeError::kWrongFamily);
  if (!has(nodes_key(family_))) return contacts;
  const ByteView compact = string(nodes_key(family_));
  const std::size_t size = compact_contact_size(family_);
  if (compact.size() % size != 0) return fail(DecodeError::kWrongLength), contacts;
  if (compact.size() / size > most) return fail(DecodeError::kTooManyEntries), contacts;
  contacts.reserve(compact.size() / size);
  for (std::size_t at = 0; at < compact.size(); at += size)
    if (const auto contact = contact_of(compact.subspan(at, size))) contacts.push_back(*contact);
  return contacts;
}

std::vector<Endpoint> Fields::peers() const {
  std::vector<Endpoint> peers;
  if (!has(key::kValues)) return peers;
  for (const Node& item : items(key::kValues, limits::kAnswerPeers)) {
    const Endpoint peer = endpoint_of(string_of(item));
    if (is_usable(peer)) peers.push_back(peer);
  }
  return peers;
}

std::uint64_t read_hash(const Fields& arguments) {
  std::uint64_t hash = 0;
  if (!arguments.has(key::kKnownList)) return hash;
  for (const std::uint8_t byte : arguments.bytes<8>(key::kKnownList)) hash = hash << 8 | byte;
  return hash;
}

QueryBody read_arguments(Method method, const Fields& arguments) {
  switch (method) {
    case Method::kPing: return Ping{};
    case Method::kFindSuccessor: return FindSuccessor{arguments.id(key::kTarget)};
    case Method::kNeighbors: return Neighbors{read_hash(arguments)};
    case Method::kNotify: return Notify{};
    case Method::kGetPeers: return GetPeers{arguments.id(key::kInfoHash)};
    case Method::kAnnouncePeer:
      return AnnouncePeer{arguments.id(key::kInfoHash),
                          static_cast<std::uint16_t>(arguments.integer(key::kPort, 1, 0xffff)),
                          arguments.flag(key::kBye)};
  }
  return Ping{};
}

FindSuccessorReply read_step(const Fields& values) {
  FindSuccessorReply step;
  step.covers = values.flag(key::kCovers);
  step.previous = values.contact(key::kPrevious);
  if (!step.covers) step.previous.reset();
  step.contacts = values.contacts(limits::kStepContacts);
  return step;
}

NeighborsReply read_neighbors(const Fields& values) {
  NeighborsReply neighbors;
  neighbors.predecessor = values.contact(key::kPredecessor);
  neighbors.unchanged = values.flag(key::kUnchanged);
  neighbors.complete = values.flag(key::kComplete);
  neighbors.successors = values.contacts(limits::kSuccessors);
  if (neighbors.unchanged) neighbors.successors.clear();
  return neighbors;
}

ReplyBody read_values(Method method, const Fields& values) {
  switch (method) {
    case Method::kPing: return PingReply{};
    case Method::kFindSuccessor: return read_step(values);
    case Method::kNeighbors: return read_neighbors(values);
    case Method::kNotify: return NotifyReply{};
    case Method::kGetPeers: return GetPeersReply{values.peers()};
    case Method::kAnnouncePeer: return AnnouncePeerReply{};
  }
  return PingReply{};
}

/// Nothing, with the error set, for a method that we don't have.
std::optional<Method> read_method(const Fields& message) {
  const ByteView name = message.string(key::kMethod);
  for (std::size_t i = 0; i < kMethods; ++i)
    if (std::ranges::equal(name, as_bytes(name_of(static_cast<Method>(i))))) return static_cast<Method>(i);
  message.fail(DecodeError::kUnknownMethod);
  return std::nullopt;
}

Query read_query(const Header& header, const Fields& message) {
  Query query;
  query.header = header;
  const auto method = read_method(message);
  if (!method) return query;
  const Fields arguments = message.dictionary(key::kArguments);
  query.sender = arguments.id(key::kId);
  query.token = arguments.bytes_if_any<sizeof(Token)>(key::kToken);
  // No pad is longer than the datagram, so its length fits.
  if (arguments.has(key::kPad)) query.pad = static_cast<std::uint16_t>(arguments.string(key::kPad).size());
  query.body = read_arguments(*method, arguments);
  return query;
}

Reply read_reply(const Header& header, const Fields& message) {
  Reply reply;
  reply.header = header;
  const auto index = message.integer(key::kMethodIndex, 0, std::numeric_limits<std::int64_t>::max());
  if (index >= static_cast<std::int64_t>(kMethods)) return message.fail(DecodeError::kUnknownMethod), reply;
  reply.observed = message.endpoint(key::kObserved);
  if (!is_usable(reply.observed)) message.fail(DecodeError::kOutOfRange);
  const Fields values = message.dictionary(key::kReply);
  reply.sender = values.id(key::kId);
  reply.token = values.bytes<sizeof(Token)>(key::kToken);
  reply.body = read_values(static_cast<Method>(index), values);
  return reply;
}

Error read_error(const Header& header, const Fields& message) {
  Error error;
  error.header = header;
  const auto items = message.items(key::kError, 2);
  if (items.size() != 2) return message.fail(DecodeError::kWrongLength), error;
  error.code = static_cast<std::uint16_t>(message.integer_of(items[0], 0, 0xffff));
  const ByteView text = message.string_of(items[1]);
  const ByteView cut = text.first(std::min(text.size(), limits::kErrorText));
  error.text.assign(cut.begin(), cut.end());
  return error;
}

Result<Message, DecodeFailure> read_message(const Fields& message, const std::optional<DecodeError>& error) {
  Header header;
  header.transaction = message.bytes<sizeof(TransactionId)>(key::kTransaction);
  header.network = message.bytes<sizeof(NetworkTag)>(key::kNetwork);
  header.read_only = message.flag(key::kReadOnly);
  const ByteView kind = message.string(key::kKind);
  if (error) return Failure{DecodeFailure{*error, std::nullopt}};
  const auto is = [kind](std::string_view letter) { return std::ranges::equal(kind, as_bytes(letter)); };

  Message read;
  std::optional<Header> answerable;
  if (is(kind::kQuery)) {
    answerable = header;
    read = read_query(header, message);
  } else if (is(kind::kReply)) {
    read = read_reply(header, message);
  } else if (is(kind::kError)) {
    read = read_error(header, message);
  } else {
    message.fail(DecodeError::kUnknownKind);
  }
  if (error) return Failure{DecodeFailure{*error, answerable}};
  return read;
}

}  // namespace

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::kTooLong: return "too long";
    case DecodeError::kNotBencode: return "not bencode";
    case DecodeError::kTooDeep: return "nested too deep";
    case DecodeError::kTooManyTokens: return "too many tokens";
    case DecodeError::kTrailingBytes: return "trailing bytes";
    case DecodeError::kMissingField: return "missing field";
    case DecodeError::kWrongType: return "wrong type";
    case DecodeError::kWrongLength: return "wrong length";
    case DecodeError::kOutOfRange: return "out of range";
    case DecodeError::kTooManyEntries: return "too many entries";
    case DecodeError::kWrongFamily: return "wrong address family";
    case DecodeError::kUnknownKind: return "unknown kind of message";
    case DecodeError::kUnknownMethod: return "unknown method";
  }
  return "unknown error";
}

Result<Message, DecodeFailure> decode(ByteView datagram, Family family) {
  const auto failure = [](DecodeError error) { return Failure{DecodeFailure{error, std::nullopt}}; };
  if (datagram.size() > limits::kDatagram) return failure(DecodeError::kTooLong);
  lt::error_code code;
  int position = 0;
  const Node root = lt::bdecode({reinterpret_cast<const char*>(datagram.data()), static_cast<int>(datagram.size())},
                                code, &position, limits::kBencodeDepth, limits::kBencodeTokens);
  if (code) return failure(error_of(code));
  if (root.type() != Node::dict_t) return failure(DecodeError::kWrongType);
  if (root.data_section().size() != static_cast<std::ptrdiff_t>(datagram.size()))
    return failure(DecodeError::kTrailingBytes);
  std::optional<DecodeError> error;
  return read_message(Fields(root.non_owning(), family, error), error);
}

}  // namespace rondo::dht::wire
