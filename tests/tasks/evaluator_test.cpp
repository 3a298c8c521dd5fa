// The evaluator against plain loops: one picture, one pair, one query at a time.
#include "blip2/tasks/evaluator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/metrics/bleu.h"
#include "blip2/metrics/cider.h"
#include "blip2/metrics/rouge.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/captioner.h"
#include "blip2/text/byte_bpe.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"
#include "tests/support/weights.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class ListSource : public Source {
 public:
  ListSource(const std::vector<std::string>& paths,
             const std::vector<std::vector<std::string>>& captions) {
    for (size_t i = 0; i < captions.size(); ++i) {
      records_.push_back({.key = std::to_string(i),
                          .image = paths[i],
                          .captions = captions[i],
                          .image_id = std::to_string(i)});
    }
  }
  explicit ListSource(std::vector<Record> records) : records_(std::move(records)) {}
  int64_t size() const override { return static_cast<int64_t>(records_.size()); }
  Record record(int64_t index) const override { return records_.at(static_cast<size_t>(index)); }

 private:
  std::vector<Record> records_;
};

using Captions = std::vector<std::vector<std::string>>;
using Scores = std::vector<std::vector<double>>;  // [query][answer]
using Right = std::vector<std::vector<bool>>;     // [query][answer]

constexpr double kNoCandidate = -1e9;

