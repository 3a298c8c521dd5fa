// The first BLIP's text models against transformers (tools/make_blip_goldens.py), and their own
// laws: cached = uncached, a batch = singles, rows that share a picture = rows that do not.
#include "blip2/models/names/blip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip/answerer.h"
#include "blip2/models/blip/captioner.h"
#include "blip2/models/blip/matcher.h"
#include "blip2/models/blip_model.h"
#include "blip2/models/bundle.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/similarity.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using testing::relative_difference;

constexpr int64_t kDec = 39, kSep = 3, kPad = 0, kVocabulary = 41;
constexpr double kTolerance = 1e-5;

BlipTextConfig golden_config() {
  BlipTextConfig config;
  config.vocab_size = kVocabulary;
  config.hidden_size = 24;
  config.encoder_hidden_size = 20;
  config.intermediate_size = 36;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.max_position_embeddings = 19;
  config.bos_token_id = kDec;
  config.sep_token_id = kSep;
  return config;
}

at::Tensor index_of(std::initializer_list<int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

/// The tensors of a golden model under their Hugging Face names, and nothing else.
std::unique_ptr<TensorSource> model_source(const SafetensorsFile& file) {
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : file.infos()) {
    if (info.name.starts_with("model.")) {
      tensors.push_back({info.name.substr(6), file.read(info.name).clone()});
    }
  }
  return make_memory_source("golden", std::move(tensors));
}

/// A golden file and its model, loaded strictly.
template <typename Model>
struct Golden {
  Golden(const std::string& name, Model made, OutputMatrix output)
      : file(testing::golden("blip/" + name + ".safetensors")), model(std::move(made)) {
    const auto source = model_source(file);
    const std::vector<NamedTensor> tensors = named_tensors(model);
    for (const NamedTensor& named : tensors) {
      const auto theirs = blip_names().to_theirs(named.name);
      EXPECT_TRUE(theirs && blip_names().to_ours(*theirs) == named.name) << named.name;
    }
    load(*source, named_slots(tensors, blip_names(), *source),
         {.copy = true, .check_finite = true, .ignore_unused = unused_blip_tensors(output)});
    image = file.read("in.image");
    ids = file.read("in.ids");
    mask = file.read("in.mask");
    text = pack_text(ids, mask);
  }

  at::Tensor image_of(int64_t row) const { return image.narrow(0, row, 1); }
  int64_t length_of(int64_t row) const { return mask[row].sum().template item<int64_t>(); }
  /// Text `row` alone, without padding.
  Text text_of(int64_t row) const {
    const at::Tensor one = ids.narrow(0, row, 1).narrow(1, 0, length_of(row));
    return pack_text(one, at::ones_like(one));
  }
  void expect(const at::Tensor& found, const std::string& name) const {
    EXPECT_LT(relative_difference(found, file.read("out." + name)), kTolerance) << name;
  }

  at::NoGradGuard no_grad;
  SafetensorsFile file;
  Model model;
  at::Tensor image, ids, mask;
  Text text;
};

struct Captioner : Golden<BlipCaptioner> {
  Captioner()
      : Golden("captioner", make_blip_captioner(golden_config(), OutputMatrix::kOwn),
               OutputMatrix::kOwn) {}
  TextContext context() const { return project_context(model.text_decoder.text, image); }
  std::unique_ptr<Decoder> decode(const at::Tensor& prompt, const at::Tensor& prompt_mask) const {
    return decode_captions(model, image, prompt, prompt_mask);
  }
  /// Logits behind every token of whole texts ids [N, T] that look at pictures, without a cache:
  /// [N, T, V].
  at::Tensor uncached(const TextContext& pictures, const at::Tensor& whole) const {
    const Text all = pack_text(whole, at::ones_like(whole));
    const at::Tensor rows = decode_grounded_text(model.text_decoder.text, all, pictures);
    return logits(model.text_decoder, rows).view({whole.size(0), whole.size(1), kVocabulary});
  }
};
struct Matcher : Golden<BlipMatcher> {
  Matcher() : Golden("matcher", make_blip_matcher(golden_config(), 7), OutputMatrix::kTied) {}
  TextContext context() const { return project_context(model.text_encoder, image); }
};
struct Answerer : Golden<BlipAnswerer> {
  Answerer()
      : Golden("answerer", make_blip_answerer(golden_config(), OutputMatrix::kTied),
               OutputMatrix::kTied) {}
  at::Tensor answers() const { return file.read("in.answers"); }
  at::Tensor answer_mask() const { return file.read("in.answer_mask"); }
};

