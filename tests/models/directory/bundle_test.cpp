// Model directories: save -> load is the identity, Hugging Face's schema, and every lie in a
// directory ends in an error that names it.
#include "blip2/models/bundle.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/list_files.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/directory/inspect.h"
#include "blip2/models/names/hugging_face.h"
#include "tests/models/support.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

json read_json(const fs::path& path) { return json::parse(read_file(path)); }

void write_json(const fs::path& path, const json& value) { write_file_atomic(path, value.dump()); }

/// What load_bundle() says of a directory.
std::string complaint(const fs::path& directory) {
  try {
    load_bundle(directory);
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal);
    EXPECT_THAT(error.what(), HasSubstr(directory.string()));
    EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
    return error.what();
  }
  return "no error";
}

at::Tensor matching(const Bundle& bundle, const at::Tensor& pixels, const Text& text) {
  const at::NoGradGuard no_grad;
  const ImageFeatures image = encode_image(*bundle.stage1, encode_images(bundle, pixels));
  return match_logits(*bundle.stage1, image.key_values, text);
}

Text text_of(const Bundle& bundle, const std::string& words) {
  const std::vector<int64_t> ids = bundle.qformer_tokenizer->encode(words);
  const int64_t length = static_cast<int64_t>(ids.size());
  return pack_text(at::tensor(ids).reshape({1, length}), at::ones({1, length}, at::kLong));
}

TEST(Bundle, ARetrievalModelComesBackTheSame) {
  const TemporaryFolder folder;
  const Bundle saved = testing::tiny_retrieval(folder.path());
  save_bundle(saved, folder / "model");
  const Bundle loaded = load_bundle(folder / "model");
  const at::NoGradGuard no_grad;
  const at::Tensor pixels = testing::tiny_pixels();
  EXPECT_TRUE(encode_images(saved, pixels).equal(encode_images(loaded, pixels)));
  const Text text = text_of(loaded, "a red fox");
  EXPECT_TRUE(text.ids.equal(text_of(saved, "a red fox").ids));
  EXPECT_TRUE(matching(saved, pixels, text).equal(matching(loaded, pixels, text)));
  const ImageFeatures image = encode_image(*loaded.stage1, encode_images(loaded, pixels));
  const ImageFeatures expected = encode_image(*saved.stage1, encode_images(saved, pixels));
  EXPECT_TRUE(image.projected.equal(expected.projected));
  EXPECT_TRUE(encode_text(*loaded.stage1, text).equal(encode_text(*saved.stage1, text)));
  EXPECT_TRUE(
      generation_logits(*loaded.stage1, image.queries, text, 5)
          .logits.equal(generation_logits(*saved.stage1, expected.queries, text, 5).logits));
  EXPECT_TRUE(loaded.stage1->temperature.equal(saved.stage1->temperature));
  EXPECT_EQ(loaded.stage1->image_norm.eps, saved.stage1->image_norm.eps);
  EXPECT_EQ(loaded.max_text_length, saved.max_text_length);
  EXPECT_EQ(loaded.qformer_tokenizer->special_ids(), saved.qformer_tokenizer->special_ids());
  EXPECT_EQ(format_transform(loaded.transform), format_transform(saved.transform));
  EXPECT_EQ(loaded.stage2, nullptr);
}

TEST(Bundle, AGenerativeModelComesBackTheSame) {
  const TemporaryFolder folder;
  const Bundle saved = testing::tiny_stage2(folder.path());
  save_bundle(saved, folder / "model");
  const Bundle loaded = load_bundle(folder / "model");
  const at::NoGradGuard no_grad;
  const at::Tensor pixels = testing::tiny_pixels();
  const at::Tensor inputs = language_inputs(*loaded.stage2, encode_images(loaded, pixels));
  EXPECT_TRUE(inputs.equal(language_inputs(*saved.stage2, encode_images(saved, pixels))));
  const at::Tensor mask = at::ones({1, inputs.size(1)});
  EXPECT_TRUE(loaded.language_model->decode(inputs, mask)
                  ->start()
                  .equal(saved.language_model->decode(inputs, mask)->start()));
  EXPECT_EQ(loaded.prompt, saved.prompt);
  EXPECT_EQ(json::parse(loaded.generation_json), json::parse(saved.generation_json));
  EXPECT_EQ(loaded.text_tokenizer->encode("a fox"), saved.text_tokenizer->encode("a fox"));
  EXPECT_FALSE(loaded.language_model->tensors().front().tensor->requires_grad());
}

