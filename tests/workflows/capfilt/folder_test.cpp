// The folder of a CapFilt job: which jobs may go on in it.
#include "blip2/workflows/capfilt/folder.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;

TEST(CapFiltFolder, AnotherVersionOfTheFormatIsRefused) {
  const TemporaryFolder scratch;
  const CapFiltFolder folder(scratch.path() / "job");
  folder.join({.num_shards = 1, .lease_s = 60, .identity = {{"model", "a"}}, .config_yaml = ""});
  EXPECT_EQ(folder.read_job().num_shards, 1);
  std::string text = read_file(folder.description());
  const size_t at = text.find("\"format\": 2");
  ASSERT_NE(at, std::string::npos) << text;
  write_file_atomic(folder.description(), text.replace(at, 11, "\"format\": 3"));
  try {
    folder.read_job();
    FAIL() << "format 3 was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(std::string(error.what()),
              folder.description().string() + ": expected format 2, found 3");
  }
}

}  // namespace
}  // namespace blip2
