#include "dht/net/counters.hpp"

namespace rondo::dht {

std::string_view name_of(Drop reason) {
  switch (reason) {
    case Drop::kOversize: return "oversize";
    case Drop::kSource: return "source";
    case Drop::kRate: return "rate";
    case Drop::kMalformed: return "malformed";
    case Drop::kUnknownMethod: return "unknown_method";
    case Drop::kNetwork: return "network";
    case Drop::kSendFailed: return "send_failed";
  }
  return "unknown";
}

}  // namespace rondo::dht