std::vector<size_t> best_first(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

/// Percent of queries with a right answer among their k best candidates.
double recall(const Scores& scores, const Right& right, size_t k) {
  size_t hits = 0;
  for (size_t query = 0; query < scores.size(); ++query) {
    const std::vector<size_t> order = best_first(scores[query]);
    const auto end = order.begin() + static_cast<int64_t>(std::min(k, order.size()));
    hits += std::any_of(order.begin(), end, [&](size_t answer) {
      return right[query][answer] && scores[query][answer] > kNoCandidate;
    });
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(scores.size());
}

template <typename T>
std::vector<std::vector<T>> transposed(const std::vector<std::vector<T>>& rows) {
  std::vector<std::vector<T>> columns(rows[0].size(), std::vector<T>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < rows[i].size(); ++j) columns[j][i] = rows[i][j];
  }
  return columns;
}

/// Which texts are right for which pictures: a picture's own alone.
Right right_texts(const Captions& captions) {
  const size_t count = std::accumulate(
      captions.begin(), captions.end(), size_t{0},
      [](size_t sum, const std::vector<std::string>& own) { return sum + own.size(); });
  Right right(captions.size(), std::vector<bool>(count, false));
  size_t text = 0;
  for (size_t i = 0; i < captions.size(); ++i) {
    for (size_t own = 0; own < captions[i].size(); ++own) right[i][text++] = true;
  }
  return right;
}

/// Which texts say what one of a picture's own says: no negatives of its.
Right equal_texts(const Captions& captions) {
  std::vector<std::string> texts;
  for (const std::vector<std::string>& own : captions) {
    texts.insert(texts.end(), own.begin(), own.end());
  }
  Right equal;
  for (const std::vector<std::string>& own : captions) {
    equal.emplace_back();
    for (const std::string& text : texts) {
      equal.back().push_back(std::ranges::find(own, text) != own.end());
    }
  }
  return equal;
}

/// Fourteen pictures, nineteen texts. 0 and 3 share a caption, 5 and 7 too, 11 one with 1 and one
/// with 9; the caption of 12 is longer than `max_text_length`.
const Captions kCaptions = {{"a red cat"},
                            {"green dog", "a green dog"},
                            {"blue blue cat"},
                            {"a red cat", "a cat"},
                            {"a dog a dog"},
                            {"red red dog", "a blue dog"},
                            {"cat"},
                            {"a blue dog"},
                            {"a cat green"},
                            {"cat dog", "blue"},
                            {"dog"},
                            {"green dog", "cat dog"},
                            {"red blue green cat a dog red"},
                            {"green green"}};

class EvaluateRetrievalTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle bundle_ = testing::tiny_stage1(folder_);
  std::vector<std::string> paths_ = testing::write_pictures(folder_, 14);
  EvaluationOptions options_{
      .batch_size = 4, .max_text_length = 7, .rerank = 6, .seed = 11, .progress = {}};

  void SetUp() override {
    // Logits about as large as cosines, and "yes" for about half of the pairs.
    Linear& head = bundle_.stage1->itm_head;
    head.weight.mul_(0.04);
    head.bias.fill_(0.1).narrow(0, 1, 1).fill_(-0.1);
  }
  RetrievalEvaluation evaluate(const Captions& captions) const {
    return evaluate_retrieval(bundle_, ListSource(paths_, captions), options_);
  }

  /// Cosines and ITM logits of every pair.
  struct Pairs {
    Scores cosine;   // [picture][text]
    Scores yes, no;  // [picture][text]
  };
  Pairs pairs(const Captions& captions) const {
    std::vector<std::string> list;
    for (const auto& own : captions) list.insert(list.end(), own.begin(), own.end());
    const TextFeatures texts = text_features(bundle_, list, options_.max_text_length);
    Pairs result;
    for (size_t i = 0; i < captions.size(); ++i) {
      const Picture picture = read_picture(paths_[i], bundle_.transform);
      const at::Tensor embeds = encode_pictures(bundle_, pixels_of({picture}));
      const at::Tensor cosines = all_similarities(image_features(bundle_, embeds), texts.projected);
      for (Scores* scores : {&result.cosine, &result.yes, &result.no}) scores->emplace_back();
      for (int64_t t = 0; t < std::ssize(list); ++t) {
        const at::Tensor logits = pair_logits(bundle_, embeds, texts, {0}, {t});
        result.cosine[i].push_back(cosines[0][t].item<double>());
        result.no[i].push_back(logits[0][0].item<double>());
        result.yes[i].push_back(logits[0][1].item<double>());
      }
    }
    return result;
  }

  /// Percent right over the pair (i, own[i]) and the pair (i, negative(i)) of each picture.
  template <typename Negative>
  static double accuracy(const Pairs& all, const std::vector<size_t>& own, Negative negative) {
    size_t right = 0;
    for (size_t i = 0; i < own.size(); ++i) {
      const size_t other = negative(i);
      right += all.yes[i][own[i]] > all.no[i][own[i]];
      right += all.yes[i][other] <= all.no[i][other];
    }
    return 100.0 * static_cast<double>(right) / static_cast<double>(2 * own.size());
  }
  /// A text with other words, drawn in proportion to exp(cosine / temperature); uniformly where the
  /// temperature is 0.
  size_t draw(const std::vector<double>& cosines, const std::vector<bool>& equal,
              double temperature, Random random) const {
    std::vector<double> weights;
    for (size_t t = 0; t < cosines.size(); ++t) {
      const double weight = temperature > 0 ? std::exp(cosines[t] / temperature) : 1;
      weights.push_back(equal[t] ? 0 : weight);
    }
    const double point = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    double sum = 0;
    for (size_t t = 0; t < weights.size(); ++t) {
      if (point < (sum += weights[t])) return t;
    }
    ADD_FAILURE() << "no text was drawn";
    return 0;
  }
  /// Checks both accuracies; the positive text of picture i is own[i].
  void expect_accuracies(const Captions& captions, const std::vector<size_t>& own) const {
    const RetrievalEvaluation found = evaluate(captions);
    const Pairs all = pairs(captions);
    const Right equal = equal_texts(captions);
    const double temperature = bundle_.stage1->temperature.item<double>();
    const auto random = [&](size_t i) {
      return draw(all.cosine[i], equal[i], 0, Random(options_.seed, "random pair", i));
    };
    const auto hard = [&](size_t i) {
      return draw(all.cosine[i], equal[i], temperature, Random(options_.seed, "hard pair", i));
    };
    EXPECT_DOUBLE_EQ(found.itm_accuracy_random, accuracy(all, own, random));
    EXPECT_DOUBLE_EQ(found.itm_accuracy_hard, accuracy(all, own, hard));
  }
};

void expect_recalls(const RetrievalScores& found, const Scores& by_image, const Scores& by_text,
                    const Right& right) {
  const Right other_way = transposed(right);
  EXPECT_DOUBLE_EQ(found.txt_r1, recall(by_image, right, 1));
  EXPECT_DOUBLE_EQ(found.txt_r5, recall(by_image, right, 5));
  EXPECT_DOUBLE_EQ(found.txt_r10, recall(by_image, right, 10));
  EXPECT_DOUBLE_EQ(found.img_r1, recall(by_text, other_way, 1));
  EXPECT_DOUBLE_EQ(found.img_r5, recall(by_text, other_way, 5));
  EXPECT_DOUBLE_EQ(found.img_r10, recall(by_text, other_way, 10));
  EXPECT_NEAR(found.txt_r_mean, (found.txt_r1 + found.txt_r5 + found.txt_r10) / 3, 1e-9);
  EXPECT_NEAR(found.img_r_mean, (found.img_r1 + found.img_r5 + found.img_r10) / 3, 1e-9);
  EXPECT_NEAR(found.r_mean, (found.txt_r_mean + found.img_r_mean) / 2, 1e-9);
}

