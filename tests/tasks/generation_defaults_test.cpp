// What a model's text_config changes of the defaults of generation, and what is refused there. That
// transformers does the same in every class, and reads no generation_config.json, is shown by
// tests/parity.
#include <gmock/gmock.h>

#include "blip2/models/bundle.h"
#include "blip2/tasks/captioner.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

GenerationOptions defaults_of(const std::string& text_json) {
  Bundle bundle;
  bundle.text_json = text_json;
  bundle.generation_json = R"({"num_beams": 7, "max_new_tokens": 3})";  // counts for nothing
  return default_generation_options(bundle, "the/model");
}

TEST(GenerationDefaults, ValuesOfTheFileGoBeforeThoseOfHuggingFace) {
  const GenerationOptions options = defaults_of(R"({
      "max_new_tokens": 7, "min_new_tokens": 2, "max_length": 30, "min_length": 3, "num_beams": 5,
      "length_penalty": -1, "early_stopping": true, "no_repeat_ngram_size": 4,
      "repetition_penalty": 1.5, "do_sample": true, "temperature": 0.5, "top_k": 9, "top_p": 0.25,
      "num_return_sequences": 6, "stop": ["a", "b"], "eos_token_id": 50118})");
  EXPECT_EQ(options.max_new_tokens, 7);
  EXPECT_EQ(options.min_new_tokens, 2);
  EXPECT_EQ(options.max_length, 30);
  EXPECT_EQ(options.min_length, 3);
  EXPECT_EQ(options.num_beams, 5);
  EXPECT_EQ(options.length_penalty, -1.0);
  EXPECT_EQ(options.early_stopping, "true");
  EXPECT_EQ(options.no_repeat_ngram_size, 4);
  EXPECT_EQ(options.repetition_penalty, 1.5);
  EXPECT_TRUE(options.do_sample);
  EXPECT_EQ(options.temperature, 0.5);
  EXPECT_EQ(options.top_k, 9);
  EXPECT_EQ(options.top_p, 0.25);
  EXPECT_EQ(options.num_return_sequences, 6);
  EXPECT_TRUE(options.stop.empty());  // no key of transformers
}

TEST(GenerationDefaults, WhatTheFileDoesNotSayStays) {
  for (const char* json : {"{}", R"({"max_new_tokens": null, "num_beams": null, "stop": null})"}) {
    const GenerationOptions options = defaults_of(json), plain;
    EXPECT_EQ(options.max_new_tokens, std::nullopt);
    EXPECT_EQ(options.max_length, std::nullopt);
    EXPECT_EQ(options.num_beams, plain.num_beams);
    EXPECT_EQ(options.early_stopping, plain.early_stopping);
    EXPECT_EQ(options.top_k, plain.top_k);
    EXPECT_TRUE(options.stop.empty());
  }
  EXPECT_EQ(defaults_of(R"({"num_beams": 5})").top_k, GenerationOptions().top_k);
}

TEST(GenerationDefaults, AMaxLengthThatNobodySetIsTwentyNewTokens) {
  EXPECT_EQ(defaults_of(R"({"max_length": 20})").max_length, std::nullopt);
  EXPECT_EQ(defaults_of(R"({"max_length": 21})").max_length, 21);
}

TEST(GenerationDefaults, AModelWithoutATextConfigHasHuggingFaces) {
  Bundle bundle;
  bundle.generation_json = R"({"num_beams": 7})";
  EXPECT_EQ(default_generation_options(bundle).num_beams, 1);
}

TEST(GenerationDefaults, EarlyStoppingIsAFlagOrAWord) {
  EXPECT_EQ(defaults_of(R"({"early_stopping": true})").early_stopping, "true");
  EXPECT_EQ(defaults_of(R"({"early_stopping": false})").early_stopping, "false");
  EXPECT_EQ(defaults_of(R"({"early_stopping": "never"})").early_stopping, "never");
}

TEST(GenerationDefaults, EveryLieIsAnErrorThatNamesTheFile) {
  for (const auto& [json, part] : std::vector<std::pair<std::string, std::string>>{
           {R"({"num_beams": "three"})",
            "num_beams: expected an integer from 1 to 1024, found \"three\""},
           {R"({"num_beams": 2.5})", "num_beams: expected an integer from 1 to 1024, found 2.5"},
           {R"({"num_beams": true})", "num_beams: expected an integer from 1 to 1024, found true"},
           {R"({"num_beams": [3]})", "num_beams: expected an integer from 1 to 1024, found [3]"},
           {R"({"top_k": 18446744073709551615})",
            "top_k: expected an integer of at least 0, found 18446744073709551615"},
           {R"({"max_new_tokens": 7.5})",
            "max_new_tokens: expected an integer of at least 1, found 7.5"},
           {R"({"max_length": "20"})",
            "max_length: expected an integer of at least 1, found \"20\""},
           {R"({"length_penalty": "long"})", "length_penalty: expected a number, found \"long\""},
           {R"({"top_p": {}})", "top_p: expected a number above 0 and at most 1, found {}"},
           {R"({"do_sample": 1})", "do_sample: expected true or false, found 1"},
           {R"({"num_beams": 0})", "num_beams: expected an integer from 1 to 1024, found 0"},
           {R"({"num_beams": 2.0})", "found 2.0"},
           {R"({"temperature": 0})", "temperature: expected a number above 0, found 0"},
           {R"({"early_stopping": "often"})",
            "early_stopping: expected true, false or \"never\", found \"often\""},
           {R"({"early_stopping": 2})",
            "early_stopping: expected true, false or \"never\", found 2"},
           {"[]", "expected a JSON object"},
           {"\"num_beams\"", "expected a JSON object"},
           {R"({"num_beams": 3)", "expected a JSON object"},
           {" ", "expected a JSON object"}}) {
    SCOPED_TRACE(json);
    const auto [code, message] = testing::error_of([&, text = json] { defaults_of(text); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message, AllOf(HasSubstr("the/model/config.json: text_config: "), HasSubstr(part)));
  }
}

}  // namespace
}  // namespace blip2
