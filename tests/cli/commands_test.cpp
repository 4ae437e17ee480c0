// The commands on a fake node: what they ask for, what they print, how they end.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cli/fake_client.hpp"

namespace rondo::cli {
namespace {

using namespace control;
using namespace std::chrono_literals;

constexpr const char* kHash = "0123456789abcdef0123456789abcdef01234567";
const std::string kLink = std::string("magnet:?xt=urn:btih:") + kHash + "&dn=x&x.rondo=127.0.0.1:7001";

peer::Content content() {
  peer::Content out;
  out.info_hash = *RingId::from_hex(kHash);
  out.name = "photos";
  out.bytes = 3'000'000;
  out.files = {{"photos/a\x1b[2J.jpg", 1'000'000, false}, {"photos/b.jpg", 2'000'000, false}};
  return out;
}

void press_ctrl_c(FakeClient&) { std::raise(SIGINT); }

/// A folder that goes with the test.
class TestFolder {
 public:
  TestFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "rondo-cli-XXXXXX").string();
    path_ = mkdtemp(path.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// What the program reads as its standard input.
class Input {
 public:
  explicit Input(const std::string& text) : fd_(memfd_create("input", MFD_CLOEXEC)) {
    EXPECT_EQ(write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(lseek(fd_, 0, SEEK_SET), 0);
  }
  ~Input() { close(fd_); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

template <class Wanted>
std::size_t count_of(const FakeRun& run) {
  std::size_t count = 0;
  for (const Request& request : run.requests)
    if (std::holds_alternative<Wanted>(request)) ++count;
  return count;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// --- share -----------------------------------------------------------------------------------------------------------

FakeWorld sharing_world() {
  FakeWorld world;
  world.script = [](FakeClient& client, RequestId number, const Request& request) {
    if (std::holds_alternative<ShareRequest>(request)) {
      client.push(number, HashingNow{{1'000'000, 3'000'000}});
      client.push(number, Shared{content(), kLink, {'d', 'e'}, {"left out: a socket"}});
      AnnouncedNow announced;
      announced.outcome.held = 3;
      announced.outcome.replicas.resize(3);
      client.push(number, announced);
      client.push(number, Transferring{{0, 0, 0, 500, 4'000'000, 1}});
    }
    if (const auto* cancel = std::get_if<CancelRequest>(&request)) client.push(cancel->request, Cancelled{});
  };
  world.on_idle = press_ctrl_c;
  return world;
}

TEST(Share, prints_the_magnet_alone_on_stdout_and_ends_well_by_ctrl_c) {
  const auto run = run_fake({"share", "/p", "--public"}, sharing_world());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, kLink + "\n");
  EXPECT_EQ(run.purpose, Purpose::kShare);
  EXPECT_EQ(run.err,
            "hashing: 33 % (1.0/3.0 MB)\n"
            "note: left out: a socket\n"
            "sharing 'photos': 2 files, 3.0 MB\n"
            "to fetch it on another machine:\n"
            "  rondo get '" +
                kLink +
                "'\n"
                "Ctrl-C ends the share\n"
                "announced on the ring: held by 3 of 3 replicas\n"
                "ending the share (Ctrl-C again: at once)\n"
                "no longer shared: 'photos', 4.0 MB sent\n");
  EXPECT_EQ(count_of<CancelRequest>(run), 1u);
}

TEST(Share, says_how_much_patterns_left_out) {
  auto world = sharing_world();
  const auto script = world.script;
  world.script = [script](FakeClient& client, RequestId number, const Request& request) {
    if (const auto* share = std::get_if<ShareRequest>(&request))
      client.push(number, Shared{content(), kLink, {}, {}, share->content.exclude.size()});
    else
      script(client, number, request);
  };
  const auto run = run_fake({"share", "/p", "--public", "--exclude", "a", "--exclude", "b"}, world);
  EXPECT_TRUE(contains(run.err, "sharing 'photos': 2 files, 3.0 MB (2 left out by --exclude)\n")) << run.err;
}

TEST(Share, says_which_files_changed_and_goes_on) {
  auto world = sharing_world();
  const auto script = world.script;
  world.script = [script](FakeClient& client, RequestId number, const Request& request) {
    script(client, number, request);
    if (std::holds_alternative<ShareRequest>(request))
      client.push(number, ChangedNow{{{"photos/a"}, 1, 12, "photos/a is gone: it is not served any more"}});
  };
  const auto run = run_fake({"share", "/p", "--public"}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(contains(run.err, "\nphotos/a is gone: it is not served any more\n")) << run.err;
}

TEST(Share, ends_by_itself_when_enough_have_everything) {
  auto world = sharing_world();
  const auto script = world.script;
  world.script = [script](FakeClient& client, RequestId number, const Request& request) {
    script(client, number, request);
    const auto* share = std::get_if<ShareRequest>(&request);
    if (share == nullptr) return;
    client.push(number, ReceiverNow{1, share->until_complete});
    client.push(number, ReceiverNow{2, share->until_complete});
    client.push(number, ShareEnded{2});
  };
  const auto run = run_fake({"share", "/p", "--public", "--until-complete", "2"}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(
      run.err.ends_with("1 of 2 receivers has everything\n2 of 2 receivers have everything\n"
                        "no longer shared: 'photos', 4.0 MB sent\n"))
      << run.err;
  EXPECT_EQ(count_of<CancelRequest>(run), 0u);
}

TEST(Share, tells_the_other_side_the_network) {
  const auto run = run_fake({"share", "/p", "--public", "--network", "my ring"}, sharing_world());
  EXPECT_TRUE(contains(run.err, "' --network 'my ring'\n"));
}

TEST(Share, json_has_the_events_and_nothing_else) {
  const auto run = run_fake({"share", "/p", "--public", "--json"}, sharing_world());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  std::istringstream lines(run.out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("{\"event\":\"")) << line;
    names.push_back(line.substr(10, line.find('"', 10) - 10));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"hashing", "shared", "announced", "transferring", "cancelled"}));
}

TEST(Share, quiet_prints_the_magnet_only) {
  const auto run = run_fake({"share", "/p", "--public", "-q"}, sharing_world());
  EXPECT_EQ(run.out, kLink + "\n");
  EXPECT_EQ(run.err, "");
}

TEST(Share, warns_when_no_ring_is_reachable_and_says_it_once) {
  FakeWorld world = sharing_world();
  world.script = [inner = world.script](FakeClient& client, RequestId number, const Request& request) {
    if (!std::holds_alternative<ShareRequest>(request)) return inner(client, number, request);
    client.push(number, Shared{content(), kLink, {}, {}});
    AnnouncedNow announced;
    announced.outcome.lookup.failure = dht::LookupFailure::kNoAnswer;
    client.push(number, announced);
    client.push(number, announced);
  };
  const auto run = run_fake({"share", "/p", "--public"}, world);
  EXPECT_EQ(run.code, 0);
  const auto first = run.err.find("not announced: no ring is reachable");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(run.err.find("not announced", first + 1), std::string::npos);
}

TEST(Share, ctrl_c_while_hashing_is_unfinished) {
  FakeWorld world = sharing_world();
  world.script = [inner = world.script](FakeClient& client, RequestId number, const Request& request) {
    if (!std::holds_alternative<ShareRequest>(request)) return inner(client, number, request);
    client.push(number, HashingNow{{1, 3}});
  };
  const auto run = run_fake({"share", "/p", "--public"}, world);
  EXPECT_EQ(run.code, 130);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(count_of<CancelRequest>(run), 1u);
}

TEST(Share, a_failure_is_one_sentence_and_its_code) {
  FakeWorld world;
  world.script = [](FakeClient& client, RequestId number, const Request&) {
    client.push(number, Failed{{Code::kNotFound, "there is no '/p'"}});
  };
  const auto run = run_fake({"share", "/p", "--public"}, world);
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "rondo: there is no '/p'\n");
}

TEST(Share, writes_a_torrent_file_and_never_over_another) {
  const TestFolder folder;
  const std::string path = folder / "x.torrent";
  EXPECT_EQ(run_fake({"share", "/p", "--public", "--torrent-out", path}, sharing_world()).code, 0);
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "de");

  const auto again = run_fake({"share", "/p", "--public", "--torrent-out", path}, sharing_world());
  EXPECT_EQ(again.code, 10);
  EXPECT_EQ(again.out, "");
  EXPECT_TRUE(again.requests.empty());
}

TEST(Share, a_torrent_file_that_cannot_be_written_is_told_before_anything_is_hashed) {
  const auto run = run_fake({"share", "/p", "--public", "--torrent-out", "/no/such/x.torrent"}, sharing_world());
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(run.requests.empty());
}

TEST(Share, a_torrent_file_that_cannot_be_written_in_the_end_ends_the_share) {
  const TestFolder folder;
  // Not there to look at, and there to create.
  std::filesystem::create_symlink("nowhere", folder / "x.torrent");
  const auto run = run_fake({"share", "/p", "--public", "--torrent-out", folder / "x.torrent"}, sharing_world());
  EXPECT_EQ(run.code, 10);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(count_of<CancelRequest>(run), 1u);
}

TEST(Share, needs_public) {
  const auto run = run_fake({"share", "/p"}, sharing_world());
  EXPECT_EQ(run.code, 2);
  EXPECT_TRUE(run.requests.empty());
  EXPECT_TRUE(contains(run.err, "private shares come later"));
}

// --- get -------------------------------------------------------------------------------------------------------------

FakeWorld getting_world() {
  FakeWorld world;
  world.script = [](FakeClient& client, RequestId number, const Request& request) {
    if (std::holds_alternative<GetRequest>(request)) {
      client.push(number, Searching{0, "nobody has announced it yet", {}});
      FoundContent found;
      found.content = content();
      client.push(number, found);
    }
    if (const auto* confirm = std::get_if<ConfirmRequest>(&request)) {
      client.push(confirm->get, Transferring{{1'500'000, 3'000'000, 1, 0, 0, 2}});
      Fetched fetched;
      fetched.content = content();
      fetched.path = "out/photos";
      client.push(confirm->get, fetched);
    }
    if (const auto* cancel = std::get_if<CancelRequest>(&request)) client.push(cancel->request, Cancelled{});
  };
  return world;
}

TEST(Get, goes_on_without_a_terminal_and_prints_the_path) {
  const auto run = run_fake({"get", kLink, "-o", "out", "--timeout", "7"}, getting_world());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "out/photos\n");
  EXPECT_TRUE(contains(run.err, "nobody has announced it yet\n"));
  EXPECT_TRUE(contains(run.err, "'photos': 2 files, 3.0 MB\n  1.0 MB  photos/a\\x1b[2J.jpg\n  2.0 MB  photos/b.jpg\n"));
  EXPECT_TRUE(contains(run.err, "fetching: 50 % (1.5/3.0 MB), 2 peers\n"));
  EXPECT_TRUE(contains(run.err, "fetched and verified: 2 files, 3.0 MB in "));
  const auto& request = std::get<GetRequest>(run.requests.front());
  EXPECT_EQ(request.into, "out");
  EXPECT_EQ(request.patience, 7s);
  EXPECT_EQ(std::get<peer::Magnet>(request.source).info_hash.hex(), kHash);
}

TEST(Get, the_entry_points_of_a_link_are_used_unless_join_is_given) {
  const auto by_link = run_fake({kLink}, getting_world());
  EXPECT_EQ(by_link.node.join, (std::vector<HostPort>{{"127.0.0.1", 7001}}));
  EXPECT_EQ(std::get<peer::Magnet>(std::get<GetRequest>(by_link.requests.front()).source).entry_points.size(), 1u);

  const auto by_flag = run_fake({kLink, "--join", "127.0.0.1:1"}, getting_world());
  EXPECT_EQ(by_flag.node.join, (std::vector<HostPort>{{"127.0.0.1", 1}}));
  EXPECT_TRUE(std::get<peer::Magnet>(std::get<GetRequest>(by_flag.requests.front()).source).entry_points.empty());
}

TEST(Get, reads_a_torrent_file_and_standard_input) {
  const TestFolder folder;
  const std::string path = folder / "x.torrent";
  std::ofstream(path) << "d4:infode";
  const auto by_file = run_fake({"get", path}, getting_world());
  EXPECT_EQ(by_file.code, 0);
  const auto& bytes = std::get<Bytes>(std::get<GetRequest>(by_file.requests.front()).source);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "d4:infode");

