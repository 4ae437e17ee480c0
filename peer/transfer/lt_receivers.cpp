#include "peer/transfer/lt_receivers.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cstddef>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <map>
#include <utility>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {
namespace {

class Receivers {
 public:
  Receivers(std::shared_ptr<const lt::torrent_info> info, std::function<void(std::uint32_t)> complete)
      : info_(std::move(info)), complete_(std::move(complete)) {}

  [[nodiscard]] int pieces() const { return info_->num_pieces(); }
  [[nodiscard]] int piece_size(int piece) const { return info_->piece_size(lt::piece_index_t(piece)); }

  void seen_incomplete(const lt::peer_id& id) {
    if (counted_.size() < limits::kReceivers) counted_.emplace(id, false);
  }
  void seen_complete(const lt::peer_id& id) {
    const auto found = counted_.find(id);
    if (found == counted_.end() || std::exchange(found->second, true)) return;
    complete_(++count_);
  }

 private:
  std::shared_ptr<const lt::torrent_info> info_;
  std::function<void(std::uint32_t)> complete_;
  /// Of those that were seen incomplete.
  std::map<lt::peer_id, bool> counted_;
  std::uint32_t count_ = 0;
};

class ReceiverPlugin : public lt::peer_plugin {
 public:
  ReceiverPlugin(lt::peer_connection_handle peer, std::shared_ptr<Receivers> receivers)
      : peer_(std::move(peer)), receivers_(std::move(receivers)) {}

  bool on_bitfield(const lt::bitfield& has) override {
    has_ = has;
    return now_has(has.count());
  }
  bool on_have_all() override { return now_has(receivers_->pieces()); }
  bool on_have_none() override { return now_has(0); }
  bool on_have(lt::piece_index_t piece) override {
    const int index = static_cast<int>(piece);
    if (index < 0 || index >= receivers_->pieces()) return false;
    // Who has nothing need not say so.
    if (has_.size() != receivers_->pieces()) {
      if (count_ == receivers_->pieces()) return false;
      now_has(0);
      has_.resize(receivers_->pieces(), false);
    }
    if (has_.get_bit(index)) return false;
    has_.set_bit(index);
    sent_.erase(index);
    return now_has(count_ + 1);
  }
  void sent_piece(const lt::peer_request& request) override {
    sent_[static_cast<int>(request.piece)] += request.length;
  }
  void on_disconnect(const lt::error_code& error) override {
    // A process that ends before it has read all that we sent makes the system reset the connection.
    if (error != boost::asio::error::eof) return;
    const auto missing = static_cast<std::size_t>(receivers_->pieces() - count_);
    const bool all_sent = sent_.size() == missing && std::all_of(sent_.begin(), sent_.end(), [this](const auto& piece) {
                            return piece.second >= receivers_->piece_size(piece.first);
                          });
    if (all_sent) now_has(receivers_->pieces());
  }

 private:
  /// False: libtorrent is to read it as well.
  bool now_has(int count) {
    count_ = count;
    if (count >= receivers_->pieces())
      receivers_->seen_complete(peer_.pid());
    else
      receivers_->seen_incomplete(peer_.pid());
    return false;
  }

  lt::peer_connection_handle peer_;
  std::shared_ptr<Receivers> receivers_;
  lt::bitfield has_;
  int count_ = 0;
  /// Bytes of pieces that the peer has not said it has; as many as it asks for at a time.
  std::map<int, int> sent_;
};

class ReceiverTorrentPlugin : public lt::torrent_plugin {
 public:
  explicit ReceiverTorrentPlugin(std::shared_ptr<Receivers> receivers) : receivers_(std::move(receivers)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    if (peer.type() != lt::connection_type::bittorrent) return nullptr;
    return std::make_shared<ReceiverPlugin>(peer, receivers_);
  }

 private:
  std::shared_ptr<Receivers> receivers_;
};

/// Refuses what libtorrent does instead of sending the last `have`s: once complete we take the torrent out ourselves.
class LastHavePlugin : public lt::peer_plugin {
 public:
  bool can_disconnect(const lt::error_code& error) override {
    return error != lt::errors::upload_upload_connection && error != lt::errors::uninteresting_upload_peer &&
           error != lt::errors::torrent_finished;
  }
};

class LastHaveTorrentPlugin : public lt::torrent_plugin {
 public:
  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle&) override {
    return std::make_shared<LastHavePlugin>();
  }
};

}  // namespace

TorrentExtension receiver_counter(std::shared_ptr<const lt::torrent_info> info,
                                  std::function<void(std::uint32_t)> complete) {
  return
      [receivers = std::make_shared<Receivers>(std::move(info), std::move(complete))](
          const lt::torrent_handle&, lt::client_data_t) { return std::make_shared<ReceiverTorrentPlugin>(receivers); };
}

TorrentExtension last_have_first() {
  return [](const lt::torrent_handle&, lt::client_data_t) { return std::make_shared<LastHaveTorrentPlugin>(); };
}

}  // namespace rondo::peer
