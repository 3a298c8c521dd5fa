// Golden: tools/make_train_goldens.py, PyPI tensorboard's RecordWriter.
#include "blip2/train/records/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "blip2/base/list_files.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

TEST(TensorBoard, Crc32c) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(TensorBoard, WritesTensorBoardsBytes) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string written =
      tfrecord(file_version_event(1700000000.25)) +
      tfrecord(session_start_event(1700000000.25, 6)) +
      tfrecord(scalars_event(1700000001.5, 0, {{"loss", 1.5}})) +
      tfrecord(scalars_event(
          1700000001.5, 123456789,
          {{"loss", -0.25}, {"loss_itc", nan}, {"learning_rate_with_a_long_name_indeed", 1e-4}}));
  EXPECT_EQ(written, read_file(testing::golden("events.tfrecord")));
}

TEST(TensorBoard, AFileHoldsItsVersionASessionStartAndTheRows) {
  const testing::TemporaryFolder folder;
  TensorBoardWriter writer(folder / "tensorboard", 6);
  writer.write(6, {{"loss", 1.0}});
  const auto files = list_files(folder / "tensorboard", {});
  ASSERT_EQ(files.size(), 1u);
  EXPECT_NE(files[0].filename().string().find("tfevents"), std::string::npos);
  const std::string bytes = read_file(files[0]);  // there before the writer is gone
  const size_t frame = 16;
  EXPECT_EQ(bytes.size(), 3 * frame + file_version_event(0).size() +
                              session_start_event(1, 6).size() +
                              scalars_event(1, 6, {{"loss", 1.0}}).size());
}

}  // namespace
}  // namespace blip2