TEST(Bundle, SavingWhatWasLoadedWritesTheSameBytes) {
  const TemporaryFolder folder;
  for (const bool stage2 : {false, true}) {
    const std::string name = stage2 ? "generative" : "retrieval";
    const fs::path first = folder / (name + "1"), second = folder / (name + "2");
    save_bundle(
        stage2 ? testing::tiny_stage2(folder.path()) : testing::tiny_retrieval(folder.path()),
        first);
    save_bundle(load_bundle(first), second);
    for (const fs::path& file : list_files(first, {})) {
      EXPECT_EQ(read_file(file), read_file(second / file.filename())) << file;
    }
    EXPECT_EQ(list_files(first, {}).size(), list_files(second, {}).size());
  }
}

TEST(Bundle, SavingReplacesAndLeavesNothingBeside) {
  const TemporaryFolder folder;
  const Bundle bundle = testing::tiny_retrieval(folder.path());
  fs::create_directories(folder / "runs/model");  // an empty folder
  save_bundle(bundle, folder / "runs/model/");
  write_file_atomic(folder / "runs/model/spiece.model", "another tokenizer's");
  save_bundle(bundle, folder / "runs/model");
  EXPECT_FALSE(fs::exists(folder / "runs/model/spiece.model"));
  write_file_atomic(folder / "runs/model/notes", "precious");
  EXPECT_THROW(save_bundle(bundle, folder / "runs/model"), Error);
  EXPECT_EQ(read_file(folder / "runs/model/notes"), "precious");
  fs::remove(folder / "runs/model/notes");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "runs"), fs::directory_iterator()), 1);
  // Saving over the directory that a bundle is mapped from is safe too.
  save_bundle(load_bundle(folder / "runs/model"), folder / "runs/model");
  EXPECT_NO_THROW(load_bundle(folder / "runs/model"));
}

TEST(Bundle, NothingIsWrittenWhereSavingFails) {
  const TemporaryFolder folder;
  const Bundle bundle = testing::tiny_retrieval(folder.path());
  write_file_atomic(folder / "file", "not a folder");
  EXPECT_THROW(save_bundle(bundle, folder / "file/model"), Error);
  EXPECT_THROW(save_bundle(bundle, folder / "file"), Error);
  EXPECT_EQ(read_file(folder / "file"), "not a folder");
  fs::create_directory(folder / "documents");
  write_file_atomic(folder / "documents/letter", "dear");
  EXPECT_THROW(save_bundle(bundle, folder / "documents"), Error);
  EXPECT_EQ(read_file(folder / "documents/letter"), "dear");
}

TEST(Bundle, ConfigurationHasHuggingFacesSchema) {
  const TemporaryFolder folder;
  save_bundle(testing::tiny_stage2(folder.path()), folder / "model");
  const json config = read_json(folder / "model/config.json");
  EXPECT_EQ(config["model_type"], "blip-2");
  EXPECT_EQ(config["architectures"], json({"Blip2ForConditionalGeneration"}));
  EXPECT_EQ(config["num_query_tokens"], 5);
  EXPECT_EQ(config["vision_config"]["model_type"], "efficientnet_lite");
  EXPECT_EQ(config["vision_config"]["hidden_size"], 6);
  EXPECT_EQ(config["vision_config"]["layer_norm_eps"], 1e-6);
  EXPECT_EQ(config["qformer_config"]["cross_attention_frequency"], 2);
  EXPECT_EQ(config["qformer_config"]["use_qformer_text_input"], false);
  EXPECT_EQ(config["text_config"]["model_type"], "llama");
  EXPECT_EQ(config["text_config"]["hidden_size"], 24);
  const json transform = read_json(folder / "model/preprocessor_config.json");
  EXPECT_EQ(transform["size"]["shortest_edge"], 20);
  EXPECT_EQ(transform["crop_size"]["height"], 16);
}

