// Which folders a run may write in. That a refused run has written nothing is seen in tests/cli.
#include "blip2/train/records/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "blip2/base/error.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/event_log.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// What a run of two data sets writes.
std::string resolved() {
  TrainConfig values;
  values.run.output_dir = "out # not a comment";
  values.run.max_steps = 7;
  for (const char* name : {"a", "b"}) values.datasets[name].annotations = {"x.jsonl", "y z.jsonl"};
  ConfigDocument document(values);
  return document.to_yaml();
}

std::string without(std::string text, const std::string& key) {
  const size_t begin = text.find("  " + key + ":");
  EXPECT_NE(begin, std::string::npos) << key;
  return text.erase(begin, text.find('\n', begin) + 1 - begin);
}

std::string first_row() {
  LogRow row;
  row.step = 1;
  return to_json(row) + "\n";
}

std::string refusal(const fs::path& folder, const fs::path& config_file) {
  const auto [code, message] =
      testing::error_of([&] { check_output_folder(folder, "auto", config_file); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  return message;
}

TEST(OutputFolder, ARunMayWriteInAnEmptyFolderOrItsOwn) {
  const testing::TemporaryFolder folder;
  check_output_folder(folder / "none", "auto", "run.yaml");
  check_output_folder(folder.path(), "auto", "run.yaml");
  folder.write("config.yaml", resolved());
  check_output_folder(folder.path(), "auto", "run.yaml");
  check_output_folder(folder.path(), "auto", folder / "config.yaml");
}

TEST(OutputFolder, AnotherConfigurationIsRefused) {
  const testing::TemporaryFolder folder;
  for (const std::string& text :
       {"# mine\n" + resolved(), resolved() + "# mine\n", without(resolved(), "seed"),
        std::string("run: {max_steps: 3}\n"), std::string("name: webapp\n"), std::string("{"),
        std::string("")}) {
    const std::string own = folder.write("config.yaml", text).string();
    const std::string elsewhere = folder.write("run.yaml", text).string();
    EXPECT_THAT(refusal(folder.path(), own), HasSubstr(own + ": the run would replace"));
    fs::remove(folder / "link.yaml");
    fs::create_hard_link(own, folder / "link.yaml");
    EXPECT_THAT(
        refusal(folder.path(), folder / "link.yaml"),
        HasSubstr("link.yaml: the run would replace this configuration by its resolved values in " +
                  own));
    EXPECT_THAT(refusal(folder.path(), elsewhere), HasSubstr(own + ": expected no file or"));
    EXPECT_THAT(refusal(folder.path(), elsewhere), HasSubstr("the run of " + elsewhere));
  }
}

TEST(OutputFolder, ARunOfAnEarlierVersionMayResume) {
  const testing::TemporaryFolder folder;
  folder.write("config.yaml", without(resolved(), "rank_timeout_s"));
  folder.write("log.jsonl", first_row());
  check_output_folder(folder.path(), "auto", "run.yaml");
  folder.write("config.yaml", "# a note\n" + resolved());
  refusal(folder.path(), "run.yaml");
}

TEST(OutputFolder, AForeignLogIsRefusedUnlessItIsMovedAway) {
  const testing::TemporaryFolder folder;
  const std::string row = first_row();
  for (const std::string& good : {row, row + row.substr(0, 20), row + std::string(9, '\0'),
                                  row.substr(0, 20), std::string("{"), std::string("")}) {
    folder.write("log.jsonl", good);
    check_output_folder(folder.path(), "auto", "run.yaml");
  }
  for (const std::string& bad : {std::string("hello\n"), row + "hello\n", std::string("hello")}) {
    folder.write("log.jsonl", bad);
    const auto [code, message] =
        testing::error_of([&] { check_output_folder(folder.path(), "auto", "run.yaml"); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message, HasSubstr("log.jsonl"));
    check_output_folder(folder.path(), "never", "run.yaml");
  }
}

}  // namespace
}  // namespace blip2
