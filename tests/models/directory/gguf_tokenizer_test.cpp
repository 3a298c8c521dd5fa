// The tokenizer of a GGUF: SmolLM2's against PyPI tokenizers, and files whose metadata lie.
#include "blip2/models/directory/gguf_tokenizer.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/text/pipeline_tokenizer.h"
#include "tests/models/small_gguf.h"
#include "tests/support/assets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallGguf;

constexpr const char* kTemplate = "tokenizer.chat_template";

/// What tokenizer_config.json of a tokenizer's directory will say.
nlohmann::json config_of(const Tokenizer& tokenizer) {
  return nlohmann::json::parse(
      dynamic_cast<const PipelineTokenizer&>(tokenizer).frame().parts().config_json);
}

TEST(GgufTokenizer, SmolLm2GivesTheOraclesIdsAndText) {
  const GgufFile file(testing::asset("models/smollm2_135m_instruct/smollm2.gguf"));
  const auto tokenizer = tokenizer_from_gguf(file);
  EXPECT_EQ(count_differences(text_golden("strings.jsonl"), {{"smollm2", tokenizer.get()}}), 0u);
  EXPECT_EQ(tokenizer->special_ids(), (SpecialIds{.bos = 1, .eos = 2, .pad = 2, .unk = 0}));
  EXPECT_EQ(tokenizer->vocabulary_size(), 49152);
  EXPECT_EQ(config_of(*tokenizer).at("chat_template"), file.get_string(kTemplate));
  EXPECT_THAT(file.get_string(kTemplate), HasSubstr("<|im_start|>"));
}

/// A tokenizer of seven tokens.
class SmallGgufTokenizer : public ::testing::Test {
 protected:
  SmallGgufTokenizer() {
    gguf_.texts = {{"tokenizer.ggml.model", "gpt2"}, {"tokenizer.ggml.pre", "gpt-2"}};
    gguf_.numbers = {{"tokenizer.ggml.bos_token_id", 0}, {"tokenizer.ggml.eos_token_id", 1}};
    gguf_.text_lists = {{"tokenizer.ggml.tokens", {"<s>", "</s>", "a", "b", "Ġ", "ab", "Ġab"}},
                        {"tokenizer.ggml.merges", {"a b", "Ġ ab"}}};
    gguf_.number_lists = {{"tokenizer.ggml.token_type", {3, 3, 1, 1, 1, 1, 1}}};
  }
  std::unique_ptr<Tokenizer> read() const {
    gguf_.write(folder_ / "small.gguf");
    return tokenizer_from_gguf(GgufFile(folder_ / "small.gguf"));
  }

  const testing::TemporaryFolder folder_;
  SmallGguf gguf_;
};

TEST_F(SmallGgufTokenizer, FlagsSayWhatStandsAroundAText) {
  EXPECT_THAT(read()->encode("ab"), ElementsAre(5));
  gguf_.flags["tokenizer.ggml.add_bos_token"] = true;
  EXPECT_THAT(read()->encode("ab"), ElementsAre(0, 5));
  gguf_.flags["tokenizer.ggml.add_eos_token"] = true;
  EXPECT_THAT(read()->encode("ab"), ElementsAre(0, 5, 1));
  EXPECT_THAT(read()->encode("ab", Specials::kWithout), ElementsAre(5));
  gguf_.flags["tokenizer.ggml.add_bos_token"] = false;
  gguf_.flags["tokenizer.ggml.add_space_prefix"] = true;
  EXPECT_THAT(read()->encode("ab"), ElementsAre(6, 1));
  gguf_.flags["tokenizer.ggml.add_space_prefix"] = false;
  EXPECT_THAT(read()->encode("ab"), ElementsAre(5, 1));
}

TEST_F(SmallGgufTokenizer, KeysAndTypesSayWhichTokensAreSpecial) {
  EXPECT_EQ(read()->special_ids(), (SpecialIds{.bos = 0, .eos = 1}));
  gguf_.numbers["tokenizer.ggml.unknown_token_id"] = 2;
  gguf_.numbers["tokenizer.ggml.padding_token_id"] = 3;
  EXPECT_EQ(read()->special_ids(), (SpecialIds{.bos = 0, .eos = 1, .pad = 3, .unk = 2}));
  gguf_.number_lists["tokenizer.ggml.token_type"] = {3, 4, 1, 1, 1, 1, 1};
  EXPECT_THAT(read()->encode("<s>ab</s>"), ElementsAre(0, 5, 1));
  EXPECT_EQ(read()->decode(std::vector<int64_t>{0, 5, 1}), "ab</s>");
}