TEST(Bundle, AHuggingFaceRetrievalModelNeedsNoExtras) {
  const TemporaryFolder folder;
  save_bundle(testing::tiny_retrieval(folder.path()), folder / "model");
  std::vector<StoredTensor> kept;
  const auto source = open_source(folder / "model");
  for (const TensorInfo& info : source->infos()) {
    if (info.name == "temp" || info.name.starts_with("cls.")) continue;
    kept.push_back({info.name, source->read(info.name).clone()});
  }
  write_safetensors(folder / "model/model.safetensors", kept);
  const Bundle loaded = load_bundle(folder / "model");
  EXPECT_NEAR(loaded.stage1->temperature.item<double>(), 0.07, 1e-7);
  // Half a head is a fault.
  kept.push_back({"cls.predictions.bias", at::ones({10})});
  write_safetensors(folder / "model/model.safetensors", kept);
  EXPECT_THAT(complaint(folder / "model"), HasSubstr("cls.predictions.transform"));
}

TEST(BundleErrors, NameWhatIsWrongInTheWeights) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  save_bundle(testing::tiny_retrieval(folder.path()), model);
  const json config = read_json(model / "config.json");
  const auto with = [&](const char* part, const char* key, const json& value) {
    json changed = config;
    changed[part][key] = value;
    write_json(model / "config.json", changed);
    return complaint(model);
  };
  EXPECT_THAT(with("qformer_config", "num_hidden_layers", 4), HasSubstr("encoder.layer.3"));
  EXPECT_THAT(with("qformer_config", "num_hidden_layers", 2), HasSubstr("encoder.layer.2"));
  EXPECT_THAT(with("qformer_config", "intermediate_size", 21),
              HasSubstr("intermediate.dense.weight\" has the shape [20, 12], expected [21, 12]"));
  EXPECT_THAT(with("qformer_config", "vocab_size", 2000000000), HasSubstr("claims"));
  EXPECT_THAT(with("qformer_config", "num_hidden_layers", 2000000000), HasSubstr("claims"));
  EXPECT_THAT(with("vision_config", "hidden_size", 1999999999), HasSubstr("claims"));
  EXPECT_THAT(with("vision_config", "hidden_size", 7), HasSubstr("_conv_head.weight"));
  EXPECT_THAT(with("qformer_config", "vocab_size", -4), HasSubstr("vocab_size"));
  EXPECT_THAT(with("qformer_config", "hidden_size", "big"), HasSubstr("hidden_size"));
  EXPECT_THAT(with("qformer_config", "hidden_size", 13), HasSubstr("num_attention_heads"));
  EXPECT_THAT(with("qformer_config", "layer_norm_eps", 0), HasSubstr("layer_norm_eps"));
  EXPECT_THAT(with("vision_config", "model_type", "resnet"),
              HasSubstr("efficientnet_lite, found \"resnet\""));
  EXPECT_THAT(with("vision_config", "model_type", "clip_vision_model"),
              HasSubstr("vision_config: batch_norm_eps: this program does not know the key"));
  EXPECT_THAT(with("vision_config", "stages", json::array()), HasSubstr("stages"));
}

/// A kind of directory, and the files in it: those that it must have, beside those that every kind
/// must have, and those that may be missing but not lie.
struct Kind {
  const char* name;  ///< as write_tiny_directory() knows it
  std::set<std::string> needed, optional;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

// Of a WordPiece tokenizer.json may be missing: there is vocab.txt.
const Kind kKinds[] = {{"Retrieval", {}, {"tokenizer.json", "tokenizer_config.json"}},
                       {"Generation", {"tokenizer.json"}, {"tokenizer_config.json"}},
                       {"Instruct",
                        {"tokenizer.json"},
                        {"tokenizer_config.json", "qformer_tokenizer/tokenizer.json",
                         "qformer_tokenizer/tokenizer_config.json"}},
                       {"Blip", {}, {"tokenizer.json", "tokenizer_config.json"}},
                       {"Clip", {"tokenizer.json"}, {}}};

class BundleErrorsOf : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    testing::write_tiny_directory(GetParam().name, folder_.path(), folder_ / "good");
    restore();
  }
  void restore() {
    fs::remove_all(model_);
    fs::copy(folder_ / "good", model_, fs::copy_options::recursive);
  }
  /// Where the model's tokenizers are.
  std::vector<fs::path> tokenizers() const {
    const fs::path reader = model_ / "qformer_tokenizer";
    return fs::exists(reader) ? std::vector{reader, model_} : std::vector{model_};
  }
  const TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model";
};

