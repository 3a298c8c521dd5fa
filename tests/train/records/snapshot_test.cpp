// Snapshots: saving and loading is the identity, and damaged, foreign or unfinished ones are
// refused.
#include "blip2/train/records/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "blip2/train/optimizer.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::ToyStage;

RunState state_of(int64_t step) {
  return {.step = step,
          .batches_consumed = 2 * step,
          .samples = 8 * step,
          .bad_steps = 1,
          .elapsed_s = 1.0 / 3,
          .seed = 42,
          .config_yaml = "run: {}\n",
          .config_checksum = "",
          .data = {.shape = {.places = 50, .is_sharded = true, .batch_size = 4, .num_ranks = 3},
                   .position = {.epoch = 2, .ranges = {{3, 20}, {31, 50}}, .batches = 1},
                   .lists = {{"squares",
                              {.records = 40,
                               .entries = 3,
                               .any_order = ~uint64_t{7},
                               .block = 2,
                               .blocks = {5, ~uint64_t{0}}}}}},
          .in_batches = {}};
}

/// A stage with an optimiser that has made a step, so that all of its tensors differ from zero.
struct Trained {
  ToyStage stage;
  AdamW optimizer;

  explicit Trained(uint64_t seed) : stage(seed), optimizer(stage.trained_tensors(), {}) {
    stage.seek({});
    stage.run_batch({}).loss.backward();
    optimizer.step(0.1);
  }
  SnapshotTensors tensors() { return {stage.trained_tensors(), optimizer.state()}; }
};

std::string bytes_of(const SnapshotTensors& tensors) {
  std::string all;
  for (const auto& list : {tensors.model, tensors.optimizer}) {
    for (const NamedTensor& named : list) {
      all += named.name;
      all.append(static_cast<const char*>(named.tensor->const_data_ptr()), named.tensor->nbytes());
    }
  }
  return all;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Snapshot, SavedAndLoadedIsTheSame) {
  const TemporaryFolder folder;
  Trained saved(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(7), saved.tensors(), 3);
  EXPECT_EQ(snapshot, folder / "step-000000007");
  Trained loaded(2);
  ASSERT_NE(bytes_of(loaded.tensors()), bytes_of(saved.tensors()));
  const RunState state = load_snapshot(snapshot, loaded.tensors());
  EXPECT_EQ(bytes_of(loaded.tensors()), bytes_of(saved.tensors()));
  EXPECT_TRUE(loaded.stage.weight.requires_grad());
  EXPECT_EQ(state.step, 7);
  EXPECT_EQ(state.batches_consumed, 14);
  const DataState data = state_of(7).data;
  EXPECT_EQ(state.data.shape, data.shape);
  EXPECT_EQ(state.data.position.epoch, 2);
  EXPECT_EQ(state.data.position.ranges, data.position.ranges);
  EXPECT_EQ(state.data.position.batches, 1);
  ASSERT_EQ(state.data.lists.size(), 1u);
  EXPECT_EQ(state.data.lists[0].name, "squares");
  EXPECT_EQ(state.data.lists[0].list, data.lists[0].list);
  EXPECT_FALSE(state.in_batches);
  EXPECT_EQ(state.samples, 56);
  EXPECT_EQ(state.bad_steps, 1);
  EXPECT_EQ(state.elapsed_s, 1.0 / 3);
  EXPECT_EQ(state.seed, 42);
  EXPECT_EQ(state.config_yaml, "run: {}\n");
  EXPECT_EQ(state.config_checksum, checksum("run: {}\n"));
  EXPECT_EQ(read_file(snapshot / "config.yaml"), "run: {}\n");
}

TEST(Snapshot, KeepsTheNewest) {
  const TemporaryFolder folder;
  Trained trained(1);
  for (int64_t step : {5, 10, 15, 20}) {
    save_snapshot(folder.path(), state_of(step), trained.tensors(), 2);
  }
  EXPECT_THAT(names_in(folder.path()), ::testing::ElementsAre("step-000000015", "step-000000020"));
  save_snapshot(folder.path(), state_of(20), trained.tensors(), 2);  // again
  EXPECT_EQ(newest_snapshot(folder.path()), folder / "step-000000020");
}

TEST(Snapshot, ADamagedSnapshotIsFoundAndSkipped) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path good = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  for (const char* name :
       {"model.safetensors", "optimizer.safetensors", "config.yaml", "state.json"}) {
    const fs::path newer = save_snapshot(folder.path(), state_of(6), trained.tensors(), 3);
    const size_t size = read_file(newer / name).size();
    for (const size_t byte : {size_t{3}, size / 2, size - 1}) {
      testing::damage(newer / name, byte);
      Trained untouched(2);
      const std::string before = bytes_of(untouched.tensors());
      EXPECT_THROW(load_snapshot(newer, untouched.tensors()), Error) << name << " " << byte;
      EXPECT_EQ(bytes_of(untouched.tensors()), before);
      EXPECT_EQ(newest_snapshot(folder.path()), good) << name << " " << byte;
      testing::damage(newer / name, byte);  // mended
      EXPECT_EQ(newest_snapshot(folder.path()), newer);
    }
    fs::resize_file(newer / name, size / 2);
    EXPECT_EQ(newest_snapshot(folder.path()), good) << name;
    fs::remove(newer / name);
    EXPECT_EQ(newest_snapshot(folder.path()), good) << name;
  }
}

TEST(Snapshot, ADamagedTensorIsNamed) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  // The last bytes of the file are the last tensor's in the file's order, which is the names'.
  testing::damage(snapshot / "model.safetensors",
                  read_file(snapshot / "model.safetensors").size() - 1);
  try {
    verify_snapshot(snapshot);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.safetensors: expected the checksum"));
    EXPECT_THAT(error.what(), HasSubstr("(tensor 'temp')"));
  }
}

