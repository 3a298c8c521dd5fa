// CapFilt on tiny models: captions, scores and filters against the verbs' own, and its laws: a
// batch equals singles, draws depend on seed and key alone.
#include "blip2/tasks/capfilt.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/data/caption_cleaning.h"
#include "blip2/image/prepare.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/matcher.h"
#include "tests/support/errors.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;
using enum CaptionCandidate::Source;

/// Counts the pictures that it encodes.
class CountingEncoder : public testing::AveragingEncoder {
 public:
  explicit CountingEncoder(std::atomic<int64_t>& count) : count_(count) {}
  at::Tensor encode(const at::Tensor& pixels) const override {
    count_ += pixels.size(0);
    return AveragingEncoder::encode(pixels);
  }

 private:
  std::atomic<int64_t>& count_;
};

class CapFiltTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle blip_ = testing::tiny_blip_captioner(folder_);
  Bundle blip_matcher_ = testing::tiny_blip_matcher(folder_);
  Bundle stage1_ = testing::tiny_stage1(folder_);
  Bundle clip_ = testing::tiny_clip(folder_);
  std::vector<CapFiltInput> inputs_;

  void SetUp() override {
    const std::vector<std::vector<std::string>> web = {
        {"Red Cat!"}, {}, {"a dog", "GREEN  dog", "a blue cat"}, {"***"}, {"cat cat dog"}};
    for (const std::string& path : testing::write_pictures(folder_, 5)) {
      const MappedFile file(path);
      const size_t i = inputs_.size();
      inputs_.push_back({"key/" + std::to_string(i), decode_rgba(file.bytes(), path), web[i]});
    }
  }

  CapFiltOptions options_for(const Bundle& captioner) const {
    CapFiltOptions options;
    options.generation = default_capfilt_generation(captioner);
    options.generation.max_new_tokens = 7;
    options.prompt = captioner.writer->facts().counts_prompt ? "a red" : "";
    return options;
  }
  std::vector<CapFiltResult> run(const CapFiltModels& models, const CapFiltOptions& options,
                                 std::span<const CapFiltInput> inputs) const {
    return CapFilt(models, options).run(inputs);
  }
  std::vector<CapFiltResult> run(const CapFiltModels& models) const {
    return run(models, options_for(*models.captioner), inputs_);
  }
  /// The input's pixels as `bundle` sees them, for Matcher and Captioner.
  static Picture picture_for(const Bundle& bundle, const CapFiltInput& input) {
    return {0, input.stream, prepare_pixels(input.image, bundle.transform)};
  }
};

