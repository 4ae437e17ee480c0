#include "peer/control/translate.hpp"

#include <utility>

namespace rondo::control {
namespace {

Status to_status(peer::NodeStatus&& status, const std::string& network) {
  Status out;
  out.role = status.role;
  out.reason = std::move(status.reason);
  out.network = network;
  out.self = status.self;
  out.predecessor = status.predecessor;
  out.successors = std::move(status.successors);
  out.fingers = std::move(status.fingers);
  out.stored_keys = status.stored_keys;
  out.stored_announcements = status.stored_announcements;
  out.ring_size_estimate = status.ring_size;
  out.ring_size_exact = status.ring_size_exact;
  out.transfer_port = status.transfer_port;
  return out;
}

/// One overload a kind of node event.
struct ToBody {
  const std::string& network;

  EventBody operator()(peer::HashProgress&& event) const { return HashingNow{event}; }
  EventBody operator()(peer::ShareReady&& event) const {
    return Shared{std::move(event.content), std::move(event.magnet), std::move(event.torrent_file),
                  std::move(event.notes),   event.excluded,          event.hashed};
  }
  EventBody operator()(peer::ContentChanged&& event) const { return ChangedNow{std::move(event)}; }
  EventBody operator()(peer::ReceiverNews&& event) const { return ReceiverNow{event.complete, event.wanted}; }
  EventBody operator()(peer::ShareDone&& event) const { return ShareEnded{event.complete}; }
  EventBody operator()(dht::Announced&& event) const { return AnnouncedNow{std::move(event)}; }
  EventBody operator()(peer::SearchNews&& event) const {
    return Searching{event.peers_known, std::move(event.why), std::move(event.lookup)};
  }
  EventBody operator()(peer::ContentFound&& event) const {
    return FoundContent{std::move(event.content), std::move(event.notes)};
  }
  EventBody operator()(peer::Resumed&& event) const { return Resumed{event}; }
  EventBody operator()(peer::TransferProgress&& event) const { return Transferring{event}; }
  EventBody operator()(peer::FetchDone&& event) const {
    return Fetched{std::move(event.content), std::move(event.path), event.skipped, std::move(event.lookup)};
  }
  EventBody operator()(peer::LookupAnswer&& event) const {
    return RingAnswer{std::move(event.lookup), std::move(event.replicas), std::move(event.peers)};
  }
  EventBody operator()(peer::NodeStatus&& event) const { return to_status(std::move(event), network); }
  EventBody operator()(dht::RoleChanged&& event) const { return RoleChangedNow{event.role, std::move(event.reason)}; }
  EventBody operator()(peer::JobCancelled&& event) const { return Cancelled{event.kept, std::move(event.kept_in)}; }
  EventBody operator()(peer::NodeFailure&& event) const {
    const Code code = std::visit([](auto error) { return code_of(error); }, event.code);
    return Failed{{code, std::move(event.sentence)}};
  }
};

}  // namespace

Event to_event(peer::NodeEvent event, const std::string& network) {
  return {event.job, std::visit(ToBody{network}, std::move(event.body))};
}

Code code_of(peer::TransferErrc error) {
  switch (error) {
    case peer::TransferErrc::kNotFound: return Code::kNotFound;
    case peer::TransferErrc::kUnreadable: return Code::kDenied;
    case peer::TransferErrc::kEmpty:
    case peer::TransferErrc::kBadPattern: return Code::kUsage;
    case peer::TransferErrc::kBadTorrent: return Code::kBadInput;
    case peer::TransferErrc::kExists: return Code::kExists;
    case peer::TransferErrc::kDiskFull: return Code::kDiskFull;
    case peer::TransferErrc::kDenied: return Code::kDenied;
    case peer::TransferErrc::kBusy: return Code::kConflict;
    case peer::TransferErrc::kListen: return Code::kNetwork;
    case peer::TransferErrc::kInternal: break;
  }
  return Code::kFailed;
}

Code code_of(peer::SearchErrc error) { return error == peer::SearchErrc::kNoRing ? Code::kNetwork : Code::kTimedOut; }

ApiError to_error(const peer::HostError& error) {
  switch (error.code) {
    case peer::HostErrc::kPortInUse: return {Code::kNetwork, error.sentence + "; choose another with --listen"};
    case peer::HostErrc::kDenied: return {Code::kDenied, error.sentence + "; choose another with --listen"};
    case peer::HostErrc::kAddressNotHere:
    case peer::HostErrc::kOther: break;
  }
  return {Code::kNetwork, error.sentence};
}

}  // namespace rondo::control