/// Makes the state of a snapshot what an earlier version wrote.
void rewrite_state(const fs::path& snapshot,
                   const std::function<void(nlohmann::ordered_json&)>& change) {
  nlohmann::ordered_json state = nlohmann::ordered_json::parse(read_file(snapshot / "state.json"));
  state.erase("checksum");
  change(state);
  state["checksum"] = checksum(state.dump());
  write_file_atomic(snapshot / "state.json", state.dump());
}

TEST(Snapshot, Format1IsReadAndAnotherOneRefused) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  rewrite_state(snapshot, [](auto& state) {
    state["format"] = 1;
    state.erase("data");
    state["num_ranks"] = 2;
    state["batches_per_epoch"] = 6;
    state["num_stretches"] = 4;
  });
  const RunState found = verify_snapshot(snapshot);
  ASSERT_TRUE(found.in_batches);
  EXPECT_EQ(found.in_batches->batches, 10);
  EXPECT_EQ(found.in_batches->num_ranks, 2);
  EXPECT_EQ(found.in_batches->batches_per_epoch, 6);
  EXPECT_EQ(found.in_batches->num_ranges, 4);
  rewrite_state(snapshot, [](auto& state) { state["format"] = 3; });
  try {
    verify_snapshot(snapshot);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("state.json: expected format 1 or 2, found 3"));
  }
}

TEST(Snapshot, OlderSnapshotsHaveNoConfiguration) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  rewrite_state(snapshot, [](auto& state) {
    state.erase("tensors");
    state["files"].erase("config.yaml");
  });
  fs::remove(snapshot / "config.yaml");
  const RunState found = verify_snapshot(snapshot);
  EXPECT_EQ(found.step, 5);
  EXPECT_EQ(found.config_yaml, "");
  EXPECT_EQ(found.config_checksum, checksum("run: {}\n"));
}

TEST(Snapshot, AFalseStateIsAnError) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), std::string("{\"checksum\": 3}"),
        std::string("{\"checksum\": \"00\"}"), std::string(3 << 20, ' ')}) {
    write_file_atomic(snapshot / "state.json", text);
    try {
      verify_snapshot(snapshot);
      ADD_FAILURE() << text.substr(0, 100);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr("state.json"));
    }
  }
}

TEST(Snapshot, AFalsePositionIsAnError) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  const std::string good = read_file(snapshot / "state.json");
  using Json = nlohmann::ordered_json;
  const std::vector<std::pair<const char*, Json>> faults = {
      {"epoch", -1},        {"ranges", {{0, 51}}},
      {"ranges", {{9, 9}}}, {"ranges", {{5, 9}, {8, 10}}},
      {"batch_size", 0},    {"num_ranks", 0},
      {"places", 0},        {"batches", -1},
      {"batches", "x"},     {"lists", {{"name", "x"}}}};
  for (const auto& [key, value] : faults) {
    write_file_atomic(snapshot / "state.json", good);
    rewrite_state(snapshot, [&](auto& state) { state["data"][key] = value; });
    try {
      verify_snapshot(snapshot);
      ADD_FAILURE() << key << " " << value.dump();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << key << " " << value.dump();
      EXPECT_THAT(error.what(), HasSubstr("state.json: data: expected"));
    }
  }
}

TEST(Snapshot, AnotherModelsSnapshotIsAnError) {
  const TemporaryFolder folder;
  Trained trained(1);
  const fs::path snapshot = save_snapshot(folder.path(), state_of(5), trained.tensors(), 3);
  SnapshotTensors fewer = trained.tensors();
  fewer.model.pop_back();
  EXPECT_THROW(load_snapshot(snapshot, fewer), Error);
  Trained other(1);
  other.stage.weight = at::zeros({2, 5});
  EXPECT_THROW(load_snapshot(snapshot, other.tensors()), Error);
}

TEST(Snapshot, UnfinishedFoldersAreNotSnapshots) {
  const TemporaryFolder folder;
  Trained trained(1);
  fs::create_directories(folder / "step-000000009.partial");
  fs::create_directories(folder / "step-9");
  fs::create_directories(folder / "step-00000000x");
  EXPECT_EQ(newest_snapshot(folder.path()), std::nullopt);
  EXPECT_EQ(newest_snapshot(folder / "nowhere"), std::nullopt);
  write_file_atomic(folder / "step-000000009.partial" / "left-over", "x");
  const fs::path snapshot = save_snapshot(folder.path(), state_of(9), trained.tensors(), 1);
  EXPECT_THAT(names_in(snapshot), ::testing::ElementsAre("config.yaml", "model.safetensors",
                                                         "optimizer.safetensors", "state.json"));
  EXPECT_FALSE(fs::exists(folder / "step-000000009.partial"));
}

TEST(Snapshot, AFailedWriteLeavesNothing) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "checkpoints", "a file where the folder should be");
  Trained trained(1);
  EXPECT_THROW(save_snapshot(folder / "checkpoints", state_of(5), trained.tensors(), 3), Error);
  EXPECT_THAT(names_in(folder.path()), ::testing::ElementsAre("checkpoints"));
}

TEST(Snapshot, LaterSnapshotsAreRenamed) {
  const TemporaryFolder folder;
  Trained trained(1);
  for (int64_t step : {5, 6, 7}) save_snapshot(folder.path(), state_of(step), trained.tensors(), 9);
  abandon_snapshots_after(folder.path(), 5);
  EXPECT_THAT(names_in(folder.path()),
              ::testing::ElementsAre("step-000000005", "step-000000006.abandoned",
                                     "step-000000007.abandoned"));
  EXPECT_EQ(newest_snapshot(folder.path()), folder / "step-000000005");
}

}  // namespace
}  // namespace blip2