/// Ids [N, T] of T tokens, other ones in every row; the first is [DEC].
at::Tensor some_ids(int64_t num_rows, int64_t length) {
  at::Tensor ids = at::arange(num_rows * length, at::kLong).mul(7).add(4).remainder(kDec);
  ids = ids.view({num_rows, length});
  ids.select(1, 0).fill_(kDec);
  return ids;
}

/// The most probable tokens after `prompt`, up to [SEP], padded as transformers pads: `like`'s
/// shape.
at::Tensor greedy(Decoder& decoder, const at::Tensor& prompt, const at::Tensor& like) {
  at::Tensor found = at::full_like(like, kPad);
  found.narrow(1, 0, prompt.size(1)).copy_(prompt);
  at::Tensor going = at::ones({like.size(0)}, at::kLong);
  at::Tensor next = decoder.start().argmax(-1);
  for (int64_t t = prompt.size(1); t < like.size(1); ++t) {
    found.select(1, t).copy_(next * going);
    going = going * (next != kSep).to(at::kLong);
    next = decoder.step(next).argmax(-1);
  }
  return found;
}

TEST(BlipCaptioner, LogitsEqualTransformers) {
  const Captioner golden;
  const at::Tensor rows =
      decode_grounded_text(golden.model.text_decoder.text, golden.text, golden.context());
  golden.expect(logits(golden.model.text_decoder, rows), "logits");
}

TEST(BlipCaptioner, NextTokensAreTheLogitsOfTokensThatHaveOne) {
  const Captioner golden;
  const NextTokens next = caption_tokens(golden.model, golden.image, golden.text);
  const at::Tensor expected = golden.file.read("out.logits");
  int64_t row = 0, packed = 0;
  for (int64_t text = 0; text < 3; ++text, ++packed) {
    for (int64_t t = 1; t < golden.length_of(text); ++t, ++row, ++packed) {
      EXPECT_LT(relative_difference(next.logits[row], expected[packed]), kTolerance) << text << t;
      EXPECT_EQ(next.targets[row].item<int64_t>(), golden.ids[text][t].item<int64_t>());
      EXPECT_EQ(next.texts[row].item<int64_t>(), text);
    }
  }
  EXPECT_EQ(next.logits.size(0), row);
}

TEST(BlipCaptioner, GreedyTextEqualsTransformers) {
  const Captioner golden;
  const at::Tensor expected = golden.file.read("out.free");
  const at::Tensor start = at::full({3, 1}, kDec, at::kLong);
  EXPECT_TRUE(greedy(*golden.decode(start, {}), start, expected).equal(expected));
}

TEST(BlipCaptioner, GreedyTextAfterAPromptEqualsTransformers) {
  const Captioner golden;
  const at::Tensor expected = golden.file.read("out.prompted");
  at::Tensor prompt = golden.file.read("in.prompt").narrow(1, 0, 3).clone();  // without [SEP]
  prompt.select(1, 0).fill_(kDec);                                            // for [CLS]
  EXPECT_TRUE(greedy(*golden.decode(prompt, {}), prompt, expected).equal(expected));
}

TEST(BlipDecoder, CachedEqualsUncached) {
  const Captioner golden;
  const at::Tensor ids = some_ids(3, 18);
  const at::Tensor expected = golden.uncached(golden.context(), ids);
  const auto decoder = golden.decode(ids.narrow(1, 0, 4), {});
  EXPECT_LT(relative_difference(decoder->start(), expected.select(1, 3)), kTolerance);
  for (int64_t t = 4; t < 18; ++t) {
    const at::Tensor found = decoder->step(ids.select(1, t));
    ASSERT_LT(relative_difference(found, expected.select(1, t)), kTolerance) << t;
  }
}

