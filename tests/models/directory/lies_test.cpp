// What a directory's files say that its weights do not bear: ids that are no rows of a table, and
// configurations that name no possible model.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/models/directory/inspect.h"
#include "blip2/models/similarity.h"
#include "tests/models/support.h"
#include "tests/support/errors.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// Changes a JSON file of a directory.
void change(const fs::path& path, const std::function<void(json&)>& edit) {
  json value = fs::exists(path) ? json::parse(read_file(path)) : json::object();
  edit(value);
  write_file_atomic(path, value.dump());
}

std::string refusal(const fs::path& directory) {
  const auto [code, message] = testing::error_of([&] { load_bundle(directory); });
  EXPECT_EQ(code, ErrorCode::kCorruptData) << message;
  return message;
}

/// A directory of each kind: where its tokenizers are, and the rows of their tables.
struct Family {
  const char* name;  ///< as write_tiny_directory() knows it
  std::vector<std::pair<const char*, int>> tokenizers;
};

void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

const Family kFamilies[] = {{"Retrieval", {{"", 10}}},
                            {"Generation", {{"", 260}}},
                            {"Instruct", {{"", 260}, {"qformer_tokenizer", 10}}},
                            {"Blip", {{"", 10}}},
                            {"Clip", {{"", 260}}}};

class TokenIds : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override { testing::write_tiny_directory(GetParam().name, folder_.path(), model_); }
  const TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model";
};

TEST_P(TokenIds, OutsideTheTableAreRefused) {
  for (const auto& [place, rows] : GetParam().tokenizers) {
    const fs::path file = (model_ / place / "tokenizer.json").lexically_normal();
    const std::string good = read_file(file);
    change(file, [](json& value) { value["model"]["vocab"]["kitten"] = 60000; });
    const auto says = AllOf(HasSubstr(file.string()), HasSubstr("60000 of \"kitten\""),
                            HasSubstr(std::to_string(rows)));
    EXPECT_THAT(refusal(model_), says);
    EXPECT_THAT(testing::error_of([&] { inspect_directory(model_); }).second, says);
    write_file_atomic(file, good);
    EXPECT_NO_THROW(load_bundle(model_));
  }
}

TEST_P(TokenIds, OfAddedTokensCount) {
  for (const auto& [place, rows] : GetParam().tokenizers) {
    const fs::path file = model_ / place / "tokenizer_config.json";
    const int id = rows;
    change(file, [&](json& value) {
      value["added_tokens_decoder"][std::to_string(id)] = {{"content", "<new>"}};
    });
    EXPECT_THAT(refusal(model_), HasSubstr(std::to_string(id) + " of \"<new>\""));
    // What stands for the picture is never looked up: the published retrieval models have it there.
    change(file, [&](json& value) {
      value["added_tokens_decoder"][std::to_string(id)] = {{"content", "<image>"}};
    });
    EXPECT_NO_THROW(load_bundle(model_));
    EXPECT_NO_THROW(inspect_directory(model_));
    fs::remove(file);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, TokenIds, ::testing::ValuesIn(kFamilies),
                         [](const auto& info) { return info.param.name; });

// As LAVIS's tokenizers, which lack the token, read it.
TEST(TokenIds, TheWordForThePictureIsOrdinaryTextInAText) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  save_bundle(testing::tiny_retrieval(folder.path()), model);
  const std::vector<std::string> texts{"a red fox", "a <image> fox"};
  const TextFeatures without = text_features(load_bundle(model), texts, 8);
  change(model / "tokenizer_config.json",
         [](json& value) { value["added_tokens_decoder"]["10"] = {{"content", "<image>"}}; });
  const Bundle bundle = load_bundle(model);
  EXPECT_EQ(bundle.qformer_tokenizer->token_to_id("<image>"), 10);
  const TextFeatures with = text_features(bundle, texts, 8);
  EXPECT_TRUE(at::equal(with.ids, without.ids));
  EXPECT_TRUE(at::equal(with.projected, without.projected));
}

TEST(DirectoryLies, EndTokensAreWordsOfTheLanguageModel) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model", file = model / "config.json";
  save_bundle(testing::tiny_stage2(folder.path()), model);
  for (const json& value : {json(-1), json(260), json({2, 999}), json({2, -1}), json({2, "x"}),
                            json(json::array()), json("</s>")}) {
    change(file, [&](json& config) { config["text_config"]["eos_token_id"] = value; });
    SCOPED_TRACE(value.dump());
    const auto says = HasSubstr(file.string() + ": text_config: eos_token_id: expected");
    EXPECT_THAT(refusal(model), says);
    EXPECT_THAT(testing::error_of([&] { inspect_directory(model); }).second, says);
  }
  for (const json& value : {json(259), json({2, 0}), json(nullptr)}) {
    change(file, [&](json& config) { config["text_config"]["eos_token_id"] = value; });
    EXPECT_NO_THROW(load_bundle(model)) << value.dump();
  }
}

TEST(DirectoryLies, ThePromptCannotNameThePicture) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model", file = model / "config.json";
  save_bundle(testing::tiny_stage2(folder.path()), model);
  change(file, [](json& config) { config["prompt"] = "<image> a photo of"; });
  EXPECT_THAT(refusal(model), HasSubstr(file.string() + ": prompt: expected"));
}

TEST(DirectoryLies, StagesOfAnEfficientNet) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model", file = model / "config.json";
  save_bundle(testing::tiny_retrieval(folder.path()), model);
  const std::string good = read_file(file);
  for (const auto& [key, value] : {std::pair{"stride", 3}, std::pair{"kernel", 4}}) {
    change(file,
           [&, k = key, v = value](json& config) { config["vision_config"]["stages"][1][k] = v; });
    EXPECT_THAT(refusal(model), HasSubstr(fmt::format("{}: vision_config: stages[1]: {}: expected",
                                                      file.string(), key)));
    write_file_atomic(file, good);
  }
}

}  // namespace
}  // namespace blip2
