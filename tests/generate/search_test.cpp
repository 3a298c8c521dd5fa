// Search against transformers' generate() on the same toy model, and the laws that any search
// obeys.
#include "blip2/generate/search.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/generate/beam.h"
#include "blip2/generate/greedy.h"
#include "tests/generate/toy_decoder.h"

namespace blip2 {
namespace {

using testing::search_golden;
using testing::ToyDecoder;
using Prompts = std::vector<std::vector<int64_t>>;
using Texts = std::vector<std::vector<GeneratedSequence>>;

Prompts golden_prompts() { return search_golden()["prompts"].get<Prompts>(); }

/// Reads a field from a golden's options where it is there.
struct FromJson {
  const nlohmann::json& json;

  template <typename T>
  void operator()(const char* name, T& value, const char*, const Limit& = {}) const {
    if (json.contains(name)) value = json[name].get<T>();
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& value, const char*, const Limit& = {}) const {
    if (json.contains(name)) value = json[name].get<T>();
  }
};

SearchRequest make_request(const nlohmann::json& options, const Prompts& prompts) {
  SearchRequest request;
  visit(request.options, FromJson{options});
  request.eos_ids = options.value("eos_ids", std::vector<int64_t>{2});
  for (const auto& prompt : prompts) request.inputs.push_back({.prompt_ids = prompt});
  if (options.value("stop_pair", false)) {
    const auto pair = search_golden()["stop_pair"].get<std::vector<int64_t>>();
    request.stop = [pair](std::span<const int64_t> ids) {
      return ids.size() >= 2 && ids[ids.size() - 2] == pair[0] && ids.back() == pair[1];
    };
  }
  return request;
}

Texts run(const SearchRequest& request, const Prompts& prompts) {
  ToyDecoder decoder(prompts);
  return generate(decoder, request);
}

void expect_same(const Texts& a, const Texts& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    for (size_t j = 0; j < a[i].size(); ++j) {
      EXPECT_EQ(a[i][j].ids, b[i][j].ids);
      EXPECT_NEAR(a[i][j].score, b[i][j].score, 1e-5);
      EXPECT_EQ(a[i][j].reason, b[i][j].reason);
    }
  }
}

TEST(Search, EqualsTransformersTokenForToken) {
  const Prompts prompts = golden_prompts();
  ASSERT_EQ(search_golden()["cases"].size(), 175u);
  for (const auto& entry : search_golden()["cases"]) {
    SCOPED_TRACE(entry["options"].dump());
    const Texts texts = run(make_request(entry["options"], prompts), prompts);
    ASSERT_EQ(texts.size(), prompts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto& expected = entry["results"][i];
      ASSERT_EQ(texts[i].size(), expected.size());
      for (size_t j = 0; j < texts[i].size(); ++j) {
        EXPECT_EQ(texts[i][j].ids, expected[j]["ids"].get<std::vector<int64_t>>());
        const double score = expected[j]["score"].get<double>();
        EXPECT_NEAR(texts[i][j].score, score, 1e-5 * std::max(1.0, std::abs(score)));
      }
    }
  }
}

TEST(Search, BatchEqualsSingles) {
  const Prompts prompts = golden_prompts();
  for (const nlohmann::json& options :
       {nlohmann::json{{"num_beams", 3}, {"num_return_sequences", 2}, {"no_repeat_ngram_size", 2}},
        nlohmann::json{{"repetition_penalty", 1.2}},
        nlohmann::json{{"do_sample", true}, {"num_return_sequences", 3}},
        nlohmann::json{{"do_sample", true}, {"num_beams", 2}, {"top_p", 0.9}}}) {
    SearchRequest request = make_request(options, prompts);
    for (size_t i = 0; i < prompts.size(); ++i) request.inputs[i].stream = i;
    Texts singles;
    for (size_t i = 0; i < prompts.size(); ++i) {
      SearchRequest single = request;
      single.inputs = {request.inputs[i]};
      singles.push_back(run(single, {prompts[i]})[0]);
    }
    expect_same(run(request, prompts), singles);
  }
}

TEST(Search, OneBeamIsGreedy) {
  const Prompts prompts = golden_prompts();
  for (const nlohmann::json& options :
       {nlohmann::json{{"length_penalty", 0.0}},
        nlohmann::json{{"length_penalty", 0.0}, {"no_repeat_ngram_size", 2}, {"min_length", 9}}}) {
    const SearchRequest request = make_request(options, prompts);
    ToyDecoder for_beam(prompts), for_greedy(prompts);
    expect_same(beam_search(for_beam, request), greedy_search(for_greedy, request));
  }
}

TEST(Search, FinishedRowsLeaveTheDecoder) {
  const Prompts prompts = golden_prompts();
  ToyDecoder decoder(prompts);
  const Texts texts = generate(decoder, make_request(nlohmann::json::object(), prompts));
  size_t needed = 0;  // the last token of a text is never fed
  for (const auto& text : texts) needed += text[0].ids.size() - 1;
  EXPECT_EQ(decoder.rows_computed(), needed);
}

TEST(Search, SaysWhyATextEnded) {
  const Prompts prompts = {{5, 9}};
  SearchRequest request = make_request({{"max_new_tokens", 12}}, prompts);
  const GeneratedSequence whole = run(request, prompts)[0][0];
  ASSERT_GE(whole.ids.size(), 3U);
  EXPECT_EQ(whole.reason, whole.ids.back() == 2 ? FinishReason::kEnd : FinishReason::kLength);

  request.options.max_new_tokens = 2;
  EXPECT_EQ(run(request, prompts)[0][0].reason, FinishReason::kLength);
  EXPECT_EQ(run(request, prompts)[0][0].ids.size(), 2U);

  request.options.max_new_tokens = 12;
  request.inputs[0].positions_left = 1;
  EXPECT_EQ(run(request, prompts)[0][0].ids.size(), 1U);

  request.inputs[0].positions_left = 100;
  request.stop = [](std::span<const int64_t> ids) { return ids.size() == 2; };
  for (const int64_t num_beams : {1, 3}) {
    request.options.num_beams = num_beams;
    const GeneratedSequence stopped = run(request, prompts)[0][0];
    EXPECT_LE(stopped.ids.size(), 2U);
    EXPECT_EQ(stopped.reason, stopped.ids.back() == 2 ? FinishReason::kEnd : FinishReason::kStop);
  }
}

TEST(Search, EndsWhenNoTokenIsAllowedAnyMore) {
  const Prompts prompts = {{5, 9}};
  // No token twice and a vocabulary of 13: after 11 new ones, none is left.
  for (const int64_t num_beams : {1, 2}) {
    const SearchRequest request = make_request({{"no_repeat_ngram_size", 1},
                                                {"max_new_tokens", 40},
                                                {"num_beams", num_beams},
                                                {"eos_ids", std::vector<int64_t>{}}},
                                               prompts);
    const GeneratedSequence text = run(request, prompts)[0][0];
    EXPECT_EQ(text.ids.size(), 11U);
    EXPECT_TRUE(std::isfinite(text.score));
  }
}

TEST(Search, RefusesOptionsThatCannotHold) {
  const Prompts prompts = {{5, 9}};
  for (const nlohmann::json& options :
       {nlohmann::json{{"num_beams", 0}}, nlohmann::json{{"max_new_tokens", 0}},
        nlohmann::json{{"max_length", 2}}, nlohmann::json{{"temperature", 0.0}},
        nlohmann::json{{"num_beams", kMaxBeams + 1}},
        nlohmann::json{{"do_sample", true}, {"num_return_sequences", kMaxReturnSequences + 1}},
        nlohmann::json{{"top_p", 0.0}}, nlohmann::json{{"early_stopping", "maybe"}},
        nlohmann::json{{"num_return_sequences", 2}}, nlohmann::json{{"repetition_penalty", 0.0}},
        nlohmann::json{{"do_sample", true}, {"num_beams", 2}, {"num_return_sequences", 3}},
        nlohmann::json{{"min_new_tokens", 5}, {"max_new_tokens", 4}}}) {
    SCOPED_TRACE(options.dump());
    try {
      run(make_request(options, prompts), prompts);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    }
  }
}

TEST(Search, RefusesLogitsThatAreNotNumbers) {
  class Broken : public Decoder {
    at::Tensor first_logits() override {
      return at::full({1, 13}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
    }
    at::Tensor next_logits(const at::Tensor&) override { return first_logits(); }
    void select(const at::Tensor&) override {}
  };
  for (const int64_t num_beams : {1, 2}) {
    for (const bool do_sample : {false, true}) {
      Broken decoder;
      const SearchRequest request =
          make_request({{"num_beams", num_beams}, {"do_sample", do_sample}}, {{5, 9}});
      EXPECT_THROW(generate(decoder, request), Error);
    }
  }
}

}  // namespace
}  // namespace blip2