TEST(BlipDecoder, ALeftPaddedBatchEqualsSingles) {
  const Captioner golden;
  const at::Tensor ids = some_ids(3, 7);
  const std::vector<int64_t> lengths = {2, 5, 1};
  at::Tensor prompt = at::full({3, 5}, kPad, at::kLong), mask = at::zeros({3, 5}, at::kLong);
  for (int64_t row = 0; row < 3; ++row) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    prompt[row].narrow(0, 5 - length, length).copy_(ids[row].narrow(0, 0, length));
    mask[row].narrow(0, 5 - length, length).fill_(1);
  }
  const auto together = golden.decode(prompt, mask);
  const at::Tensor first = together->start();
  const at::Tensor second = together->step(ids.select(1, 5)),
                   third = together->step(ids.select(1, 6));
  for (int64_t row = 0; row < 3; ++row) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    const auto single = decode_captions(golden.model, golden.image_of(row),
                                        ids.narrow(0, row, 1).narrow(1, 0, length), {});
    const at::Tensor last = ids.narrow(0, row, 1);
    EXPECT_LT(relative_difference(first.narrow(0, row, 1), single->start()), kTolerance);
    EXPECT_LT(relative_difference(second.narrow(0, row, 1), single->step(last.select(1, 5))),
              kTolerance);
    EXPECT_LT(relative_difference(third.narrow(0, row, 1), single->step(last.select(1, 6))),
              kTolerance);
  }
}

TEST(BlipDecoder, SelectedRowsGoOnAsTheRowsThatTheyWere) {
  const Captioner golden;
  const auto decoder = golden.decode(at::full({3, 1}, kDec, at::kLong), {});
  TextContext pictures = golden.context();
  at::Tensor ids = at::full({3, 1}, kDec, at::kLong);
  decoder->start();
  const auto write = [&](int64_t num_tokens) {
    for (int64_t i = 0; i < num_tokens; ++i) {
      // Rows that were one differ from here on.
      const at::Tensor next =
          at::arange(ids.size(0), at::kLong).mul(11).add(5 * ids.size(1)).remainder(kDec);
      ids = at::cat({ids, next.unsqueeze(1)}, 1);
      const at::Tensor expected = golden.uncached(pictures, ids).select(1, ids.size(1) - 1);
      ASSERT_LT(relative_difference(decoder->step(next), expected), kTolerance) << ids.size(1);
    }
  };
  const auto select = [&](std::initializer_list<int64_t> kept) {
    const at::Tensor rows = index_of(kept);
    decoder->select(rows);
    pictures = select_rows(pictures, rows);  // a copy for each row, as the decoder does without
    ids = ids.index_select(0, rows);
  };
  write(2);
  select({0, 0, 1, 1, 2, 2});  // beams of each picture
  write(2);
  select({5, 1, 0, 0, 4, 2, 2});  // out of order, unequally many, a picture left with one row
  write(2);
  select({6, 1, 2});  // the second picture is done
  write(2);
  select({1});
  write(2);
}

TEST(BlipDecoder, SeveralPromptsLookAtOnePicture) {
  const Captioner golden;
  const at::Tensor ids = some_ids(6, 6);
  const auto decoder = golden.decode(ids.narrow(1, 0, 5), {});  // two rows a picture
  const at::Tensor pictures = index_of({0, 0, 1, 1, 2, 2});
  const at::Tensor expected = golden.uncached(select_rows(golden.context(), pictures), ids);
  EXPECT_LT(relative_difference(decoder->start(), expected.select(1, 4)), kTolerance);
  EXPECT_LT(relative_difference(decoder->step(ids.select(1, 5)), expected.select(1, 5)),
            kTolerance);
}

TEST(BlipDecoder, ATrainedModelWritesWithoutAGraph) {
  Captioner golden;
  set_trainable(named_tensors(golden.model), true);
  const at::AutoGradMode with_gradients(true);
  const auto decoder = golden.decode(at::full({3, 1}, kDec, at::kLong), {});
  EXPECT_FALSE(decoder->start().requires_grad());
  decoder->select(index_of({2, 1, 1}));
  EXPECT_FALSE(decoder->step(index_of({4, 5, 6})).requires_grad());
}

TEST(BlipCaptioner, NarrowWeightsCountAsTheNumbersThatTheyAre) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    Captioner narrow, wide;
    for (const NamedTensor& named : named_tensors(narrow.model)) {
      *named.tensor = named.tensor->to(dtype);
    }
    for (const NamedTensor& named : named_tensors(wide.model)) {
      *named.tensor = named.tensor->to(dtype).to(at::kFloat);
    }
    const NextTokens found = caption_tokens(narrow.model, narrow.image, narrow.text);
    const NextTokens expected = caption_tokens(wide.model, wide.image, wide.text);
    EXPECT_EQ(found.logits.scalar_type(), at::kFloat);
    EXPECT_LT(relative_difference(found.logits, expected.logits), 1e-6);
    const at::Tensor start = at::full({3, 1}, kDec, at::kLong);
    EXPECT_LT(
        relative_difference(narrow.decode(start, {})->start(), wide.decode(start, {})->start()),
        1e-6);
  }
}

