// Runs a fuzz entry over a corpus folder without libFuzzer: one program a fuzzer, a test in every build.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

/// The regular files of a folder in the order of their names; nothing when the folder can't be read.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<Input> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return Input(text.begin(), text.end());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return 2;
  }
  const auto files = files_of(argv[1]);
  if (files.empty()) {
    std::fprintf(stderr, "%s: no inputs: the corpus is missing or empty\n", argv[1]);
    return 1;
  }
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(&nothing, 0);
  for (const auto& path : files) {
    const auto input = read(path);
    if (!input) {
      std::fprintf(stderr, "%s: can't be read\n", path.c_str());
      return 1;
    }
    // Named before the run, so that a crash names its input.
    std::printf("%s (%zu bytes)\n", path.filename().c_str(), input->size());
    std::fflush(stdout);
    // An exact copy on the heap: a sanitizer then sees every byte read past the end.
    LLVMFuzzerTestOneInput(input->data(), input->size());
  }
  std::printf("replayed %zu inputs\n", files.size() + 1);
  return 0;
}
