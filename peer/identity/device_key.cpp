#include "peer/identity/device_key.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "dht/base/assert.hpp"
#include "dht/base/crypto.hpp"
#include "dht/base/display.hpp"
#include "peer/identity/home.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "rondo-device-key-1 ";
constexpr std::size_t kFileBytes = kMagic.size() + 64 + 1 + 64 + 1;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

/// Bytes that are wiped when they go out of scope.
struct Wiped {
  std::string text;
  ~Wiped() { OPENSSL_cleanse(text.data(), text.size()); }
};

Failure<std::string> unusable(const fs::path& file, const std::string& why) {
  return Failure<std::string>{"the device key " + display(file.string()) + " " + why};
}

/// What stat() says against using the file; nothing when all is well.
std::optional<std::string> objection(const struct ::stat& info) {
  if (!S_ISREG(info.st_mode)) return "is not a regular file";
  if (info.st_uid != ::geteuid()) return "belongs to another user";
  if ((info.st_mode & 077) != 0)
    return "can be read by others: say chmod 600 if nobody did, else remove it and be a new device";
  if (info.st_size != static_cast<off_t>(kFileBytes))
    return "is damaged (" + std::to_string(info.st_size) + " bytes, " + std::to_string(kFileBytes) +
           " expected): restore it from a backup, or remove it and be a new device";
  return std::nullopt;
}

bool read_all(int fd, std::string& out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(fd, out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

bool verify_signature(const PublicKey& key, ByteView message, ByteView signature) {
  if (signature.size() != std::tuple_size_v<Signature>) return false;
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()), EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new());
  if (!pkey || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

DeviceKey::DeviceKey(const Seed& seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()), EVP_PKEY_free) {
  std::size_t size = public_key_.size();
  RONDO_ASSERT(key_ != nullptr && EVP_PKEY_get_raw_public_key(key_.get(), public_key_.data(), &size) == 1);
}

Signature DeviceKey::sign(ByteView message) const {
  Signature out{};
  std::size_t size = out.size();
  const Context context(EVP_MD_CTX_new());
  RONDO_ASSERT(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  RONDO_ASSERT(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  return out;
}

Result<DeviceKey> DeviceKey::load_or_create(const fs::path& file) {
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return create(file);
  return load(file);
}

Result<DeviceKey> DeviceKey::load(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return unusable(file, std::string("can't be read: ") + std::generic_category().message(errno));
  struct ::stat info {};
  Wiped content{std::string(kFileBytes, '\0')};
  const bool known = ::fstat(fd, &info) == 0;
  const auto bad = known ? objection(info) : "can't be examined";
  const bool got = !bad && read_all(fd, content.text);
  ::close(fd);
  if (bad) return unusable(file, *bad);
  if (!got) return unusable(file, "can't be read");

  const std::string_view text = content.text;
  auto seed = array_from_hex<32>(text.substr(kMagic.size(), 64));
  const auto shown = array_from_hex<32>(text.substr(kMagic.size() + 65, 64));
  if (text.starts_with(kMagic) && text[kMagic.size() + 64] == ' ' && text.back() == '\n' && seed && shown) {
    DeviceKey key(*seed);
    OPENSSL_cleanse(seed->data(), seed->size());
    if (key.public_key_ == *shown) return key;
  }
  return unusable(file, "is damaged: restore it from a backup, or remove it and be a new device");
}

Result<DeviceKey> DeviceKey::create(const fs::path& file) {
  Seed seed;
  random_bytes(seed);
  DeviceKey key(seed);
  Wiped hex{to_hex(seed)};
  OPENSSL_cleanse(seed.data(), seed.size());
  Wiped content;
  // Reserved, so that no copy is left behind where the text grew.
  content.text.reserve(kFileBytes);
  content.text.append(kMagic).append(hex.text).append(" ").append(key.public_key_hex()).append("\n");
  auto written = atomic_write_file(file, as_bytes(content.text), 0600, IfThere::kFail);
  // Another process may have made one meanwhile: then that is the key.
  if (!written && ::access(file.c_str(), F_OK) == 0) return load(file);
  if (!written) return Failure{written.error()};
  return key;
}

}  // namespace rondo::peer