TEST_F(SmallGgufTokenizer, TheChatTemplateIsCarriedAlong) {
  EXPECT_EQ(dynamic_cast<const PipelineTokenizer&>(*read()).frame().parts().config_json, "");
  gguf_.texts[kTemplate] = "{{ \"<s>\" }}\n";
  EXPECT_EQ(config_of(*read()), (nlohmann::json{{"chat_template", "{{ \"<s>\" }}\n"}}));
}

TEST_F(SmallGgufTokenizer, EveryLieIsAnErrorThatNamesTheKey) {
  struct Lie {
    std::string key;  // after "tokenizer.ggml."
    ErrorCode code;
    std::string part;  // of the message
    std::function<void(SmallGguf&, const std::string& key)> tell;
  };
  const auto text = [](const char* value) {
    return [=](SmallGguf& file, const std::string& key) { file.texts[key] = value; };
  };
  const auto types = [](const std::vector<int32_t>& values) {
    return [=](SmallGguf& file, const std::string& key) { file.number_lists[key] = values; };
  };
  const auto id = [](uint32_t value) {
    return [=](SmallGguf& file, const std::string& key) { file.numbers[key] = value; };
  };
  const auto nothing = [](SmallGguf& file, const std::string& key) {
    file.texts.erase(key);
    file.text_lists.erase(key);
    file.number_lists.erase(key);
  };
  using enum ErrorCode;
  for (const Lie& lie :
       std::vector<Lie>{{"model", kUnsupported, "\"llama\"", text("llama")},
                        {"model", kNotFound, "lack", nothing},
                        {"pre", kUnsupported, "\"qwen2\"", text("qwen2")},
                        {"pre", kNotFound, "lack", nothing},
                        {"tokens", kNotFound, "lack", nothing},
                        {"merges", kNotFound, "lack", nothing},
                        {"token_type", kNotFound, "lack", nothing},
                        {"token_type", kCorruptData, "found -1", types({3, 3, 1, 1, 1, 1, -1})},
                        {"token_type", kCorruptData, "found 6", types({3, 3, 1, 1, 1, 1})},
                        {"token_type", kCorruptData, "found 8", types({3, 3, 1, 1, 1, 1, 1, 1})},
                        {"token_type", kCorruptData, "found 0", types({})},
                        {"bos_token_id", kCorruptData, "found 7", id(7)},
                        {"eos_token_id", kCorruptData, "found 7", id(7)},
                        {"unknown_token_id", kCorruptData, "found 4294967295", id(4294967295U)},
                        {"padding_token_id", kCorruptData, "found 7", id(7)},
                        {"eos_token_id", kCorruptData, "an integer",
                         [](SmallGguf& file, const std::string& key) {
                           file.numbers.erase(key);
                           file.texts[key] = "</s>";
                         }},
                        {"add_bos_token", kCorruptData, "a truth value", text("yes")}}) {
    const std::string key = "tokenizer.ggml." + lie.key;
    SCOPED_TRACE(key + ": " + lie.part);
    const SmallGguf good = gguf_;
    lie.tell(gguf_, key);
    const auto [code, message] = testing::error_of([&] { read(); });
    EXPECT_EQ(code, lie.code);
    EXPECT_THAT(message, AllOf(HasSubstr("small.gguf"), HasSubstr(key), HasSubstr(lie.part)));
    gguf_ = good;
  }
}

TEST_F(SmallGgufTokenizer, MergesThatNameNoTokenAreRefused) {
  gguf_.text_lists["tokenizer.ggml.merges"] = {"a b", "b a"};
  const auto [code, message] = testing::error_of([&] { read(); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, AllOf(HasSubstr("small.gguf"), HasSubstr("merge 1")));
}

}  // namespace
}  // namespace blip2