TEST(BlipMatcher, EqualsTransformers) {
  const Matcher golden;
  golden.expect(encode_text(golden.model.text_encoder, golden.text), "alone");
  golden.expect(encode_grounded_text(golden.model.text_encoder, golden.text, golden.context()),
                "grounded");
  golden.expect(match_logits(golden.model, golden.context(), golden.text), "itm");
  const at::Tensor images = image_features(golden.model, golden.image);
  const at::Tensor texts = text_features(golden.model, golden.text);
  golden.expect(at::matmul(images, texts.t()), "itc");
  EXPECT_LT(relative_difference(images.norm(2, -1), at::ones({3})), 1e-6);
  EXPECT_LT(relative_difference(texts.norm(2, -1), at::ones({3})), 1e-6);
}

TEST(BlipMatcher, ABatchEqualsSingles) {
  const Matcher golden;
  const at::Tensor itm = match_logits(golden.model, golden.context(), golden.text);
  const at::Tensor features = text_features(golden.model, golden.text);
  for (int64_t row = 0; row < 3; ++row) {
    const Text text = golden.text_of(row);
    const TextContext image = project_context(golden.model.text_encoder, golden.image_of(row));
    EXPECT_LT(relative_difference(match_logits(golden.model, image, text), itm.narrow(0, row, 1)),
              kTolerance);
    EXPECT_LT(relative_difference(text_features(golden.model, text), features.narrow(0, row, 1)),
              kTolerance);
  }
}

TEST(BlipMatcher, ManyTextsLookAtOnePicture) {
  const Matcher golden;
  const TextContext first = select_rows(golden.context(), index_of({0}));
  const TextContext repeated = select_rows(golden.context(), index_of({0, 0, 0}));
  EXPECT_LT(relative_difference(match_logits(golden.model, first, golden.text),
                                match_logits(golden.model, repeated, golden.text)),
            kTolerance);
  const TextContext two = select_rows(golden.context(), index_of({0, 1}));
  EXPECT_THROW(match_logits(golden.model, two, golden.text), Error);  // three texts for two
}

/// Pictures with 70, 2, 2 and 1 pairs, mixed: whatever runs together, a pair's logits are its own.
TEST(BlipMatcher, PairLogitsAreThoseOfEachPairAlone) {
  const Matcher golden;
  Bundle bundle;
  Blip blip{make_layer_norm(20, 1e-5), golden.model};
  blip.image_norm.weight.fill_(1.5);
  blip.image_norm.bias.fill_(0.25);
  put_blip(bundle, std::move(blip));
  const at::Tensor embeds = at::cat({golden.image, golden.image.narrow(0, 0, 1).mul(0.5)});
  std::vector<int64_t> images = {3, 2, 1}, rows = {1, 2, 0};
  for (int64_t i = 0; i < 70; ++i) {
    images.push_back(0);
    rows.push_back(i % 3);
  }
  images.insert(images.end(), {1, 2});
  rows.insert(rows.end(), {1, 0});
  const at::Tensor found = pair_logits(bundle, embeds, {golden.ids, golden.mask, {}}, images, rows);
  const TextContext all = project_context(golden.model.text_encoder, norm_images(bundle, embeds));
  ASSERT_EQ(found.size(0), 75);
  for (int64_t i = 0; i < 75; ++i) {
    const size_t pair = static_cast<size_t>(i);
    const at::Tensor alone = match_logits(golden.model, select_rows(all, index_of({images[pair]})),
                                          golden.text_of(rows[pair]));
    ASSERT_LT(relative_difference(found.narrow(0, i, 1), alone), kTolerance) << i;
  }
}

TEST(BlipAnswerer, QuestionsAndAnswersEqualTransformers) {
  const Answerer golden;
  const BlipTextModel& encoder = golden.model.text_encoder;
  golden.expect(encode_grounded_text(encoder, golden.text, project_context(encoder, golden.image)),
                "states");
  const TextContext questions = read_questions(golden.model, golden.image, golden.text);
  const Text answers =
      pack_text(golden.answers().narrow(0, 0, 3), golden.answer_mask().narrow(0, 0, 3));
  golden.expect(logits(golden.model.text_decoder,
                       decode_grounded_text(golden.model.text_decoder.text, answers, questions)),
                "logits");
  const at::Tensor expected = golden.file.read("out.answers");
  const at::Tensor start = at::full({3, 1}, kDec, at::kLong);
  EXPECT_TRUE(greedy(*decode_answers(golden.model, questions), start, expected).equal(expected));
}

