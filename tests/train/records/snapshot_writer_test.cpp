// Snapshots written by a thread: they hold the values of their start, and errors reach the caller.
#include "blip2/train/records/snapshot_writer.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/train/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::ToyStage;

RunState state_of(int64_t step) {
  RunState state;
  state.step = step;
  state.data.shape.places = 1;
  return state;
}

/// The tensors of a stage, its bias in place of an optimiser's.
SnapshotTensors tensors_of(ToyStage& stage) {
  return {{{"layer.weight", &stage.weight}, {"temp", &stage.temp}}, {{"bias", &stage.bias}}};
}

TEST(SnapshotWriter, ASnapshotHoldsTheValuesOfItsStart) {
  const TemporaryFolder folder;
  ToyStage stage;
  SnapshotWriter writer(folder.path(), 3, {});
  std::vector<std::string> expected;
  for (const int64_t step : {4, 5, 6}) {
    expected.push_back(stage.bytes());
    writer.start(state_of(step), tensors_of(stage));
    const at::NoGradGuard no_grad;
    for (const NamedTensor& named : stage.trained_tensors()) named.tensor->add_(1);
  }
  writer.finish();
  for (size_t i = 0; i < expected.size(); ++i) {
    ToyStage loaded(7);
    EXPECT_EQ(load_snapshot(snapshot_folder(folder.path(), 4 + static_cast<int64_t>(i)),
                            tensors_of(loaded))
                  .step,
              4 + static_cast<int64_t>(i));
    EXPECT_EQ(loaded.bytes(), expected[i]);
  }
}

TEST(SnapshotWriter, TheNewestSnapshotIsTheOneOnDisk) {
  const TemporaryFolder folder;
  ToyStage stage;
  SnapshotWriter writer(folder.path(), 1, "earlier");
  EXPECT_EQ(writer.newest(), "earlier");
  writer.start(state_of(4), tensors_of(stage));
  writer.start(state_of(5), tensors_of(stage));  // waits for the one before
  EXPECT_TRUE(fs::exists(writer.newest()));
  writer.finish();
  EXPECT_EQ(writer.newest(), snapshot_folder(folder.path(), 5));
  EXPECT_EQ(newest_snapshot(folder.path()), writer.newest());
  EXPECT_FALSE(fs::exists(snapshot_folder(folder.path(), 4)));  // one is kept
}

TEST(SnapshotWriter, AFailureIsThrownOnce) {
  const TemporaryFolder folder;
  const fs::path checkpoints = folder / "checkpoints";
  write_file_atomic(checkpoints, "a file where the folder should be");
  ToyStage stage;
  SnapshotWriter writer(checkpoints, 1, {});
  const auto code_of = [](const auto& call) {
    try {
      call();
      return std::string("none");
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("checkpoints"));
      return std::string(error.code() == ErrorCode::kUnavailable ? "unavailable" : "another");
    }
  };
  writer.start(state_of(4), tensors_of(stage));
  EXPECT_EQ(code_of([&] { writer.finish(); }), "unavailable");
  EXPECT_EQ(code_of([&] { writer.finish(); }), "none");

  writer.start(state_of(5), tensors_of(stage));
  EXPECT_EQ(code_of([&] { writer.start(state_of(6), tensors_of(stage)); }), "unavailable");

  writer.start(state_of(7), tensors_of(stage));
  std::string found = "none";
  for (int i = 0; i < 1000 && found == "none"; ++i) {
    found = code_of([&] { writer.check(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(found, "unavailable");

  writer.start(state_of(8), tensors_of(stage));
  writer.settle();  // a warning
  EXPECT_TRUE(writer.newest().empty());
}

}  // namespace
}  // namespace blip2
