// State files that were damaged, or written by another version: remembered contacts and the device key. The first byte
// chooses the file, the rest is its content.
#include <stdlib.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "dht/base/assert.hpp"
#include "dht/base/display.hpp"
#include "peer/control/node_state.hpp"
#include "peer/identity/device_key.hpp"

namespace {

namespace fs = std::filesystem;
using namespace rondo;

/// One folder for the life of the process.
class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "rondo-fuzz-XXXXXX").string();
    RONDO_ASSERT(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

  [[nodiscard]] fs::path write(const char* name, const std::uint8_t* data, std::size_t size) const {
    const fs::path file = path_ / name;
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    RONDO_ASSERT(::chmod(file.c_str(), 0600) == 0);
    return file;
  }

 private:
  fs::path path_;
};

void check_contacts(const Folder& folder, Family family) {
  const control::ContactsFile file(folder.path(), "rondo/1", family);
  const auto contacts = file.load();
  RONDO_ASSERT(contacts.size() <= control::ContactsFile::kOwn);
  for (const Endpoint& contact : contacts) RONDO_ASSERT(contact.family == family && is_usable(contact));
  // What was read is kept, and what belongs to others stays theirs.
  RONDO_ASSERT(file.save(contacts).ok() && file.load() == contacts);
}

void check_key(const fs::path& file) {
  const auto key = peer::DeviceKey::load_or_create(file);
  if (!key) {
    RONDO_ASSERT(!key.error().empty() && display(key.error()) == key.error());
    return;
  }
  const auto again = peer::DeviceKey::load_or_create(file);
  RONDO_ASSERT(again.ok() && again->public_key_hex() == key->public_key_hex());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder kFolder;
  if (size == 0) return 0;
  if (data[0] == 'k') {
    check_key(kFolder.write("device-key", data + 1, size - 1));
    return 0;
  }
  (void)kFolder.write("contacts", data + 1, size - 1);
  check_contacts(kFolder, Family::kV4);
  check_contacts(kFolder, Family::kV6);
  return 0;
}
