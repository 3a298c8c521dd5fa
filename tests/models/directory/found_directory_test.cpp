// What a path to a model turns out to be: caches of the Hub are opened, and what is no model is said
// by name.
#include "blip2/models/directory/found_directory.h"

#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/files.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/models/directory/facts.h"
#include "blip2/models/directory/inspect.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using FoundJson = nlohmann::ordered_json;
using testing::TemporaryFolder;

constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

std::string opening(const fs::path& directory) {
  return testing::error_of([&] { load_bundle(directory); }).second;
}

class FoundDirectory : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_tiny_directory("Generation", folder_.path(), model_); }

  void change(const char* file, const FoundJson& changes) const {
    FoundJson value = FoundJson::parse(read_file(model_ / file));
    value.merge_patch(changes);
    write_file_atomic(model_ / file, value.dump());
  }

  const TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model";
};

TEST_F(FoundDirectory, TheTopOfAHubCacheMeansTheSnapshotOfItsMainBranch) {
  const fs::path cache = folder_ / "models--X--Y";
  fs::create_directories(cache / "refs");
  fs::create_directories(cache / "snapshots/newer");
  fs::copy(model_, cache / "snapshots/main_one", fs::copy_options::recursive);
  write_file_atomic(cache / "refs/main", "main_one");
  EXPECT_EQ(model_directory(cache), cache / "snapshots/main_one");
  EXPECT_NO_THROW(load_bundle(cache));
  EXPECT_EQ(inspect_directory(cache).kind, "Blip2ForConditionalGeneration");
  EXPECT_EQ(language_model_facts(cache).family, "llama");
}

TEST_F(FoundDirectory, WithoutAMainBranchItMeansTheNewestSnapshot) {
  const fs::path cache = folder_ / "models--X--Y", snapshots = cache / "snapshots";
  fs::create_directories(snapshots / "a");
  fs::create_directories(snapshots / "b");
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(snapshots / "b", now - std::chrono::hours(2));
  fs::last_write_time(snapshots / "a", now);
  EXPECT_EQ(model_directory(cache), snapshots / "a");
  fs::create_directories(cache / "refs");
  write_file_atomic(cache / "refs/main", "gone");
  EXPECT_EQ(model_directory(cache), snapshots / "a");
  fs::remove_all(snapshots / "a");
  fs::remove_all(snapshots / "b");
  EXPECT_THAT(opening(cache), HasSubstr("a cache of the Hugging Face Hub without a snapshot"));
}

TEST_F(FoundDirectory, TheFolderOfManyCachesIsNoModel) {
  fs::create_directories(folder_ / "hub/models--X--Y/snapshots/a");
  EXPECT_THAT(opening(folder_ / "hub"),
              AllOf(HasSubstr("with 1 models"), HasSubstr("models--X--Y")));
}

TEST(HubName, IsNotDownloaded) {
  for (const char* name : {"Salesforce/blip2-opt-2.7b", "bert-base-uncased-that-is-not-there"}) {
    EXPECT_THAT(opening(name),
                HasSubstr(std::string(name) + ": no such file or directory. If it is a name on the "
                                              "Hugging Face Hub, download it first"));
    EXPECT_THAT(testing::error_of([&] { language_model_facts(name); }).second,
                HasSubstr("Hugging Face Hub"));
  }
  EXPECT_THAT(opening("/not/there"), ::testing::Not(HasSubstr("Hub")));
}

TEST_F(FoundDirectory, AnAdapterSaysOfWhichModel) {
  write_file_atomic(model_ / "adapter_config.json",
                    R"({"peft_type": "LORA", "base_model_name_or_path": "X/blip2"})");
  EXPECT_THAT(opening(model_), HasSubstr("a PEFT adapter (LORA) of X/blip2, not a whole model"));
  fs::remove(model_ / "config.json");
  fs::remove(model_ / "model.safetensors");
  EXPECT_THAT(opening(model_), HasSubstr("a PEFT adapter (LORA) of X/blip2, not a whole model"));
  write_file_atomic(model_ / "adapter_config.json", "{");
  EXPECT_THAT(opening(model_), HasSubstr("a PEFT adapter of an unnamed model"));
}

TEST_F(FoundDirectory, AQuantisedCheckpointSaysByWhat) {
  const std::pair<FoundJson, const char*> cases[] = {
      {{{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}, {"load_in_4bit", false}},
       "bitsandbytes (8 bits)"},
      {{{"load_in_4bit", true}, {"load_in_8bit", false}}, "bitsandbytes (4 bits)"},
      {{{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 128}}, "GPTQ (4 bits)"},
      {{{"quant_method", "awq"}, {"bits", 4}}, "AWQ (4 bits)"},
      {{{"quant_method", "fp8"}}, "fp8"}};
  for (const auto& [config, by] : cases) {
    change("config.json", {{"quantization_config", config}});
    EXPECT_THAT(opening(model_), AllOf(HasSubstr("config.json: quantization_config: expected"),
                                       HasSubstr(std::string("quantised by ") + by)));
    change("config.json",
           {{"quantization_config", nullptr}, {"text_config", {{"quantization_config", config}}}});
    EXPECT_THAT(opening(model_), HasSubstr("text_config: quantization_config: expected"));
    change("config.json", {{"text_config", {{"quantization_config", nullptr}}}});
  }
  change("config.json",
         {{"quantization_config", {{"load_in_8bit", false}, {"load_in_4bit", false}}}});
  EXPECT_NO_THROW(load_bundle(model_));
}