TEST_F(EvaluateRetrievalTest, ContrastIsAPlainLoop) {
  const RetrievalEvaluation found = evaluate(kCaptions);
  const Pairs all = pairs(kCaptions);
  ASSERT_EQ(found.num_images, 14);
  ASSERT_EQ(found.num_texts, 19);
  EXPECT_THAT(found.images, ElementsAreArray(paths_));
  size_t column = 0;
  for (const auto& own : kCaptions) {
    for (const std::string& text : own) EXPECT_EQ(found.texts.at(column++), text);
  }
  ASSERT_EQ(found.similarity.size(), 14U * 19U);
  for (size_t i = 0; i < 14; ++i) {
    for (size_t t = 0; t < 19; ++t) {
      EXPECT_NEAR(found.similarity[i * 19 + t], all.cosine[i][t], 1e-5);
    }
  }
  expect_recalls(found.itc, all.cosine, transposed(all.cosine), right_texts(kCaptions));
}

TEST_F(EvaluateRetrievalTest, ATextIsRightForThePictureThatItIsListedUnder) {
  const RetrievalEvaluation found = evaluate(kCaptions);
  size_t text = 0;
  for (size_t i = 0; i < kCaptions.size(); ++i) {
    EXPECT_EQ(found.first_texts[i], static_cast<int64_t>(text));
    for (size_t own = 0; own < kCaptions[i].size(); ++own) {
      EXPECT_EQ(found.text_images[text++], static_cast<int64_t>(i));
    }
  }
}

TEST_F(EvaluateRetrievalTest, RecordsOfOnePictureAreOneWhateverTheirOrder) {
  std::vector<Record> rows;
  for (size_t turn = 0; turn < 2; ++turn) {  // each picture's second caption comes after all first
    for (size_t i = 0; i < kCaptions.size(); ++i) {
      if (turn >= kCaptions[i].size()) continue;
      rows.push_back({.key = std::to_string(rows.size()),
                      .image = paths_[i],
                      .captions = {kCaptions[i][turn]}});
    }
  }
  const RetrievalEvaluation grouped = evaluate_retrieval(bundle_, ListSource(rows), options_);
  const RetrievalEvaluation listed = evaluate(kCaptions);
  EXPECT_EQ(grouped.num_images, 14);
  EXPECT_EQ(grouped.texts, listed.texts);
  EXPECT_EQ(grouped.text_images, listed.text_images);
  EXPECT_EQ(named_scores(grouped.itc), named_scores(listed.itc));
  EXPECT_EQ(named_scores(grouped.reranked), named_scores(listed.reranked));
}

TEST_F(EvaluateRetrievalTest, WhatCannotBeReadIsLeftOutAndNamed) {
  Captions captions = kCaptions;
  std::vector<std::string> paths = paths_;
  captions.insert(captions.begin() + 2, {"a cat"});
  paths.insert(paths.begin() + 2, folder_.write("broken.png", "no picture"));
  captions.insert(captions.begin() + 5, {" ", "\t"});  // blank: no caption
  paths.insert(paths.begin() + 5, paths_[0]);
  captions[0].push_back("");
  std::vector<std::string> failures;
  options_.failed = [&](const std::string& name, const std::string& reason) {
    failures.push_back(name + ": " + reason);
  };
  for (const int64_t batch_size : {1, 2, 4, 64}) {
    options_.batch_size = batch_size;
    failures.clear();
    const RetrievalEvaluation found =
        evaluate_retrieval(bundle_, ListSource(paths, captions), options_);
    EXPECT_THAT(failures, ElementsAre(HasSubstr("empty caption"), HasSubstr("broken.png")));
    EXPECT_EQ(found.num_failed, 2);
    EXPECT_EQ(found.num_images, 14);
    EXPECT_THAT(found.images, ElementsAreArray(paths_));
    EXPECT_EQ(named_scores(found.itc), named_scores(evaluate(kCaptions).itc));
    EXPECT_EQ(named_scores(found.reranked), named_scores(evaluate(kCaptions).reranked));
  }
}

