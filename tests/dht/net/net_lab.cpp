#include "tests/dht/net/net_lab.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dht/base/limits.hpp"

namespace rondo::dht::test {

bool NetLab::one_ring() const {
  std::vector<Contact> members;
  for (const auto& host : hosts_)
    if (host->driver) members.push_back(host->node().self());
  std::sort(members.begin(), members.end());
  for (const auto& host : hosts_) {
    if (!host->driver) continue;
    if (host->node().role() != Role::kMember) return false;
    const auto self = std::find(members.begin(), members.end(), host->node().self());
    std::vector<Contact> expected(self + 1, members.end());
    expected.insert(expected.end(), members.begin(), self);
    if (expected.size() > limits::kSuccessors) expected.resize(limits::kSuccessors);
    if (host->node().ring().successors().entries() != expected) return false;
    const Contact& before = self == members.begin() ? members.back() : *(self - 1);
    if (members.size() > 1 && host->node().ring().predecessor() != before) return false;
  }
  return true;
}

namespace {

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage) {
  storage = {};
  if (endpoint.family == Family::kV4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.address.data(), sizeof in.sin_addr);
    std::memcpy(&storage, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  std::memcpy(&in.sin6_addr, endpoint.address.data(), sizeof in.sin6_addr);
  std::memcpy(&storage, &in, sizeof in);
  return sizeof in;
}

}  // namespace

RawSocket::RawSocket(Family family) : at_(loopback(family)) {
  fd_ = ::socket(family == Family::kV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_storage storage{};
  socklen_t length = to_sockaddr(at_, storage);
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (fd_ < 0 || ::bind(fd_, address, length) != 0 || ::getsockname(fd_, address, &length) != 0)
    throw std::runtime_error("no socket");
  // The port stands at the same place in both families.
  sockaddr_in in{};
  std::memcpy(&in, &storage, sizeof in);
  at_.port = ntohs(in.sin_port);
}

RawSocket::~RawSocket() { close(); }

void RawSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawSocket::send(const Endpoint& to, ByteView datagram) const {
  sockaddr_storage storage{};
  const socklen_t length = to_sockaddr(to, storage);
  if (::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&storage), length) < 0)
    throw std::runtime_error("sendto failed");
}

std::optional<Bytes> RawSocket::receive() const {
  Bytes buffer(65'536);
  const auto size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  buffer.resize(static_cast<std::size_t>(size));
  return buffer;
}

wire::Query query_of(wire::Method method, const std::string& network, Family family, bool padded) {
  wire::Query query;
  random_bytes(query.header.transaction);
  query.header.network = network_tag(network);
  query.sender = random_id();
  switch (method) {
    case wire::Method::kPing: query.body = wire::Ping{}; break;
    case wire::Method::kFindSuccessor: query.body = wire::FindSuccessor{random_id()}; break;
    case wire::Method::kNeighbors: query.body = wire::Neighbors{}; break;
    case wire::Method::kNotify: query.body = wire::Notify{}; break;
    case wire::Method::kGetPeers: query.body = wire::GetPeers{random_id()}; break;
    case wire::Method::kAnnouncePeer: query.body = wire::AnnouncePeer{random_id(), 6881, false}; break;
  }
  if (padded) wire::pad_to(query, wire::largest_reply(method, family), family);
  return query;
}

}  // namespace rondo::dht::test
