#include "peer/transfer/scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "dht/base/display.hpp"
#include "peer/transfer/exclude.hpp"
#include "peer/transfer/fd.hpp"
#include "peer/transfer/limits.hpp"
#include "peer/transfer/notes.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;

/// An error while walking; empty while all is well.
using Problem = std::optional<TransferError>;

Problem unreadable(const std::string& path, int error) {
  const bool missing = error == ENOENT;
  return TransferError{missing ? TransferErrc::kNotFound : TransferErrc::kUnreadable,
                       missing ? "there is no " + display(path)
                               : "can't read " + display(path) + ": " + std::generic_category().message(error)};
}

std::string strip_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// What libtorrent and others take for padding, wherever it stands in a path: zeros, which nobody asks for.
constexpr std::string_view kPadding = "_____padding_file_";

/// The torrent's form of a name on disk. Torrents hold UTF-8 only.
std::string torrent_name(const std::string& name, const std::string& disk_path, Notes& notes) {
  if (const auto at = name.find(kPadding); at != std::string::npos) {
    std::string other = name;
    other.replace(at, kPadding.size(), "padding_file_");
    notes.add(display(disk_path) + " has a name that stands for padding: it is shared as " + display(other));
    return torrent_name(other, disk_path, notes);
  }
  if (is_valid_utf8(name)) return name;
  std::string out;
  for (std::string_view rest = name; !rest.empty();) {
    const CodePoint next = first_code_point(rest);
    if (next.valid)
      out.append(rest.substr(0, next.length));
    else
      out += '_';
    rest.remove_prefix(next.length);
  }
  notes.add("the name of " + display(disk_path) + " is not UTF-8: it is shared as " + display(out));
  return out;
}

/// Our own downloads that are not complete have no place in a share.
bool is_staging(std::string_view name) { return name.starts_with(".rondo-") && name.ends_with(".part"); }

/// The names in an open folder, sorted so that notes come in the same order each time. Returns errno.
int read_names(int folder, std::vector<std::string>& names) {
  // fdopendir() takes the descriptor over, and the walk still needs its own.
  Fd copy(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy.ok() ? ::fdopendir(copy.get()) : nullptr, ::closedir);
  if (!entries) return errno;
  copy.release();
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  std::sort(names.begin(), names.end());
  return error;
}

class Walker {
 public:
  Walker(Scan& scan, Notes& notes, ExcludeList& exclude, const std::atomic<bool>& cancelled)
      : scan_(scan), notes_(notes), exclude_(exclude), cancelled_(cancelled) {}