TEST_F(EvaluateRetrievalTest, NoScoresWhereNothingCanBeRead) {
  options_.failed = [](const std::string&, const std::string&) {};
  const std::string broken = folder_.write("broken.png", "no picture");
  const ListSource source(std::vector<std::string>(3, broken), Captions(3, {"a cat"}));
  try {
    evaluate_retrieval(bundle_, source, options_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("none of the 3 records"));
  }
}

TEST_F(EvaluateRetrievalTest, RerankingIsAPlainLoop) {
  const Pairs all = pairs(kCaptions);
  const Right right = right_texts(kCaptions);
  for (const int64_t candidates : {int64_t{1}, int64_t{6}, int64_t{128}}) {
    options_.rerank = candidates;
    // Only the best by cosine are candidates; a right answer that is none is a miss.
    const auto reranked = [&](const Scores& cosines, const Scores& logits) {
      Scores scores = cosines;
      for (size_t query = 0; query < scores.size(); ++query) {
        const std::vector<size_t> order = best_first(cosines[query]);
        for (size_t rank = 0; rank < order.size(); ++rank) {
          double& score = scores[query][order[rank]];
          score =
              std::cmp_less(rank, candidates) ? score + logits[query][order[rank]] : kNoCandidate;
        }
      }
      return scores;
    };
    const RetrievalEvaluation found = evaluate(kCaptions);
    expect_recalls(found.reranked, reranked(all.cosine, all.yes),
                   reranked(transposed(all.cosine), transposed(all.yes)), right);
    EXPECT_EQ(found.itc.r_mean, evaluate(kCaptions).itc.r_mean);
  }
  options_.rerank = 0;
  EXPECT_EQ(evaluate(kCaptions).reranked.r_mean, 0);
}

const Captions kMatched = {
    {"a red cat", "a cat"},        {"green dog"}, {"blue blue cat"}, {"a red cat"}, {"dog", "a"},
    {"a blue dog", "red red dog"}, {"cat"},       {"a blue dog"}};
const std::vector<size_t> kMatchedOwn = {0, 2, 3, 0, 5, 7, 9, 7};

TEST_F(EvaluateRetrievalTest, MatchingAccuracyIsAPlainLoop) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    options_.seed = seed;
    expect_accuracies(kMatched, kMatchedOwn);
  }
}

TEST_F(EvaluateRetrievalTest, ThePositiveTextIsACaptionOfThePictureItself) {
  expect_accuracies(kCaptions, {0, 1, 3, 4, 6, 7, 9, 10, 11, 12, 14, 15, 17, 18});
}

TEST_F(EvaluateRetrievalTest, ASharpTemperatureTakesTheHardestNegative) {
  bundle_.stage1->temperature.fill_(1e-5);
  const Pairs all = pairs(kMatched);
  const Right right = equal_texts(kMatched);
  const auto hardest = [&](size_t i) {
    const std::vector<size_t> order = best_first(all.cosine[i]);
    return *std::ranges::find_if(order, [&](size_t t) { return !right[i][t]; });
  };
  EXPECT_DOUBLE_EQ(evaluate(kMatched).itm_accuracy_hard, accuracy(all, kMatchedOwn, hardest));
}

TEST_F(EvaluateRetrievalTest, BatchesAndProgressChangeNothing) {
  const RetrievalEvaluation whole = evaluate(kCaptions);
  std::vector<int64_t> steps;
  options_.batch_size = 5;
  options_.progress = [&](int64_t pictures) { steps.push_back(pictures); };
  const RetrievalEvaluation parts = evaluate(kCaptions);
  EXPECT_THAT(steps, ElementsAreArray({5, 5, 4}));
  EXPECT_EQ(parts.itc.r_mean, whole.itc.r_mean);
  EXPECT_EQ(parts.reranked.r_mean, whole.reranked.r_mean);
  EXPECT_EQ(parts.itm_accuracy_hard, whole.itm_accuracy_hard);
}

TEST_F(EvaluateRetrievalTest, RefusesWhatCannotBeScored) {
  EXPECT_THROW(evaluate({}), Error);
  paths_[2] = folder_.write("broken.png", "no picture");
  try {
    evaluate(kCaptions);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), HasSubstr("broken.png"));
  }
  bundle_.features.reset();
  EXPECT_THROW(evaluate(kCaptions), Error);
}

const std::vector<std::string> kNouns = {"cat", "dog", "fox", "moon", "tree", "ship", "lamp"};

