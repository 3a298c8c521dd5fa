// Every reader against files that are cut at every length and changed at every byte: each ends in
// an Error with a one-line message, or in tensors; never in another exception or a crash.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blip2/base/random.h"
#include "blip2/checkpoint/open_source.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;

/// A file in memory only: there are a hundred thousand of them here.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("bad", 0)) {}
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void assign(std::string_view bytes) const {
    ASSERT_EQ(::ftruncate(descriptor_, 0), 0);
    ASSERT_EQ(::pwrite(descriptor_, bytes.data(), bytes.size(), 0), std::ssize(bytes));
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

class BadFiles : public ::testing::TestWithParam<std::string> {
 protected:
  std::string good_ = read_file(golden_folder() / GetParam());
  MemoryFile file_;

  /// Opens the bytes and reads every tensor. Returns whether that worked.
  bool survives(std::string_view bytes) {
    file_.assign(bytes);
    try {
      const auto source = open_source(file_.path());
      for (const TensorInfo& info : source->infos()) source->read(info.name);
      return true;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      EXPECT_NE(message.find(file_.path()), std::string::npos) << message;
      EXPECT_NE(error.code(), ErrorCode::kInternal) << message;
      EXPECT_LT(message.size(), 1000u);
      return false;
    }
  }
};

TEST_P(BadFiles, CutAtEveryLength) {
  // A whole module is refused; that must not depend on where its file ends.
  ASSERT_EQ(survives(good_), GetParam() != "module.pth");
  for (size_t size = 0; size < good_.size(); ++size) {
    // Only the padding behind a GGUF file's last tensor can be spared.
    const bool may_survive = GetParam().ends_with(".gguf") && size + 32 > good_.size();
    EXPECT_TRUE(!survives(good_.substr(0, size)) || may_survive) << size << " of " << good_.size();
  }
}

TEST_P(BadFiles, ChangedAtEveryByte) {
  for (const char change : {'\xFF', '\x01', '\x80', '\x20'}) {
    for (size_t i = 0; i < good_.size(); ++i) {
      std::string bad = good_;
      bad[i] = static_cast<char>(bad[i] ^ change);
      survives(bad);
    }
  }
}

TEST_P(BadFiles, ChangedInSeveralPlaces) {
  Random random(7, "bad files");
  for (int trial = 0; trial < 3000; ++trial) {
    std::string bad = good_;
    const uint64_t num_changes = 1 + random.below(8);
    for (uint64_t i = 0; i < num_changes; ++i) {
      const size_t place = random.below(bad.size());
      const size_t run = std::min<size_t>(1 + random.below(8), bad.size() - place);
      const char value = random.below(2) == 0 ? '\xFF' : static_cast<char>(random.below(256));
      for (size_t j = 0; j < run; ++j) bad[place + j] = value;
    }
    survives(bad);
  }
}

TEST(BadIndexes, CutAtEveryLengthAndChangedAtEveryByte) {
  const TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder() / "sharded_bin")) {
    std::filesystem::copy(entry.path(), folder / entry.path().filename().string());
  }
  const std::filesystem::path path = folder / "pytorch_model.bin.index.json";
  const std::string good = read_file(path);
  const auto survives = [&](std::string_view bytes) {
    write_bytes(path, bytes);
    try {
      summarise(*open_source(folder.path()));
      return true;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      return false;
    }
  };
  ASSERT_TRUE(survives(good));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(survives(good.substr(0, size)));
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char change : {'\xFF', '\x01', '\x20'}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      survives(bad);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, BadFiles,
                         ::testing::Values("dtypes.safetensors", "two.safetensors", "zip.pth",
                                           "wrapped.pth", "legacy.pth", "wrapped_legacy.pth",
                                           "views_legacy.pth", "opaque.pth", "opaque_legacy.pth",
                                           "protocol4.pth", "module.pth", "types.gguf"));

}  // namespace
}  // namespace blip2
