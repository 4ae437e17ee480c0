#include "peer/identity/device_key.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tests/support/temp_dir.hpp"

namespace rondo::peer {
namespace {

namespace fs = std::filesystem;
using rondo::test::TempDir;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class DeviceKeyFile : public ::testing::Test {
 protected:
  /// Loading fails with a sentence that names the file and says `why`, and the file stays as it is.
  void expect_refused(const std::string& why) {
    const std::string before = text_of(file_);
    const auto key = DeviceKey::load_or_create(file_);
    ASSERT_FALSE(key);
    EXPECT_NE(key.error().find(file_.string()), std::string::npos) << key.error();
    EXPECT_NE(key.error().find(why), std::string::npos) << key.error();
    EXPECT_EQ(text_of(file_), before);
  }

  TempDir dir_;
  fs::path file_ = dir_ / "device.key";
};

TEST_F(DeviceKeyFile, is_made_once_and_private) {
  const auto made = DeviceKey::load_or_create(file_);
  ASSERT_TRUE(made) << made.error();
  struct ::stat info {};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0600u);
  const auto loaded = DeviceKey::load_or_create(file_);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->public_key(), made->public_key());
  EXPECT_EQ(made->public_key_hex().size(), 64u);
  const TempDir other;
  EXPECT_NE(DeviceKey::load_or_create(other / "device.key")->public_key(), made->public_key());
}

TEST_F(DeviceKeyFile, readable_by_others_is_refused) {
  ASSERT_TRUE(DeviceKey::load_or_create(file_));
  for (const mode_t mode : {0640u, 0604u, 0660u, 0644u}) {
    ::chmod(file_.c_str(), mode);
    expect_refused("can be read by others");
  }
}

TEST_F(DeviceKeyFile, damage_is_found_at_every_byte) {
  ASSERT_TRUE(DeviceKey::load_or_create(file_));
  const std::string good = text_of(file_);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == '7' ? '8' : '7';
    std::ofstream(file_, std::ios::binary) << bad;
    expect_refused("is damaged");
  }
  std::ofstream(file_, std::ios::binary) << good;
  EXPECT_TRUE(DeviceKey::load_or_create(file_));
}

TEST_F(DeviceKeyFile, wrong_sizes_are_refused) {
  ASSERT_TRUE(DeviceKey::load_or_create(file_));
  const std::string good = text_of(file_);
  for (const std::string& bad : {std::string(), good.substr(1), good + "\n"}) {
    std::ofstream(file_, std::ios::binary) << bad;
    expect_refused("is damaged (" + std::to_string(bad.size()) + " bytes");
  }
}

TEST_F(DeviceKeyFile, links_and_folders_are_refused) {
  ASSERT_TRUE(DeviceKey::load_or_create(file_));
  fs::create_symlink(file_, dir_ / "link");
  EXPECT_FALSE(DeviceKey::load_or_create(dir_ / "link"));
  fs::create_symlink(dir_ / "nowhere", dir_ / "dangling");
  EXPECT_FALSE(DeviceKey::load_or_create(dir_ / "dangling"));
  fs::create_directory(dir_ / "folder");
  EXPECT_FALSE(DeviceKey::load_or_create(dir_ / "folder"));
}

TEST_F(DeviceKeyFile, a_folder_that_is_missing_is_named) {
  const auto key = DeviceKey::load_or_create("/nonexistent/device.key");
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().find("/nonexistent"), std::string::npos) << key.error();
}

TEST_F(DeviceKeyFile, signatures_verify_and_any_change_breaks_them) {
  const auto key = DeviceKey::load_or_create(file_);
  ASSERT_TRUE(key);
  const std::string message = "a message";
  const Signature signature = key->sign(as_bytes(message));
  EXPECT_TRUE(verify_signature(key->public_key(), as_bytes(message), signature));
  EXPECT_EQ(key->sign(as_bytes(message)), signature) << "Ed25519 signatures are deterministic";
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    Signature changed = signature;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(verify_signature(key->public_key(), as_bytes(message), changed)) << bit;
  }
  EXPECT_FALSE(verify_signature(key->public_key(), as_bytes("a massage"), signature));
  EXPECT_FALSE(verify_signature(PublicKey{}, as_bytes(message), signature));
  EXPECT_FALSE(verify_signature(key->public_key(), as_bytes(message), ByteView(signature).first(63)));
  EXPECT_FALSE(verify_signature(key->public_key(), as_bytes(message), {}));
}

TEST(VerifySignature, knows_the_vector_of_rfc_8032) {
  // Section 7.1, test 2.
  const auto key = array_from_hex<32>("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto signature = array_from_hex<64>(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  ASSERT_TRUE(key && signature);
  const Bytes message{0x72};
  EXPECT_TRUE(verify_signature(*key, message, *signature));
}

}  // namespace
}  // namespace rondo::peer
