// BLIP's captioner, matcher and answerer as implementations of the interfaces that the tasks see.
#include "blip2/models/blip_model.h"

#include <memory>
#include <utility>
#include <variant>

#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {
using Ids = std::vector<std::vector<int64_t>>;

/// A model and its tokenizer: what each of the three has.
struct Shared {
  std::shared_ptr<const Blip> blip;
  const Tokenizer* tokenizer;

  at::Tensor normed(const at::Tensor& image_embeds) const {
    return apply(blip->image_norm, image_embeds);
  }
};

/// The ids that count as written, the positions that they leave, and [SEP] as the end.
StartedTexts started(const Shared& shared, const BlipTextConfig& config, Ids prompt_ids) {
  StartedTexts texts;
  texts.tokenizer = shared.tokenizer;
  texts.eos_ids = {config.sep_token_id};
  for (const std::vector<int64_t>& ids : prompt_ids) {
    texts.positions_left.push_back(positions_after(config.max_position_embeddings,
                                                   static_cast<int64_t>(ids.size()), "the prompt"));
  }
  texts.prompt_ids = std::move(prompt_ids);
  return texts;
}

WriterFacts blip_facts() { return {.caption_prompt = "a picture of", .counts_prompt = true}; }

class CaptionWriter final : public TextWriter {
 public:
  CaptionWriter(Shared shared, const BlipCaptioner& model)
      : shared_(std::move(shared)), model_(model) {}

  WriterFacts facts() const override { return blip_facts(); }

  StartedTexts start(const at::Tensor& image_embeds,
                     const std::vector<Prompt>& prompts) const override {
    Ids starts;
    for (const Prompt& prompt : prompts) starts.push_back(start_ids(prompt.text));
    StartedTexts texts = started(shared_, model_.text_decoder.text.config, std::move(starts));
    texts.continues_prompt = true;
    const TokenBatch start =
        pad_ids(texts.prompt_ids, image_embeds.device(), {.side = PaddingSide::kLeft});
    texts.decoder = decode_captions(model_, by_prompt(shared_.normed(image_embeds), prompts),
                                    start.ids, start.has_padding ? start.mask : at::Tensor());
    return texts;
  }

 private:
  /// [DEC], then the prompt without its [CLS] and its [SEP].
  std::vector<int64_t> start_ids(const std::string& prompt) const {
    const int64_t dec = model_.text_decoder.text.config.bos_token_id;
    if (prompt.empty()) return {dec};
    std::vector<int64_t> ids = shared_.tokenizer->encode(prompt);
    ids.front() = dec;
    ids.pop_back();
    return ids;
  }

  const Shared shared_;
  const BlipCaptioner& model_;
};

class AnswerWriter final : public TextWriter {
 public:
  AnswerWriter(Shared shared, const BlipAnswerer& model)
      : shared_(std::move(shared)), model_(model) {}

  WriterFacts facts() const override { return blip_facts(); }

  StartedTexts start(const at::Tensor& image_embeds,
                     const std::vector<Prompt>& prompts) const override {
    const BlipTextConfig& config = model_.text_decoder.text.config;
    StartedTexts texts =
        started(shared_, config, Ids(prompts.size(), std::vector<int64_t>{config.bos_token_id}));
    texts.label_smoothing = 0.1;  // BLIP's models/med.py
    const Ids questions = encode_all(*shared_.tokenizer, prompts);
    for (const std::vector<int64_t>& ids : questions) {
      positions_after(config.max_position_embeddings + 1, static_cast<int64_t>(ids.size()),
                      "the question");
    }
    const TokenBatch asked = pad_ids(questions, image_embeds.device());
    texts.decoder = decode_answers(
        model_, read_questions(model_, by_prompt(shared_.normed(image_embeds), prompts),
                               pack_text(asked.ids, asked.mask)));
    return texts;
  }

 private:
  const Shared shared_;
  const BlipAnswerer& model_;
};

class BlipFeatures final : public ImageTextFeatures {
 public:
  BlipFeatures(Shared shared, const BlipMatcher& model)
      : shared_(std::move(shared)), model_(model) {}

  FeatureFacts facts() const override {
    return {.width = model_.vision_projection.weight.size(0),
            .max_positions = model_.text_encoder.config.max_position_embeddings,
            .has_matching = true,
            .tokenizer = shared_.tokenizer};
  }
  at::Tensor images(const at::Tensor& image_embeds) const override {
    return image_features(model_, shared_.normed(image_embeds)).unsqueeze(1);
  }
  at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask) const override {
    return text_features(model_, pack_text(ids, mask));
  }
  at::Tensor pairs(const at::Tensor& image_embeds, const Text& texts) const override {
    return match_logits(model_, project_context(model_.text_encoder, shared_.normed(image_embeds)),
                        texts);
  }

 private:
  const Shared shared_;
  const BlipMatcher& model_;
};

}  // namespace

void put_blip(Bundle& bundle, Blip model) {
  const Shared shared{std::make_shared<const Blip>(std::move(model)), bundle.text_tokenizer.get()};
  bundle.image_norm = &shared.blip->image_norm;  // `features` or `writer` keeps it
  if (const auto* captioner = std::get_if<BlipCaptioner>(&shared.blip->model)) {
    bundle.writer = std::make_unique<CaptionWriter>(shared, *captioner);
  } else if (const auto* answerer = std::get_if<BlipAnswerer>(&shared.blip->model)) {
    bundle.writer = std::make_unique<AnswerWriter>(shared, *answerer);
  } else {
    bundle.features =
        std::make_unique<BlipFeatures>(shared, std::get<BlipMatcher>(shared.blip->model));
  }
}

}  // namespace blip2