  /// One path of the user, which appears as `torrent_path`. Patterns see its own name, unless it is `only` a folder:
  /// whoever names one folder wants that folder.
  Problem walk_given(const std::string& disk_path, const std::string& name, const std::string& torrent_path,
                     bool only) {
    struct ::stat info {};
    if (::stat(disk_path.c_str(), &info) != 0) return unreadable(disk_path, errno);
    const bool is_folder = S_ISDIR(info.st_mode);
    if (!(only && is_folder) && exclude_.leaves_out("", name, is_folder)) return std::nullopt;
    given_length_ = disk_path.size() + (disk_path.ends_with('/') ? 0 : 1);
    if (is_folder) {
      Fd folder(::open(disk_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!folder.ok()) return unreadable(disk_path, errno);
      return walk_folder(std::move(folder), disk_path, torrent_path, 1);
    }
    return take(AT_FDCWD, disk_path.c_str(), disk_path, torrent_path, info);
  }

 private:
  Problem walk_folder(Fd folder, const std::string& disk_path, const std::string& torrent_path, std::size_t depth) {
    if (cancelled_) return TransferError{TransferErrc::kInternal, "cancelled"};
    if (depth > limits::kNameDepth)
      return TransferError{
          TransferErrc::kUnreadable,
          "folders are nested deeper than " + std::to_string(limits::kNameDepth) + " below " + display(disk_path)};
    std::vector<std::string> names;
    if (const int error = read_names(folder.get(), names); error != 0) return unreadable(disk_path, error);
    if (names.empty()) notes_.add("left out the empty folder " + display(disk_path));
    for (const std::string& name : names) {
      const std::string below = disk_path + (disk_path.ends_with('/') ? "" : "/") + name;
      if (Problem problem = walk_entry(folder.get(), name, below, torrent_path, depth)) return problem;
    }
    return std::nullopt;
  }

  Problem walk_entry(int parent, const std::string& name, const std::string& disk_path,
                     const std::string& torrent_parent, std::size_t depth) {
    struct ::stat info {};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return unreadable(disk_path, errno);
    if (exclude_.leaves_out(std::string_view(disk_path).substr(given_length_), name, S_ISDIR(info.st_mode)))
      return std::nullopt;
    const std::string torrent_path = torrent_parent + "/" + torrent_name(name, disk_path, notes_);
    if (!S_ISDIR(info.st_mode)) return take(parent, name.c_str(), disk_path, torrent_path, info);
    if (is_staging(name)) {
      notes_.add("left out the unfinished download " + display(disk_path));
      return std::nullopt;
    }
    Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.ok()) return unreadable(disk_path, errno);
    return walk_folder(std::move(folder), disk_path, torrent_path, depth + 1);
  }