TEST_F(FoundDirectory, QuantisedTensorsSayByWhatWithoutAConfiguration) {
  const std::unique_ptr<TensorSource> source = open_source(model_);
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : source->infos()) {
    tensors.push_back({info.name, source->read(info.name).clone()});
  }
  for (const auto& [name, by] : std::vector<std::pair<std::string, std::string>>{
           {"language_model.model.layers.0.self_attn.q_proj.SCB", "bitsandbytes (8 bits)"},
           {"a.weight.quant_state.bitsandbytes__nf4", "bitsandbytes (4 bits)"},
           {"a.qweight", "AWQ or GPTQ"}}) {
    std::vector<StoredTensor> more = tensors;
    more.push_back({name, tensors.front().tensor});
    write_safetensors(model_ / "model.safetensors", more);
    EXPECT_THAT(opening(model_), AllOf(HasSubstr(name), HasSubstr("quantised by " + by)));
  }
}

TEST_F(FoundDirectory, AGitLfsPointerInThePlaceOfAnyFileIsSaid) {
  for (const char* file :
       {"config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"}) {
    const std::string good = read_file(model_ / file);
    write_file_atomic(model_ / file, kPointer);
    EXPECT_THAT(opening(model_), HasSubstr((model_ / file).string() + ": a Git LFS pointer"));
    write_file_atomic(model_ / file, good);
  }
  EXPECT_NO_THROW(load_bundle(model_));
  // Copied by whoever saves, and read by nobody.
  write_file_atomic(model_ / "generation_config.json", "<html>");
  EXPECT_NO_THROW(load_bundle(model_));
}

TEST_F(FoundDirectory, WhatAnotherProgramLeftIsSaid) {
  const fs::path other = folder_ / "other";
  fs::create_directories(other);
  write_file_atomic(other / "model_index.json", "{}");
  EXPECT_THAT(opening(other), HasSubstr("found model_index.json: a pipeline of diffusers"));
  fs::rename(model_ / "model.safetensors", folder_ / "kept");
  write_file_atomic(model_ / "tf_model.h5", "x");
  EXPECT_THAT(opening(model_), HasSubstr("found \"tf_model.h5\": weights of TensorFlow"));
  write_file_atomic(model_ / "config.json", "<!DOCTYPE html>");
  EXPECT_THAT(opening(model_), HasSubstr("expected a JSON object, found a page of HTML"));
}

/// A NaN in any part is found by whoever answers, and by an inspection that reads values.
class NotANumber : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(
    Parts, NotANumber,
    ::testing::Values(std::pair("Generation", "language_model.model.layers.0.mlp.up_proj.weight"),
                      std::pair("Generation", "language_model.model.embed_tokens.weight"),
                      std::pair("Generation", "language_projection.weight"),
                      std::pair("Generation", "vision_model._conv_head.weight"),
                      std::pair("Retrieval", "itm_head.weight"),
                      std::pair("Blip", "text_decoder.cls.predictions.transform.dense.weight"),
                      std::pair("Clip", "text_model.final_layer_norm.weight"),
                      std::pair("Clip", "visual_projection.weight")));

TEST_P(NotANumber, IsNamedWhateverPartItIsIn) {
  const auto [kind, name] = GetParam();
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  testing::write_tiny_directory(kind, folder.path(), model);
  std::vector<StoredTensor> tensors;
  {
    const std::unique_ptr<TensorSource> source = open_source(model);
    for (const TensorInfo& info : source->infos()) {
      tensors.push_back({info.name, source->read(info.name).clone()});
    }
  }
  EXPECT_TRUE(inspect_directory(model, Values::kRead).not_finite.empty());
  bool is_there = false;
  for (StoredTensor& stored : tensors) {
    if (stored.name != name) continue;
    stored.tensor.view({-1})[1].fill_(std::nan(""));
    is_there = true;
  }
  ASSERT_TRUE(is_there);
  write_safetensors(model / "model.safetensors", tensors);
  EXPECT_THAT(opening(model), AllOf(HasSubstr((model / "model.safetensors").string()),
                                    HasSubstr(std::string("\"") + name +
                                              "\" has a value that is not finite (1 NaN)")));
  EXPECT_FALSE(inspect_directory(model).has_read_values);
  const Inspection inspection = inspect_directory(model, Values::kRead);
  ASSERT_EQ(inspection.not_finite.size(), 1);
  EXPECT_EQ(inspection.not_finite[0].name, name);
  EXPECT_EQ(inspection.not_finite[0].num_nan, 1);
}

}  // namespace
}  // namespace blip2
