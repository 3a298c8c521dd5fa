// How often loading a model opens the files of its directory: once each.
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <string>

#include "blip2/models/bundle.h"
#include "blip2/models/directory/inspect.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using testing::TemporaryFolder;

/// Counts how often files of a directory and its folders are opened while it lives, as the kernel
/// tells it.
class OpenCounter {
 public:
  explicit OpenCounter(const fs::path& directory) : queue_(::inotify_init1(IN_NONBLOCK)) {
    watch(directory, "");
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_directory()) {
        watch(entry.path(), fs::relative(entry.path(), directory).string() + "/");
      }
    }
  }
  ~OpenCounter() { ::close(queue_); }
  OpenCounter(const OpenCounter&) = delete;
  OpenCounter& operator=(const OpenCounter&) = delete;

  /// By path below the directory. Opening a folder itself does not count.
  std::map<std::string, int> counts() {
    std::map<std::string, int> counts;
    alignas(inotify_event) std::array<char, 1 << 16> buffer;
    for (ssize_t size; (size = ::read(queue_, buffer.data(), buffer.size())) > 0;) {
      for (ssize_t place = 0; place < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + place);
        const bool is_file = event->len > 0 && (event->mask & IN_ISDIR) == 0;
        if (is_file) ++counts[folders_.at(event->wd) + event->name];
        place += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return counts;
  }

 private:
  void watch(const fs::path& folder, const std::string& prefix) {
    const int watched = ::inotify_add_watch(queue_, folder.c_str(), IN_OPEN);
    if (watched >= 0) folders_[watched] = prefix;
  }

  int queue_;
  std::map<int, std::string> folders_;
};

class FileOpens : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    testing::write_tiny_directory(GetParam(), folder_ / "scratch", folder_ / "model");
  }

  void expect_one_each(const std::map<std::string, int>& counts) {
    EXPECT_TRUE(counts.contains("config.json"));
    EXPECT_TRUE(counts.contains("model.safetensors"));
    for (const auto& [name, count] : counts) EXPECT_EQ(count, 1) << name;
  }

  TemporaryFolder folder_;
};

TEST_P(FileOpens, ALoadOpensEachFileOnce) {
  OpenCounter counter(folder_ / "model");
  load_bundle(folder_ / "model");
  expect_one_each(counter.counts());
}

TEST_P(FileOpens, AnInspectionOpensEachFileOnce) {
  OpenCounter counter(folder_ / "model");
  inspect_directory(folder_ / "model");
  expect_one_each(counter.counts());
}

INSTANTIATE_TEST_SUITE_P(Kinds, FileOpens,
                         ::testing::Values("Retrieval", "Generation", "Instruct", "Blip", "Clip"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace blip2