  Problem take(int parent, const char* name, const std::string& disk_path, const std::string& torrent_path,
               const struct ::stat& info) {
    if (!S_ISREG(info.st_mode)) {
      const char* kind = S_ISLNK(info.st_mode)    ? "symbolic link "
                         : S_ISSOCK(info.st_mode) ? "socket "
                         : S_ISFIFO(info.st_mode) ? "named pipe "
                                                  : "device ";
      notes_.add("left out the " + (kind + display(disk_path)));
      return std::nullopt;
    }
    // Asked now, so that a share of many gigabytes doesn't fail at its last file.
    if (::faccessat(parent, name, R_OK, AT_EACCESS) != 0) return unreadable(disk_path, errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    scan_.files.push_back({torrent_path, disk_path, size, identity_of(info), (info.st_mode & S_IXUSR) != 0});
    scan_.bytes += size;
    return std::nullopt;
  }

  Scan& scan_;
  Notes& notes_;
  ExcludeList& exclude_;
  const std::atomic<bool>& cancelled_;
  /// Of the given path that is being walked, with the '/' behind it.
  std::size_t given_length_ = 0;
};

struct Root {
  std::string disk_path;
  std::string name;
};

/// A given path may be a symbolic link, or "."; its name is as given, or as the system knows it.
Result<Root, TransferError> root_of(const fs::path& path) {
  std::error_code error;
  if (path.empty()) return Failure{TransferError{TransferErrc::kNotFound, "a path to share is empty"}};
  const std::string given = strip_slashes(path.string());
  const std::string real = fs::canonical(given, error).string();
  if (error) return Failure{*unreadable(given, error.value())};
  std::string name = fs::path(given).filename().string();
  if (name == "." || name == ".." || name == "/" || name.empty()) name = fs::path(real).filename().string();
  if (name.empty()) name = "files";
  return Root{real, std::move(name)};
}

/// Names that meet because of replaced bytes, or because two given paths end alike, are told apart by a number.
void make_unique(std::vector<ScannedFile>& files) {
  std::unordered_set<std::string> taken;
  for (ScannedFile& file : files) {
    std::string candidate = file.torrent_path;
    for (unsigned i = 2; !taken.insert(candidate).second; ++i)
      candidate = file.torrent_path + " (" + std::to_string(i) + ")";
    file.torrent_path = std::move(candidate);
  }
}

/// What patterns did, and those that did nothing: likely misspelt. Patterns are few and need no bound.
std::vector<std::string> exclude_notes(const ExcludeList& exclude) {
  std::vector<std::string> notes;
  const auto counted = [](std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  const std::size_t files = exclude.files();
  const std::size_t folders = exclude.folders();
  if (files + folders != 0)
    notes.push_back("left out " + (files != 0 ? counted(files, "file") : "") +
                    (files != 0 && folders != 0 ? " and " : "") + (folders != 0 ? counted(folders, "folder") : "") +
                    " by --exclude");
  for (const std::string& pattern : exclude.unused())
    notes.push_back("--exclude '" + display(pattern) + "' matched nothing");
  return notes;
}

TransferError nothing_in(const std::vector<Root>& roots, const Scan& scan) {
  const std::string what = display(roots.front().disk_path) + (roots.size() > 1 ? " and the others" : "");
  const char* why = !scan.files.empty()  ? ": every file is empty"
                    : scan.excluded != 0 ? ": --exclude leaves out everything"
                                         : ": no file";
  return {TransferErrc::kEmpty, "there is nothing to share in " + what + why};
}

Result<std::vector<Root>, TransferError> roots_of(const std::vector<fs::path>& paths) {
  std::vector<Root> roots;
  std::unordered_set<std::string> names;
  for (const fs::path& path : paths) {
    auto root = root_of(path);
    if (!root) return Failure{root.error()};
    const std::string base = root->name;
    for (unsigned i = 2; !names.insert(root->name).second; ++i) root->name = base + " (" + std::to_string(i) + ")";
    roots.push_back(std::move(*root));
  }
  return roots;
}

std::string default_name(const std::vector<Root>& roots) {
  if (roots.size() == 1) return roots[0].name;
  return roots[0].name + " and " + std::to_string(roots.size() - 1) + " more";
}

}  // namespace

Result<Scan, TransferError> scan_paths(const CreateRequest& request, const std::atomic<bool>& cancelled) {
  for (const std::string& pattern : request.exclude)
    if (const auto problem = exclude_problem(pattern))
      return Failure{TransferError{TransferErrc::kBadPattern, "a pattern is malformed: " + *problem}};
  auto roots = roots_of(request.paths);
  if (!roots) return Failure{roots.error()};
  if (roots->empty())
    return Failure{TransferError{TransferErrc::kEmpty, "there is nothing to share: no path is given"}};

  Scan scan;
  Notes notes;
  scan.name = torrent_name(request.name.value_or(default_name(*roots)), roots->front().disk_path, notes);
  // A name is one component; what could not be one is no name.
  if (scan.name.empty() || scan.name == "." || scan.name == ".." || scan.name.find('/') != std::string::npos)
    return Failure{TransferError{TransferErrc::kBadTorrent, "\"" + display(scan.name) + "\" can't be a share's name"}};
  scan.parent = fs::path(roots->front().disk_path).parent_path().string();
  ExcludeList exclude(request.exclude);
  Walker walker(scan, notes, exclude, cancelled);
  for (const Root& root : *roots) {
    const bool only = roots->size() == 1;
    const std::string torrent_path =
        only ? scan.name : scan.name + "/" + torrent_name(root.name, root.disk_path, notes);
    if (auto problem = walker.walk_given(root.disk_path, root.name, torrent_path, only))
      return Failure{std::move(*problem)};
  }
  scan.excluded = exclude.files() + exclude.folders();
  scan.notes = exclude_notes(exclude);
  for (std::string& note : notes.take()) scan.notes.push_back(std::move(note));
  if (scan.files.empty() || scan.bytes == 0) return Failure{nothing_in(*roots, scan)};
  std::sort(scan.files.begin(), scan.files.end(), [](const ScannedFile& a, const ScannedFile& b) {
    return std::tie(a.torrent_path, a.disk_path) < std::tie(b.torrent_path, b.disk_path);
  });
  make_unique(scan.files);
  return scan;
}

}  // namespace rondo::peer
