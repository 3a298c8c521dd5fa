// Every reader against files that are cut at every length and changed at every byte: each ends in
// an Error with a one-line message, or in tensors; never in another exception or a crash.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blip2/base/random.h"
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
  ASSERT_TRUE(survives(good_));
  for (size_t size = 0; size < good_.size(); ++size) {
    // Only the padding behind a GGUF file's last tensor can be spared.
    const bool may_survive = GetParam().ends_with(".gguf") && size + 32 > good_.size();
    EXPECT_TRUE(!survives(good_.substr(0, size)) || may_survive) << size << " of " << good_.size();
  }
}

TEST_P(BadFiles, ChangedAtEveryByte) {
  for (const char change : {'\xFF', '\x01'}) {
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

INSTANTIATE_TEST_SUITE_P(Goldens, BadFiles,
                         ::testing::Values("dtypes.safetensors", "two.safetensors", "zip.pth",
                                           "wrapped.pth", "legacy.pth", "wrapped_legacy.pth",
                                           "types.gguf"));

}  // namespace
}  // namespace blip2