  const Input link("  " + kLink + "\n");
  FakeWorld world = getting_world();
  world.in_fd = link.fd();
  const auto by_stdin = run_fake({"get", "-"}, world);
  EXPECT_EQ(std::get<peer::Magnet>(std::get<GetRequest>(by_stdin.requests.front()).source).info_hash.hex(), kHash);

  const Input torrent("d4:infode");
  world.in_fd = torrent.fd();
  const auto by_bytes = run_fake({"get", "-"}, world);
  EXPECT_EQ(std::get<Bytes>(std::get<GetRequest>(by_bytes.requests.front()).source).size(), 9u);
}

TEST(Get, refuses_what_is_no_source_before_any_node_runs) {
  const TestFolder folder;
  struct Case {
    std::string word;
    int code;
  };
  for (const auto& [word, code] : std::vector<Case>{{folder / "none.torrent", 3},
                                                    {folder / "", 12},
                                                    {"magnet:?xt=urn:btih:xyz", 12},
                                                    {"magnet:?dn=photos", 12}}) {
    const auto run = run_fake({"get", word}, getting_world());
    EXPECT_EQ(run.code, code) << word;
    EXPECT_TRUE(run.requests.empty()) << word;
    EXPECT_TRUE(run.err.starts_with("rondo: ")) << word;
  }
  const Input rubbish("hello");
  FakeWorld world = getting_world();
  world.in_fd = rubbish.fd();
  EXPECT_EQ(run_fake({"get", "-"}, world).code, 12);
}

class GetQuestion : public testing::Test {
 protected:
  FakeRun answered(const std::string& typed, const std::vector<std::string>& more = {}) {
    const Input input(typed);
    FakeWorld world = getting_world();
    world.terminal.can_ask = true;
    world.in_fd = input.fd();
    std::vector<std::string> arguments{"get", kLink, "-o", "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_fake(arguments, world);
  }
};

TEST_F(GetQuestion, yes_goes_on) {
  for (const char* typed : {"\n", "y\n", " YES \n", "what\ny\n"}) {
    const auto run = answered(typed);
    EXPECT_EQ(run.code, 0) << typed;
    EXPECT_TRUE(contains(run.err, "Download to out/photos? [Y/n] ")) << run.err;
    EXPECT_EQ(count_of<ConfirmRequest>(run), 1u);
  }
}

TEST_F(GetQuestion, no_or_the_end_of_input_downloads_nothing) {
  for (const char* typed : {"n\n", "No\n", "", "what\n"}) {
    const auto run = answered(typed);
    EXPECT_EQ(run.code, 1) << typed;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(count_of<ConfirmRequest>(run), 0u);
    EXPECT_EQ(count_of<CancelRequest>(run), 1u);
  }
}

TEST_F(GetQuestion, is_not_asked_with_yes_or_json) {
  for (const char* flag : {"-y", "--json"}) {
    const auto run = answered("n\n", {flag});
    EXPECT_EQ(run.code, 0) << flag;
    EXPECT_FALSE(contains(run.err, "[Y/n]"));
  }
}

TEST(Get, says_what_will_differ_and_which_file_is_bad) {
  const TestFolder folder;
  const std::string path = folder / "x.torrent";
  std::ofstream(path) << "d";
  FakeWorld world;
  world.script = [](FakeClient& client, RequestId number, const Request& request) {
    if (!std::holds_alternative<GetRequest>(request)) return;
    client.push(number, FoundContent{content(), {"renamed: a"}});
    client.push(number, Failed{{Code::kBadInput, "this torrent can't be used"}});
  };
  const auto run = run_fake({"get", path}, world);
  EXPECT_EQ(run.code, 12);
  EXPECT_TRUE(contains(run.err, "note: renamed: a\nrondo: " + path + ": this torrent can't be used\n")) << run.err;
}

TEST(Get, lists_twenty_files_and_counts_the_rest) {
  FakeWorld world = getting_world();
  world.script = [inner = world.script](FakeClient& client, RequestId number, const Request& request) {
    if (!std::holds_alternative<GetRequest>(request)) return inner(client, number, request);
    FoundContent found;
    for (int i = 0; i < 25; ++i) found.content.files.push_back({"photos/" + std::to_string(i), 1, false});
    client.push(number, found);
  };
  const auto run = run_fake({"get", kLink}, world);
  EXPECT_TRUE(contains(run.err, "photos/19\n  and 5 more\n"));
  EXPECT_FALSE(contains(run.err, "photos/20\n"));
}

TEST(Get, ctrl_c_cancels_and_is_unfinished) {
  for (const int signal : {SIGINT, SIGTERM}) {
    FakeWorld world = getting_world();
    world.script = [](FakeClient& client, RequestId, const Request& request) {
      if (const auto* cancel = std::get_if<CancelRequest>(&request)) client.push(cancel->request, Cancelled{});
    };
    world.on_idle = [signal](FakeClient&) { std::raise(signal); };
    const auto run = run_fake({"get", kLink}, world);
    EXPECT_EQ(run.code, 128 + signal);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(count_of<CancelRequest>(run), 1u);
  }
}

TEST(Get, a_download_that_was_quicker_than_ctrl_c_counts) {
  FakeWorld world;
  world.script = [](FakeClient& client, RequestId, const Request& request) {
    const auto* cancel = std::get_if<CancelRequest>(&request);
    if (cancel == nullptr) return;
    Fetched fetched;
    fetched.path = "photos";
    client.push(cancel->request, fetched);
  };
  world.on_idle = press_ctrl_c;
  const auto run = run_fake({"get", kLink}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "photos\n");
}

TEST(Get, a_node_that_cannot_be_hosted_is_an_error) {
  FakeWorld world = getting_world();
  world.host_error = ApiError{Code::kNetwork, "port 7400 is in use"};
  const auto run = run_fake({"get", kLink, "--json"}, world);
  EXPECT_EQ(run.code, 6);
  EXPECT_EQ(run.out,
            "{\"event\":\"error\",\"schema\":\"rondo.event/1\",\"code\":6,\"sentence\":\"port 7400 is in use\"}\n");
}

// --- lookup ----------------------------------------------------------------------------------------------------------

RingAnswer ring_answer() {
  const Contact owner{*RingId::from_hex(kHash), Endpoint::v4(127, 0, 0, 1, 7001)};
  RingAnswer answer;
  answer.lookup.target = *RingId::from_hex(std::string(40, '0'));
  answer.lookup.owner = owner;
  answer.lookup.replicas = {owner};
  answer.lookup.hops = 2;
  answer.lookup.timeouts = 1;
  answer.lookup.elapsed = 3250us;
  answer.lookup.steps = {{Endpoint::v4(127, 0, 0, 1, 7002), std::nullopt, 1, dht::StepOutcome::kUnanswered, false, {}},
                         {owner.endpoint, owner.id, 2, dht::StepOutcome::kAnswered, false, 420us}};
  answer.replicas = {{owner, true, "", 2}};
  answer.peers = {Endpoint::v4(192, 0, 2, 1, 6881)};
  return answer;
}

FakeWorld lookup_world(const RingAnswer& answer) {
  FakeWorld world;
  world.script = [answer](FakeClient& client, RequestId number, const Request& request) {
    if (std::holds_alternative<LookupRequest>(request)) client.push(number, answer);
  };
  return world;
}

TEST(Lookup, shows_owner_replicas_peers_and_each_contact_asked) {
  const auto run = run_fake({"lookup", std::string(40, '0')}, lookup_world(ring_answer()));
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  const std::string hash = kHash;
  EXPECT_EQ(run.out, "key       " + std::string(40, '0') +
                         "\n"
                         "owner     127.0.0.1:7001  " +
                         hash +
                         "\n"
                         "hops      2\n"
                         "timeouts  1\n"
                         "time      3.25 ms\n"
                         "\n"
                         "  replica         id                                        peers  answer\n"
                         "  127.0.0.1:7001  " +
                         hash +
                         "      2  ok\n"
                         "\n"
                         "peers\n"
                         "  192.0.2.1:6881\n"
                         "\n"
                         "  hop  asked           id                                        round trip  outcome\n"
                         "    1  127.0.0.1:7002  -                                                  -  no answer\n"
                         "    2  127.0.0.1:7001  " +
                         hash + "     0.42 ms  answered\n");
  const auto& request = std::get<LookupRequest>(run.requests.front());
  EXPECT_EQ(request.kind, dht::LookupKind::kOwner);
  EXPECT_TRUE(request.peers);
}

TEST(Lookup, takes_a_link_and_its_entry_points) {
  const auto run = run_fake({"lookup", kLink, "--read"}, lookup_world(ring_answer()));
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.node.join, (std::vector<HostPort>{{"127.0.0.1", 7001}}));
  const auto& request = std::get<LookupRequest>(run.requests.front());
  EXPECT_EQ(request.key.hex(), kHash);
  EXPECT_EQ(request.kind, dht::LookupKind::kRead);
}

TEST(Lookup, any_other_text_is_an_error) {
  for (const std::string word : {"holiday", "0123", "x.torrent", ""}) {
    const auto run = run_fake({"lookup", word}, lookup_world(ring_answer()));
    EXPECT_EQ(run.code, 12) << word;
    EXPECT_TRUE(run.requests.empty());
  }
}

TEST(Lookup, a_failure_has_its_own_exit_code) {
  struct Case {
    dht::LookupFailure failure;
    int code;
  };
  for (const auto& [failure, code] : {Case{dht::LookupFailure::kNoContacts, 6}, Case{dht::LookupFailure::kNoAnswer, 6},
                                      Case{dht::LookupFailure::kTimedOut, 4}, Case{dht::LookupFailure::kNoOwner, 3}}) {
    RingAnswer answer;
    answer.lookup.failure = failure;
    const auto run = run_fake({"lookup", kHash}, lookup_world(answer));
    EXPECT_EQ(run.code, code);
    EXPECT_TRUE(run.err.starts_with("rondo: the ring gave no answer: ")) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

TEST(Lookup, a_failure_tells_who_was_asked) {
  RingAnswer answer = ring_answer();
  answer.lookup.failure = dht::LookupFailure::kNoAnswer;
  const auto run = run_fake({"lookup", kHash}, lookup_world(answer));
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(contains(run.err, "  127.0.0.1:7002  -  ")) << run.err;
}

TEST(Lookup, patience_ends) {
  FakeWorld world;
  world.on_idle = [](FakeClient&) { usleep(10'000); };
  const auto run = run_fake({"lookup", kHash, "--timeout", "1"}, world);
  EXPECT_EQ(run.code, 4);
  EXPECT_EQ(run.err, "rondo: the ring gave no answer within 1 second\n");
}

TEST(Lookup, ctrl_c_ends_it) {
  FakeWorld world;
  world.on_idle = press_ctrl_c;
  EXPECT_EQ(run_fake({"lookup", kHash}, world).code, 130);
}

// --- daemon ----------------------------------------------------------------------------------------------------------

FakeWorld daemon_world(dht::Role role = dht::Role::kMember) {
  FakeWorld world = lookup_world(ring_answer());
  world.script = [role, inner = world.script](FakeClient& client, RequestId number, const Request& request) {
    if (!std::holds_alternative<StatusRequest>(request)) return inner(client, number, request);
    Status status;
    status.role = role;
    status.reason = "why";
    status.network = "rondo/1";
    status.self.endpoint = Endpoint::v4(127, 0, 0, 1, 7001);
    client.push(number, status);
  };
  world.on_idle = press_ctrl_c;
  return world;
}

TEST(Daemon, says_where_it_listens_and_ends_well_by_ctrl_c) {
  const auto run = run_fake({"daemon", "--bootstrap"}, daemon_world());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "listening on 127.0.0.1:7001, member of rondo/1\n");
  EXPECT_EQ(run.err, "leaving the ring (Ctrl-C again: at once)\n");
  EXPECT_EQ(run.purpose, Purpose::kBootstrapDaemon);
}

TEST(Daemon, says_what_is_missing_when_it_knows_nobody) {
  const auto run = run_fake({"daemon"}, daemon_world(dht::Role::kClient));
  EXPECT_EQ(run.out, "listening on 127.0.0.1:7001, network rondo/1\n");
  EXPECT_TRUE(contains(run.err, "not in the ring: client (why)\n"));
  EXPECT_TRUE(contains(run.err, "name a node with --join HOST:PORT, or begin a ring with --bootstrap\n"));
  EXPECT_EQ(run.purpose, Purpose::kDaemon);
}

TEST(Daemon, tells_of_its_role) {
  FakeWorld world = daemon_world(dht::Role::kJoining);
  int idle = 0;
  world.on_idle = [&idle](FakeClient& client) {
    if (idle++ == 0) return client.push(0, RoleChangedNow{dht::Role::kMember, "took its place"});
    std::raise(SIGTERM);
  };
  const auto run = run_fake({"daemon", "--join", "127.0.0.1:1"}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(contains(run.err, "not in the ring: joining (why)\nmember of the ring (took its place)\n")) << run.err;
}

TEST(Daemon, answers_json_rpc_on_stdio_and_ends_with_it) {
  const std::string lookup =
      R"({"jsonrpc":"2.0","id":1,"method":"lookup","params":{"key":")" + std::string(kHash) + "\"}}\n";
  const Input input(lookup + "\nrubbish\n" + std::string(70'000, 'x') + "\n" +
                    R"({"jsonrpc":"2.0","method":"status"})" + "\n" +
                    R"({"jsonrpc":"2.0","id":"s","method":"status"})");
  FakeWorld world = daemon_world();
  world.on_idle = [](FakeClient&) { usleep(1000); };
  world.in_fd = input.fd();
  const auto run = run_fake({"daemon", "--stdio"}, world);
  EXPECT_EQ(run.code, 0);
  std::vector<std::string> starts;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) starts.push_back(line.substr(0, 36));
  ASSERT_EQ(starts.size(), 5u) << run.out;
  EXPECT_EQ(starts[0], R"({"event":"listening","schema":"rondo)");
  // Refusals need no node, so they may come before answers.
  std::sort(starts.begin() + 1, starts.end());
  EXPECT_TRUE(starts[1].starts_with(R"({"jsonrpc":"2.0","id":"s","result":)")) << starts[1];
  EXPECT_TRUE(starts[2].starts_with(R"({"jsonrpc":"2.0","id":1,"result":)")) << starts[2];
  EXPECT_TRUE(starts[3].starts_with(R"({"jsonrpc":"2.0","id":null,"error":)")) << starts[3];
  EXPECT_TRUE(starts[4].starts_with(R"({"jsonrpc":"2.0","id":null,"error":)")) << starts[4];
}

// --- the program -----------------------------------------------------------------------------------------------------

TEST(Program, usage_errors_exit_with_2_and_are_events_too) {
  const auto run = run_fake({"gte", "x", "--json"}, {});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(
      run.out,
      "{\"event\":\"error\",\"schema\":\"rondo.event/1\",\"code\":2,\"sentence\":\"there is no command 'gte'\"}\n");
  EXPECT_TRUE(
      run.err.starts_with("rondo: there is no command 'gte'\n  did you mean `rondo get`?\n  example: rondo get "));
}

TEST(Program, help_and_version_are_results) {
  EXPECT_EQ(run_fake({"--version"}, {}).out.substr(0, 6), "rondo ");
  const auto help = run_fake({"--help", "--json"}, {});
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(contains(help.out, "Examples:"));
  EXPECT_EQ(help.err, "");
}

TEST(Program, the_error_is_red_only_on_a_terminal_with_colour) {
  FakeWorld world;
  world.terminal.err_is_terminal = true;
  EXPECT_EQ(run_fake({"lookup", "x"}, world).err.find('\x1b'), std::string::npos);
  world.terminal.color = true;
  EXPECT_TRUE(run_fake({"lookup", "x"}, world).err.starts_with("\x1b[1;31mrondo:\x1b[0m "));
}

TEST(Get, a_search_during_the_download_does_not_replace_the_bar) {
  FakeWorld world = getting_world();
  world.terminal.err_is_terminal = true;
  world.script = [inner = world.script](FakeClient& client, RequestId number, const Request& request) {
    if (std::holds_alternative<ConfirmRequest>(request)) {
      client.push(1, Transferring{{1, 3, 0, 0, 0, 0}});
      client.push(1, Searching{0, "the only peer is gone", {}});
    }
    inner(client, number, request);
  };
  const auto run = run_fake({"get", kLink}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(contains(run.err, "the only peer is gone\n"));
  const auto first = run.err.find("looking for peers");
  EXPECT_LT(first, run.err.find("'photos'"));
  EXPECT_EQ(run.err.find("looking for peers", run.err.find("'photos'")), std::string::npos);
}

TEST(Program, a_terminal_gets_one_redrawn_line) {
  FakeWorld world = getting_world();
  world.terminal.err_is_terminal = true;
  world.terminal.width = [] { return 40u; };
  const auto run = run_fake({"get", kLink}, world);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(contains(run.err, "\rfetching  50%  1.5/3.0 MB  -  -\x1b[K")) << run.err;
  EXPECT_TRUE(contains(run.err, "\r\x1b[Kfetched and verified")) << run.err;
}

}  // namespace
}  // namespace rondo::cli
