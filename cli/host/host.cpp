#include "cli/host/host.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cli/resolve.hpp"
#include "peer/identity/home.hpp"

namespace rondo::cli {
namespace {

using control::ApiError;
using control::Code;

control::Membership membership_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::kDaemon:
    case Purpose::kBootstrapDaemon: return control::Membership::kAtOnce;
    case Purpose::kShare: return control::Membership::kLater;
    case Purpose::kGet:
    case Purpose::kLookup: break;
  }
  return control::Membership::kNever;
}

/// IPv4 and IPv6 are two rings, and a node is in one: that of --listen, else IPv4 when an entry point is there.
Family family_of(const NodeOptions& options, const std::vector<Endpoint>& join) {
  if (options.listen) return options.listen->family;
  const auto is_v4 = [](const Endpoint& endpoint) { return endpoint.family == Family::kV4; };
  return join.empty() || std::any_of(join.begin(), join.end(), is_v4) ? Family::kV4 : Family::kV6;
}

std::string family_name(Family family) { return family == Family::kV4 ? "IPv4" : "IPv6"; }

Result<std::vector<Endpoint>, ApiError> entry_points(const NodeOptions& options) {
  auto join = resolve(options.join);
  if (!join) return join;
  const Family family = family_of(options, join.value());
  const auto is_other = [family](const Endpoint& endpoint) { return endpoint.family != family; };
  const bool had_some = !join->empty();
  join->erase(std::remove_if(join->begin(), join->end(), is_other), join->end());
  if (had_some && join->empty())
    return Failure<ApiError>{ApiError{Code::kNetwork, "no entry point has an " + family_name(family) +
                                                          " address, and --listen asks for " + family_name(family)}};
  return join;
}

Endpoint any_address(Family family) {
  Endpoint out;
  out.family = family;
  return out;
}

}  // namespace

Result<std::unique_ptr<control::Client>, ApiError> host_node(const NodeOptions& options, Purpose purpose) {
  const auto home = peer::find_home(options.home);
  if (!home) return Failure<ApiError>{ApiError{Code::kFailed, home.error()}};
  auto join = entry_points(options);
  if (!join) return Failure<ApiError>{join.error()};

  control::HostConfig config;
  config.state_dir = home.value().state;
  config.network = options.network;
  config.listen = options.listen ? *options.listen : any_address(family_of(options, join.value()));
  config.join = std::move(join).value();
  config.membership = membership_of(purpose);
  config.bootstrap = purpose == Purpose::kBootstrapDaemon;
  config.only_ring = options.only_ring;
  config.lan = options.lan && !options.only_ring;
  config.transfers = purpose == Purpose::kShare || purpose == Purpose::kGet;
  return control::host_node(config);
}

}  // namespace rondo::cli
