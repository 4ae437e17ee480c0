// rondo share: hash, print the link, announce on the ring, serve until Ctrl-C.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <variant>

#include "cli/command.hpp"
#include "cli/format.hpp"
#include "dht/base/display.hpp"

namespace rondo::cli {
namespace {

using namespace std::chrono_literals;
using control::ApiError;
using control::Code;
using Clock = std::chrono::steady_clock;

constexpr auto kTick = 1s;

ApiError write_error(const std::filesystem::path& path, int error) {
  const std::string name = "'" + display(path.native()) + "'";
  if (error == EEXIST) return {Code::kExists, name + " is there already: name another file with --torrent-out"};
  Code code = Code::kFailed;
  if (error == EACCES || error == EPERM || error == EROFS) code = Code::kDenied;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == ENOSPC || error == EDQUOT) code = Code::kDiskFull;
  return {code, "can't write " + name + ": " + std::generic_category().message(error)};
}

/// All of it or nothing: what is half written is removed again.
std::optional<ApiError> write_new_file(const std::filesystem::path& path, ByteView bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return write_error(path, errno);
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written >= 0)
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      error = errno;
  }
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0) return std::nullopt;
  unlink(path.c_str());
  return write_error(path, error);
}

/// One share, from its first event to its end.
class ShareCommand {
 public:
  ShareCommand(const ShareOptions& options, Session& session) : options_(options), console_(session.console) {}

  int run(Conversation& conversation) {
    control::ShareRequest request;
    request.content = {options_.paths, options_.name, options_.hybrid, options_.exclude};
    request.until_complete = options_.until_complete;
    const auto number = conversation.client().submit(std::move(request));
    while (!conversation.should_end() && !exit_) {
      const auto event = conversation.next(kTick);
      if (event && event->request == number) std::visit(*this, event->body);
    }
    if (exit_ && is_over_) return *exit_;
    return end(conversation, number);
  }

  // --- events --------------------------------------------------------------------------------------------------------

  void operator()(const control::HashingNow& event) {
    const auto [done, total] = event.progress;
    meter_.observe(Clock::now(), done);
    console_.progress({"hashing", done, total, meter_.rate(), meter_.eta(total), std::nullopt});
  }

  void operator()(const control::Shared& event) {
    if (options_.torrent_out) {
      if (const auto error = write_new_file(*options_.torrent_out, event.torrent_file)) {
        exit_ = fail(console_, *error);
        return;
      }
    }
    for (const std::string& note : event.notes) console_.say("note: " + note);
    const peer::Content& content = event.content;
    name_ = display(content.name);
    is_shared_ = true;
    console_.say("sharing '" + name_ + "': " + count_text(content.files.size(), "file") + ", " +
                 size_text(content.bytes) +
                 (event.excluded == 0 ? "" : " (" + std::to_string(event.excluded) + " left out by --exclude)"));
    console_.result(event.magnet);
    console_.say("to fetch it on another machine:\n  " + other_side(event.magnet) + "\nCtrl-C ends the share");
  }

  void operator()(const control::AnnouncedNow& event) {
    const dht::Announced& outcome = event.outcome;
    const std::string sentence = announcement(outcome);
    // Announcements are repeated as long as the share lives; people hear of what changed.
    if (sentence != last_announcement_) console_.say(sentence);
    last_announcement_ = sentence;
  }

  void operator()(const control::ChangedNow& event) { console_.say(event.change.sentence); }

  void operator()(const control::ReceiverNow& event) {
    if (event.wanted == 0) return;
    console_.say(std::to_string(event.complete) + " of " + count_text(event.wanted, "receiver") +
                 (event.complete == 1 ? " has everything" : " have everything"));
  }

  void operator()(const control::ShareEnded&) {
    is_over_ = true;
    exit_ = exit_code(Code::kOk);
    say_goodbye();
  }

  void operator()(const control::Transferring& event) {
    const peer::TransferProgress& progress = event.progress;
    uploaded_ = progress.uploaded;
    const std::string line = "serving: " + count_text(progress.peers, "peer") + ", " +
                             rate_text(static_cast<double>(progress.up_per_second)) + " up, " +
                             size_text(progress.uploaded) + " sent";
    console_.status(line);
  }

  void operator()(const control::Failed& event) {
    is_over_ = true;
    exit_ = fail(console_, event.error);
  }

  void operator()(const control::Cancelled&) {
    is_over_ = true;
    exit_ = exit_code(Code::kFailed);
  }

  /// No answers to a share.
  template <class Other>
  void operator()(const Other&) {}

 private:
  std::string other_side(const std::string& magnet) const {
    std::string out = "rondo get " + shell_quoted(magnet);
    if (options_.node.network != NodeOptions{}.network)
      out += " --network " + shell_quoted(display(options_.node.network));
    return out;
  }

  static std::string announcement(const dht::Announced& outcome) {
    if (outcome.held > 0)
      return "announced on the ring: held by " + std::to_string(outcome.held) + " of " +
             count_text(outcome.replicas.size(), "replica");
    if (!outcome.lookup.found())
      return "not announced: no ring is reachable (" + std::string(dht::describe(outcome.lookup.failure)) +
             "), so others find this share in the local network or with --peer only; trying again";
    return "not announced: none of " + count_text(outcome.replicas.size(), "replica") + " took it; trying again";
  }

  /// The polite end: withdrawn from the ring when the node ends, and what was not finished leaves nothing behind.
  int end(Conversation& conversation, control::RequestId number) {
    console_.end_progress();
    if (is_shared_ && conversation.is_signalled()) console_.say("ending the share (Ctrl-C again: at once)");
    conversation.cancel(number);
    if (exit_) return *exit_;
    if (!is_shared_ || !conversation.is_signalled()) return conversation.unfinished_code();
    say_goodbye();
    return exit_code(Code::kOk);
  }

  void say_goodbye() {
    console_.end_progress();
    console_.say("no longer shared: '" + name_ + "', " + size_text(uploaded_) + " sent");
  }

  const ShareOptions& options_;
  Console& console_;
  RateMeter meter_;
  std::string name_;
  std::string last_announcement_;
  std::uint64_t uploaded_ = 0;
  bool is_shared_ = false;
  /// The request's final event came.
  bool is_over_ = false;
  std::optional<int> exit_;
};

}  // namespace

int run_share(const ShareOptions& options, Session& session) {
  // Told before hours of hashing, not after.
  if (options.torrent_out) {
    const std::filesystem::path& file = *options.torrent_out;
    if (access(file.c_str(), F_OK) == 0) return fail(session.console, write_error(file, EEXIST));
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    if (access(folder.c_str(), W_OK | X_OK) != 0) return fail(session.console, write_error(file, errno));
  }
  Conversation conversation(session);
  if (const auto error = conversation.begin(options.node, Purpose::kShare)) return fail(session.console, *error);
  return ShareCommand(options, session).run(conversation);
}

}  // namespace rondo::cli