TEST(BlipAnswerer, SeveralQuestionsAboutOnePicture) {
  const Answerer golden;
  const TextContext found = read_questions(golden.model, golden.image_of(1), golden.text);
  const TextContext expected = read_questions(
      golden.model, at::index_select(golden.image, 0, index_of({1, 1, 1})), golden.text);
  EXPECT_LT(relative_difference(decode_answers(golden.model, found)->start(),
                                decode_answers(golden.model, expected)->start()),
            kTolerance);
}

/// What an error says.
template <typename Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(BlipText, WrongShapesAreRefused) {
  const Captioner golden;
  const BlipTextModel& text = golden.model.text_decoder.text;
  EXPECT_THAT(message_of([&] { project_context(text, at::zeros({3, 7, 21})); }),
              ::testing::HasSubstr("expected [B, P, 20], found 3 dimensions, 21 wide"));
  EXPECT_THAT(message_of([&] { golden.decode(some_ids(3, 20), {}); }),
              ::testing::HasSubstr("at most 19 tokens, found 20"));
  EXPECT_THAT(message_of([&] {
                const at::Tensor ids = some_ids(3, 20);
                encode_text(text, pack_text(ids, at::ones_like(ids)));
              }),
              ::testing::HasSubstr("at most 19 tokens, found 20"));
}

TEST(BlipText, DisagreeingFieldsAreRefused) {
  BlipTextConfig config = golden_config();
  config.num_attention_heads = 5;
  EXPECT_THAT(message_of([&] { make_blip_text_model(config); }),
              ::testing::HasSubstr("num_attention_heads (5) must divide hidden_size (24)"));
  config = golden_config();
  config.hidden_size = int64_t{1} << 40;
  EXPECT_THAT(message_of([&] { make_blip_text_model(config); }),
              ::testing::HasSubstr("hidden_size: expected an integer from 1 to"));
  config = golden_config();
  config.layer_norm_eps = -1;
  EXPECT_THAT(message_of([&] { make_blip_text_model(config); }),
              ::testing::HasSubstr("layer_norm_eps: expected a number above 0"));
  EXPECT_THAT(message_of([&] { make_blip_matcher(golden_config(), 0); }),
              ::testing::HasSubstr("image_text_hidden_size"));
}

TEST(BlipNames, AHeadsBiasIsFoundUnderItsOtherName) {
  const Captioner golden;
  BlipCaptioner loaded = make_blip_captioner(golden_config(), OutputMatrix::kOwn);
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : golden.file.infos()) {
    if (info.name.starts_with("model.") && info.name != "model.text_decoder.cls.predictions.bias") {
      tensors.push_back({info.name.substr(6), golden.file.read(info.name).clone()});
    }
  }
  const auto source = make_memory_source("golden", std::move(tensors));
  load(*source, named_slots(named_tensors(loaded), blip_names(), *source),
       {.ignore_unused = unused_blip_tensors(OutputMatrix::kOwn)});
  EXPECT_TRUE(loaded.text_decoder.lm_head.bias.equal(golden.model.text_decoder.lm_head.bias));
}

TEST(BlipNames, AMatrixOfTheHeadsOwnIsNotOverlooked) {
  const Captioner golden;
  BlipCaptioner loaded = make_blip_captioner(golden_config(), OutputMatrix::kTied);
  const auto source = model_source(golden.file);
  const std::vector<Slot> slots = named_slots(named_tensors(loaded), blip_names(), *source);
  const LoadReport report =
      inspect(*source, slots, {.ignore_unused = unused_blip_tensors(OutputMatrix::kOwn)});
  EXPECT_THAT(report.unused, ::testing::ElementsAre("text_decoder.cls.predictions.decoder.weight"));
}

TEST(BlipNames, AForeignTensorHasNoName) {
  EXPECT_EQ(blip_names().to_ours("text_encoder.pooler.dense.weight"), std::nullopt);
  EXPECT_EQ(blip_names().to_ours("vision_model.post_layernorm.weight"), std::nullopt);
}

}  // namespace
}  // namespace blip2