/// A stage-2 model with a LLaMA whose tokens are whole words.
Bundle tiny_stage2() {
  Bundle bundle;
  bundle.image_encoder = std::make_unique<testing::AveragingEncoder>();
  bundle.transform.image_size = 24;
  bundle.transform.shorter_side = 24;
  QFormerConfig qformer;
  qformer.hidden_size = 16;
  qformer.num_hidden_layers = 2;
  qformer.num_attention_heads = 2;
  qformer.intermediate_size = 32;
  qformer.encoder_hidden_size = 3;
  qformer.num_query_tokens = 4;

  ByteBpeParts parts;
  parts.frame.source = "tiny";
  parts.frame.special_ids.bos = 0;
  parts.frame.special_ids.eos = 1;
  parts.tokens = {"<s>", "</s>", "a", "Ġpicture", "Ġof"};
  parts.token_types = {3, 3, 1, 1, 1};
  for (const std::string& noun : kNouns) {
    parts.tokens.push_back("Ġ" + noun);
    parts.token_types.push_back(1);
  }
  parts.ignore_merges = true;

  LlamaConfig llama;
  llama.hidden_size = 24;
  llama.intermediate_size = 28;
  llama.num_hidden_layers = 2;
  llama.num_attention_heads = 4;
  llama.num_key_value_heads = 2;
  llama.head_dim = 8;
  llama.vocab_size = static_cast<int64_t>(parts.tokens.size());
  llama.max_position_embeddings = 64;
  llama.tie_word_embeddings = false;  // else the last word is written again and again
  Llama model = make_llama(llama);
  // Large enough that what is written depends on the picture.
  testing::fill_distinct(named_tensors(model), 4, 0.6);
  bundle.language_model = std::make_unique<LlamaLanguageModel>(std::move(model));
  bundle.text_tokenizer = make_byte_bpe(std::move(parts));
  put_stage2(bundle, make_stage2(qformer, 1e-6, 24));
  testing::fill_distinct(named_tensors(*bundle.stage2), 1, 0.5);
  return bundle;
}

class EvaluateCaptionsTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle bundle_ = tiny_stage2();
  std::vector<std::string> paths_ = testing::write_pictures(folder_, 7);
  GenerationOptions generation_;
  EvaluationOptions options_{
      .batch_size = 3, .max_text_length = 7, .rerank = 0, .seed = 5, .progress = {}};
  const std::string prompt_ = "a picture of";

  void SetUp() override {
    generation_.max_new_tokens = 6;
    paths_[6] = paths_[2];  // one caption twice
  }

  CaptionEvaluation evaluate(const Captions& references) const {
    return evaluate_captions(bundle_, ListSource(paths_, references), generation_, prompt_,
                             options_);
  }
  /// What the captioner writes for each picture alone.
  std::vector<std::string> singles(const Bundle& bundle, const std::string& prompt) const {
    const Captioner captioner(bundle, generation_, prompt, options_.seed);
    std::vector<std::string> captions;
    for (size_t i = 0; i < paths_.size(); ++i) {
      Picture picture = read_picture(paths_[i], bundle.transform);
      picture.input = i;  // names its stream of random numbers
      captions.push_back(captioner.caption({picture})[0][0].text);
    }
    return captions;
  }
  static bool says(const std::string& caption, const std::string& noun) {
    return (" " + caption + " ").find(" " + noun + " ") != std::string::npos;
  }
  /// A noun that the caption has, or one that it has not.
  static std::string noun(const std::string& caption, bool said) {
    for (const std::string& one : kNouns) {
      if (says(caption, one) == said) return one;
    }
    ADD_FAILURE() << "no such noun for: " << caption;
    return "";
  }
};

TEST_F(EvaluateCaptionsTest, ABatchEqualsSingles) {
  const Captions references(7, {"a cat"});
  EXPECT_THAT(evaluate(references).captions, ElementsAreArray(singles(bundle_, prompt_)));
  generation_.num_beams = 3;
  EXPECT_THAT(evaluate(references).captions, ElementsAreArray(singles(bundle_, prompt_)));
  generation_.num_beams = 1;
  generation_.do_sample = true;
  EXPECT_THAT(evaluate(references).captions, ElementsAreArray(singles(bundle_, prompt_)));
}

TEST_F(EvaluateCaptionsTest, TheQFormersOwnHeadWritesABatchAsSingles) {
  const Bundle bundle = testing::tiny_stage1(folder_);
  const CaptionEvaluation found = evaluate_captions(
      bundle, ListSource(paths_, Captions(7, {"a cat"})), generation_, "", options_);
  EXPECT_THAT(found.captions, ElementsAreArray(singles(bundle, "")));
  EXPECT_GT(found.distinct, 1);
}

