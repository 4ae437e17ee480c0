#include "peer/node/share_job.hpp"

#include <algorithm>
#include <utility>

#include "peer/node/limits.hpp"

namespace rondo::peer {

void ShareJob::begin(JobTurn& turn) { turn.transfer->share(id(), std::move(request_)); }

void ShareJob::on_transfer(JobTurn& turn, TransferEvent& event) {
  if (end_by_) return;
  std::visit(Overloaded{[&](HashProgress& progress) { tell(turn, progress); },
                        [&](TransferProgress& progress) { tell(turn, progress); },
                        [&](ContentChanged& changed) { tell(turn, std::move(changed)); },
                        [&](ReceiverComplete& complete) { on_receiver(turn, complete.count); },
                        [&](Seeding& seeding) { on_seeding(turn, seeding); },
                        [&](JobFailed& failed) {
                          end(turn, NodeFailure{failed.error.code, std::move(failed.error.sentence)});
                        },
                        [](auto&) {}},
             event.what);
}

void ShareJob::on_seeding(JobTurn& turn, Seeding& seeding) {
  const Content& content = seeding.content;
  keys_.push_back({content.info_hash, AnnounceSchedule(turn.now, rng_), std::nullopt, false});
  if (content.has_v1 && content.has_v2) {
    const auto v2 = RingId::from_bytes(ByteView(content.info_hash_v2).first(RingId::kSize));
    keys_.push_back({*v2, AnnounceSchedule(turn.now, rng_), std::nullopt, false});
  }
  std::string magnet = link_to(content, turn.ring);
  tell(turn, ShareReady{std::move(seeding.content), std::move(magnet), std::move(seeding.torrent_file),
                        std::move(seeding.notes), seeding.excluded, seeding.hashed});
  announce_what_is_due(turn);
}

std::string ShareJob::link_to(const Content& content, const RingPort& ring) const {
  Magnet magnet;
  magnet.info_hash = content.info_hash;
  magnet.has_v1 = content.has_v1;
  if (content.has_v2) magnet.info_hash_v2 = content.info_hash_v2;
  magnet.name = content.name;
  magnet.entry_points = entry_points_.empty() ? ring.contacts() : entry_points_;
  if (magnet.entry_points.size() > limits::kLinkEntryPoints) magnet.entry_points.resize(limits::kLinkEntryPoints);
  return format_magnet(magnet);
}

void ShareJob::announce_what_is_due(JobTurn& turn) {
  for (Key& key : keys_) {
    if (key.schedule.due() > turn.now) continue;
    key.schedule.begun();
    port_ = turn.transfer->listen_port();
    if (port_ == 0) {  // nobody could reach us
      key.schedule.ended(turn.now, 0, 0);
      continue;
    }
    key.on_its_way = turn.ring.announce(key.key, port_, false);
    key.announced = true;
  }
}

void ShareJob::on_ring(JobTurn& turn, dht::RingEvent& event) {
  auto* announced = std::get_if<dht::Announced>(&event);
  if (announced == nullptr) return;
  for (Key& key : keys_) {
    if (key.on_its_way != announced->operation) continue;
    key.on_its_way.reset();
    on_announced(turn, key, *announced);
    return;
  }
}

void ShareJob::on_announced(JobTurn& turn, Key& key, dht::Announced& announced) {
  if (end_by_) {
    // An announcement that was on its way when the share ended has to be followed by its withdrawal.
    withdraw(turn, key);
    end_when_withdrawn(turn);
    return;
  }
  key.schedule.ended(turn.now, announced.held, announced.replicas.size());
  tell(turn, std::move(announced));
}

void ShareJob::on_ring_changed(Instant now) {
  for (Key& key : keys_) key.schedule.ring_changed(now);
}

void ShareJob::withdraw(JobTurn& turn, Key& key) {
  if (std::exchange(key.announced, false)) key.on_its_way = turn.ring.announce(key.key, port_, true);
}

void ShareJob::on_receiver(JobTurn& turn, std::uint32_t complete) {
  if (done_at_) return;
  tell(turn, ReceiverNews{complete, until_complete_});
  if (until_complete_ != 0 && complete >= until_complete_) done_at_ = turn.now + limits::kLastReceiverTime;
}

void ShareJob::cancel(JobTurn& turn) { end(turn, JobCancelled{}); }

void ShareJob::end(JobTurn& turn, NodeEventBody last) {
  if (end_by_) return;
  last_ = std::move(last);
  end_by_ = turn.now + limits::kWithdrawTime;
  for (Key& key : keys_)
    if (!key.on_its_way) withdraw(turn, key);
  turn.transfer->cancel(id());
  end_when_withdrawn(turn);
}

void ShareJob::end_when_withdrawn(JobTurn& turn) {
  const bool waiting =
      std::any_of(keys_.begin(), keys_.end(), [](const Key& key) { return key.on_its_way.has_value(); });
  if (!waiting || *end_by_ <= turn.now) finish(turn, std::move(last_));
}

void ShareJob::on_deadline(JobTurn& turn) {
  if (end_by_)
    end_when_withdrawn(turn);
  else if (done_at_ && *done_at_ <= turn.now)
    end(turn, ShareDone{until_complete_});
  else
    announce_what_is_due(turn);
}

Instant ShareJob::next_deadline() const {
  if (end_by_) return *end_by_;
  Instant next = done_at_.value_or(kNever);
  for (const Key& key : keys_) next = std::min(next, key.schedule.due());
  return next;
}

}  // namespace rondo::peer