std::vector<std::string> texts_of(const CapFiltResult& result, CaptionCandidate::Source source) {
  std::vector<std::string> texts;
  for (const CaptionCandidate& candidate : result.candidates) {
    if (candidate.source == source) texts.push_back(candidate.text);
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

void expect_same(const CapFiltResult& a, const CapFiltResult& b) {
  ASSERT_EQ(a.candidates.size(), b.candidates.size());
  for (size_t i = 0; i < a.candidates.size(); ++i) {
    const CaptionCandidate &x = a.candidates[i], &y = b.candidates[i];
    EXPECT_EQ(x.text, y.text);
    EXPECT_EQ(x.source, y.source);
    EXPECT_NEAR(x.score, y.score, 1e-5);
    ASSERT_EQ(x.match_probability.has_value(), y.match_probability.has_value());
    EXPECT_NEAR(x.match_probability.value_or(0), y.match_probability.value_or(0), 1e-5);
    EXPECT_EQ(x.dropped_by, y.dropped_by);
  }
}

TEST_F(CapFiltTest, TheMethodsOwnNumbers) {
  const GenerationOptions blip = default_capfilt_generation(blip_);
  EXPECT_EQ(blip.num_return_sequences, 10);
  EXPECT_TRUE(blip.do_sample);
  EXPECT_EQ(blip.top_p, 0.9);
  EXPECT_EQ(blip.top_k, 50);
  EXPECT_EQ(blip.repetition_penalty, 1.1);
  EXPECT_EQ(blip.min_length, 5);
  EXPECT_EQ(blip.max_length, 20);
  EXPECT_EQ(default_capfilt_prompt(blip_), "a picture of");
  const GenerationOptions other = default_capfilt_generation(stage1_);
  EXPECT_EQ(other.min_new_tokens, 5);
  EXPECT_EQ(other.max_new_tokens, 20);
  EXPECT_EQ(default_capfilt_prompt(stage1_), "");
  EXPECT_EQ(CapFiltOptions().rules.num_kept, 2);
}

/// Every captioner's texts are what it writes in the verb `caption`, but for the stream, which is
/// the key's: behind the prompt, without it.
TEST_F(CapFiltTest, DrawnCaptionsAreTheCaptioners) {
  for (const Bundle* captioner : {&blip_, &stage1_}) {
    const CapFiltOptions options = options_for(*captioner);
    const auto results = run({captioner, &clip_}, options, inputs_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<std::string> expected;
      const Picture picture = picture_for(*captioner, inputs_[i]);
      const at::Tensor embeds = encode_pictures(*captioner, pixels_of({picture}));
      const uint64_t stream = hash_text(inputs_[i].stream);
      const auto captions = write_captions(start_writing(*captioner, embeds, {{0, options.prompt}}),
                                           options.generation, {&stream, 1}, options.seed)[0];
      for (const Caption& caption : captions) {
        if (!caption.text.empty()) expected.push_back(caption.text);
      }
      ASSERT_GT(expected.size(), 5U);
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(texts_of(results[i], kSynthetic), expected);
    }
  }
}

TEST_F(CapFiltTest, WebCaptionsAreReadAsTrainingReadsThem) {
  const auto results = run({&blip_, &clip_});
  EXPECT_THAT(texts_of(results[0], kWeb), ElementsAre("red cat"));
  EXPECT_THAT(texts_of(results[1], kWeb), IsEmpty());
  EXPECT_THAT(texts_of(results[2], kWeb), ElementsAre("a blue cat", "a dog", "green dog"));
  EXPECT_THAT(texts_of(results[3], kWeb), IsEmpty());  // no word in it
  CapFiltOptions as_it_is = options_for(blip_);
  as_it_is.clean_web_captions = false;
  EXPECT_THAT(texts_of(run({&blip_, &clip_}, as_it_is, inputs_)[0], kWeb), ElementsAre("Red Cat!"));
}

/// Scores are the verb match's cosines, for each kind of ranker; so are the probabilities.
TEST_F(CapFiltTest, ScoresAreTheRankersAndTheMatchers) {
  for (const Bundle* ranker : {&clip_, &blip_matcher_, &stage1_}) {
    const Bundle* matcher = ranker == &clip_ ? &stage1_ : &blip_matcher_;
    const auto results = run({&blip_, ranker, matcher});
    for (size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<std::string> texts;
      for (const CaptionCandidate& c : results[i].candidates) texts.push_back(c.text);
      const auto cosines = Matcher(*ranker, texts, ranker->max_text_length)
                               .match({picture_for(*ranker, inputs_[i])})[0];
      const auto matches = Matcher(*matcher, texts, matcher->max_text_length)
                               .match({picture_for(*matcher, inputs_[i])})[0];
      double before = 1;
      for (size_t t = 0; t < texts.size(); ++t) {
        const CaptionCandidate& candidate = results[i].candidates[t];
        EXPECT_NEAR(candidate.score, cosines[t].itc, 1e-5);
        EXPECT_NEAR(candidate.match_probability.value(), matches[t].itm.value().probability, 1e-5);
        EXPECT_LE(candidate.score, before);
        before = candidate.score;
      }
    }
  }
}

TEST_F(CapFiltTest, TwoOfEachPictureAreKept) {
  for (const CapFiltResult& result : run({&blip_, &clip_})) {
    std::vector<std::string> kept;
    for (const CaptionCandidate& candidate : result.candidates) {
      EXPECT_FALSE(candidate.match_probability.has_value());
      if (candidate.kept) kept.push_back(clean_caption(candidate.text));
    }
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_NE(kept[0], kept[1]);
  }
}

TEST_F(CapFiltTest, FiltersApplyToWebAndDrawnCaptions) {
  const CapFiltModels models = {&blip_, &stage1_, &stage1_};
  CapFiltOptions options = options_for(blip_);
  options.rules.num_kept = 20;
  options.rules.remove_duplicates = false;
  std::vector<double> of_web;
  for (const CapFiltResult& result : run(models, options, inputs_)) {
    for (const CaptionCandidate& candidate : result.candidates) {
      EXPECT_TRUE(candidate.kept);
      if (candidate.source == kWeb) of_web.push_back(candidate.match_probability.value());
    }
  }
  std::sort(of_web.begin(), of_web.end());
  const double least = of_web.at(of_web.size() / 2);
  options.rules.min_match_probability = least;
  std::map<std::pair<bool, std::string>, int> counts;  // whether of the web, the rule
  for (const CapFiltResult& result : run(models, options, inputs_)) {
    for (const CaptionCandidate& candidate : result.candidates) {
      ++counts[{candidate.source == kWeb, candidate.dropped_by}];
      EXPECT_EQ(candidate.kept, candidate.match_probability.value() >= least) << candidate.text;
    }
  }
  EXPECT_EQ(counts.size(), 4U) << "kept and dropped ones of each source";
}

TEST_F(CapFiltTest, BeamsInsteadOfDraws) {
  CapFiltOptions options = options_for(blip_);
  options.generation.do_sample = false;
  options.generation.num_beams = 3;
  options.generation.num_return_sequences = 2;
  const auto results = run({&blip_, &clip_}, options, inputs_);
  EXPECT_EQ(texts_of(results[0], kSynthetic).size(), 2U);
  options.seed = 1;  // nothing is drawn
  expect_same(results[0], run({&blip_, &clip_}, options, inputs_)[0]);
}

/// What a picture gets does not depend on what shares its batch, nor on its place in it.
TEST_F(CapFiltTest, ABatchEqualsSinglesInAnyOrder) {
  for (const CapFiltModels& models : {CapFiltModels{&blip_, &clip_, &blip_matcher_},
                                      CapFiltModels{&stage1_, &stage1_, &stage1_}}) {
    const CapFiltOptions options = options_for(*models.captioner);
    const auto together = run(models, options, inputs_);
    const std::vector<CapFiltInput> reversed(inputs_.rbegin(), inputs_.rend());
    const auto backwards = run(models, options, reversed);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      expect_same(run(models, options, {&inputs_[i], 1})[0], together[i]);
      expect_same(backwards[inputs_.size() - 1 - i], together[i]);
    }
    const auto again = run(models, options, inputs_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      for (size_t c = 0; c < again[i].candidates.size(); ++c) {  // to the bit
        EXPECT_EQ(again[i].candidates[c].score, together[i].candidates[c].score);
      }
    }
  }
}

TEST_F(CapFiltTest, DrawsDependOnSeedAndKeyAlone) {
  const CapFiltModels models = {&blip_, &clip_};
  CapFiltOptions options = options_for(blip_);
  CapFiltInput input = inputs_[0];
  const auto first = run(models, options, {&input, 1});
  input.web_captions = {"green dog", "a cat"};
  EXPECT_EQ(texts_of(run(models, options, {&input, 1})[0], kSynthetic),
            texts_of(first[0], kSynthetic));
  input.stream = "another";
  EXPECT_NE(texts_of(run(models, options, {&input, 1})[0], kSynthetic),
            texts_of(first[0], kSynthetic));
  input.stream = inputs_[0].stream;
  options.seed = 43;
  EXPECT_NE(texts_of(run(models, options, {&input, 1})[0], kSynthetic),
            texts_of(first[0], kSynthetic));
}

TEST_F(CapFiltTest, AModelEncodesAPictureOnceForAllItsParts) {
  std::atomic<int64_t> count = 0;
  stage1_.image_encoder = std::make_unique<CountingEncoder>(count);
  run({&stage1_, &stage1_, &stage1_});
  EXPECT_EQ(count, 5);
}

TEST_F(CapFiltTest, NothingGivesNothing) {
  EXPECT_THAT(run({&blip_, &clip_}, options_for(blip_), {}), IsEmpty());
}

TEST_F(CapFiltTest, BadOptionsAndModelsAreRefused) {
  const auto refusal = [&](const CapFiltModels& models, auto change) {
    CapFiltOptions options = options_for(blip_);
    change(options);
    return error_of([&] { CapFilt(models, options); });
  };
  const auto same = [](CapFiltOptions&) {};
  const auto message = [&](auto change) {
    const auto [code, text] = refusal({&blip_, &clip_}, change);
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    return text;
  };
  EXPECT_EQ(refusal({nullptr, &clip_}, same).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({&clip_, &clip_}, same).first, ErrorCode::kUnsupported);
  EXPECT_THAT(refusal({&blip_, &blip_}, same).second, HasSubstr("ranker: expected a CLIP"));
  EXPECT_THAT(refusal({&blip_, &clip_, &clip_}, same).second, HasSubstr("matcher: expected"));
  EXPECT_THAT(message([](auto& o) { o.rules.num_kept = 0; }),
              HasSubstr("num_kept: expected an integer of at least 1, found 0"));
  EXPECT_THAT(message([](auto& o) { o.rules.min_similarity = 1.5; }),
              HasSubstr("min_similarity: expected a number from -1 to 1, found 1.5"));
  EXPECT_THAT(message([](auto& o) { o.rules.min_match_probability = 0.5; }),
              HasSubstr("expected a matcher, found none"));
  EXPECT_THAT(message([](auto& o) { o.generation.top_p = 0; }), HasSubstr("top_p"));
  EXPECT_THAT(message([](auto& o) { o.prompt = "<image>"; }), HasSubstr("<image>"));
}

}  // namespace
}  // namespace blip2