TEST_F(EvaluateCaptionsTest, ScoresAreThoseOfTheCaptions) {
  const std::vector<std::string> captions = singles(bundle_, prompt_);
  Captions references;
  for (size_t i = 0; i < 7; ++i) {
    // The noun of the first reference counts, and that is right for pictures 0, 3 and 6.
    const bool right = i % 3 == 0;
    references.push_back({"a " + noun(captions[i], right), "the " + noun(captions[i], !right)});
  }
  const CaptionEvaluation found = evaluate(references);
  EXPECT_THAT(found.images, ElementsAreArray(paths_));
  EXPECT_THAT(found.captions, ElementsAreArray(captions));
  EXPECT_THAT(found.references, ElementsAreArray(references));
  EXPECT_DOUBLE_EQ(found.noun_accuracy, 100.0 * 3 / 7);
  const std::set<std::string> distinct(captions.begin(), captions.end());
  EXPECT_EQ(found.distinct, std::ssize(distinct));
  EXPECT_GT(found.distinct, 1);
  EXPECT_LT(found.distinct, 7);

  const std::vector<CaptionSample> samples = caption_samples(captions, references);
  for (size_t n = 0; n < 4; ++n) EXPECT_DOUBLE_EQ(found.bleu[n], bleu(samples).corpus[n]) << n;
  EXPECT_DOUBLE_EQ(found.rouge_l, rouge_l(samples).corpus);
  EXPECT_DOUBLE_EQ(found.cider, cider(samples).corpus);
  EXPECT_GT(found.bleu[0], 0);
  EXPECT_LT(found.bleu[0], 1);
}

TEST_F(EvaluateCaptionsTest, CaptionsAreTheirOwnBestReferences) {
  Captions references;
  for (const std::string& caption : singles(bundle_, prompt_)) references.push_back({caption});
  const CaptionEvaluation found = evaluate(references);
  EXPECT_NEAR(found.bleu[0], 1, 1e-6);
  EXPECT_NEAR(found.rouge_l, 1, 1e-6);
}

TEST_F(EvaluateCaptionsTest, RecordsOfOnePictureGiveOneCaptionAndAllReferences) {
  const std::vector<std::string> captions = singles(bundle_, prompt_);
  // Three rows of pictures 0 and 1, in turns; another id is another picture, whatever its path.
  std::vector<Record> rows;
  for (const std::string said : {"a fox", "", "a lamp"}) {
    for (size_t i = 0; i < 2; ++i) {
      rows.push_back({.key = std::to_string(rows.size()),
                      .image = paths_[i],
                      .captions = {said.empty() ? captions[i] : said},
                      .image_id = std::to_string(i)});
    }
  }
  rows.push_back({.key = "other", .image = paths_[0], .captions = {captions[0]}, .image_id = "x"});
  const CaptionEvaluation found =
      evaluate_captions(bundle_, ListSource(rows), generation_, prompt_, options_);
  EXPECT_THAT(found.captions, ElementsAre(captions[0], captions[1], captions[0]));
  EXPECT_THAT(found.references,
              ElementsAre(ElementsAre("a fox", captions[0], "a lamp"),
                          ElementsAre("a fox", captions[1], "a lamp"), ElementsAre(captions[0])));
  EXPECT_NEAR(found.bleu[0], 1, 1e-6);
  EXPECT_NEAR(found.rouge_l, 1, 1e-6);
}

TEST_F(EvaluateCaptionsTest, WhatCannotBeReadIsLeftOutAndNamed) {
  const Captions references(7, {"a cat"});
  const std::vector<std::string> captions = singles(bundle_, prompt_);
  paths_[5] = (folder_ / "missing.png").string();
  std::vector<std::string> failures;
  options_.failed = [&](const std::string& name, const std::string&) { failures.push_back(name); };
  const CaptionEvaluation found = evaluate(references);
  EXPECT_THAT(failures, ElementsAre(paths_[5]));
  EXPECT_EQ(found.num_failed, 1);
  EXPECT_THAT(found.captions, ElementsAre(captions[0], captions[1], captions[2], captions[3],
                                          captions[4], captions[6]));
}

TEST_F(EvaluateCaptionsTest, RefusesWhatCannotBeScored) {
  EXPECT_THROW(evaluate({}), Error);
  paths_[5] = (folder_ / "missing.png").string();
  EXPECT_THROW(evaluate(Captions(7, {"a cat"})), Error);
}

}  // namespace
}  // namespace blip2