TEST_P(BundleErrorsOf, NameTheFile) {
  const std::set<std::string>& optional = GetParam().optional;
  std::set<std::string> needed = GetParam().needed;
  needed.insert({"config.json", "model.safetensors", "preprocessor_config.json"});
  std::set<std::string> all = needed;
  all.insert(optional.begin(), optional.end());
  all.insert("tokenizer_config.json");
  for (const std::string& name : all) {
    SCOPED_TRACE(name);
    const std::string bytes = read_file(model_ / name);
    for (const std::string& lie :
         {bytes.substr(0, bytes.size() / 2), std::string(), std::string("[1, 2]")}) {
      write_file_atomic(model_ / name, lie);
      EXPECT_THAT(complaint(model_), HasSubstr((model_ / name).string()));
    }
    fs::remove(model_ / name);
    if (optional.contains(name)) {
      EXPECT_NO_THROW(load_bundle(model_));
    } else if (needed.contains(name)) {
      EXPECT_THAT(complaint(model_), HasSubstr(name));
    }
    restore();
  }
}

TEST_P(BundleErrorsOf, NameATokenizerThatIsNotThere) {
  for (const fs::path& tokenizer : tokenizers()) {
    for (const char* name : {"tokenizer.json", "vocab.txt"}) fs::remove(tokenizer / name);
    EXPECT_THAT(complaint(model_),
                HasSubstr(tokenizer.string() + ": expected tokenizer.json, vocab.txt"));
    restore();
  }
}

TEST_P(BundleErrorsOf, NameATokenizerOfAnotherModel) {
  std::string words;  // more than any tiny model has; those that the tokenizer puts in come last
  for (int i = 0; i < 300; ++i) words += fmt::format("word{}\n", i);
  write_file_atomic(folder_ / "vocab.txt", words + "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
  const std::unique_ptr<Tokenizer> other = load_tokenizer(folder_.path());
  for (const fs::path& tokenizer : tokenizers()) {
    other->save(tokenizer);
    EXPECT_THAT(complaint(model_), ::testing::StartsWith(tokenizer.string()));
    restore();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, BundleErrorsOf, ::testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

TEST(BundleErrors, NameAClassThatIsNotKnown) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  EXPECT_THAT(complaint(folder / "nowhere"), HasSubstr("nowhere: expected the directory"));
  save_bundle(testing::tiny_retrieval(folder.path()), model);
  json config = read_json(model / "config.json");
  config["architectures"] = {"Blip2Model"};
  write_json(model / "config.json", config);
  EXPECT_THAT(complaint(model), HasSubstr("Blip2Model"));
  config["model_type"] = "instructblip";
  write_json(model / "config.json", config);
  EXPECT_THAT(complaint(model), HasSubstr("InstructBlipForConditionalGeneration"));
}

TEST(BundleErrors, NotANumberIsFound) {
  const TemporaryFolder folder;
  Bundle bundle = testing::tiny_retrieval(folder.path());
  bundle.stage1->itm_head.weight.view({-1})[3] = std::nan("");
  save_bundle(bundle, folder / "model");
  EXPECT_THAT(complaint(folder / "model"), HasSubstr("itm_head.weight"));
}

TEST(Inspect, CountsAndFindsWhatDoesNotFit) {
  const TemporaryFolder folder;
  const Bundle bundle = testing::tiny_stage2(folder.path());
  save_bundle(bundle, folder / "model");
  const Inspection whole = inspect_directory(folder / "model");
  EXPECT_EQ(whole.kind, "Blip2ForConditionalGeneration");
  ASSERT_EQ(whole.parts.size(), 3u);
  Stage2 model = *bundle.stage2;
  EXPECT_EQ(whole.trained_parameters(), count_parameters(named_tensors(model)));
  EXPECT_EQ(whole.parts[2].parameters, count_parameters(bundle.language_model->tensors()));
  EXPECT_EQ(whole.memory_bytes.at("float32"),
            4 * (whole.trained_parameters() + whole.frozen_parameters()));
  EXPECT_TRUE(whole.missing.empty() && whole.unused.empty() && whole.misshapen.empty());

  json config = read_json(folder / "model/config.json");
  config["qformer_config"]["num_hidden_layers"] = 2;
  config["text_config"]["intermediate_size"] = 29;
  config["vision_config"]["stages"][0]["repeats"] = 2;
  write_json(folder / "model/config.json", config);
  const Inspection broken = inspect_directory(folder / "model");
  EXPECT_FALSE(broken.missing.empty());
  EXPECT_FALSE(broken.unused.empty());
  EXPECT_FALSE(broken.misshapen.empty());
}

}  // namespace
}  // namespace blip2
