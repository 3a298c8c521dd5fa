// BLIP-2's two halves as implementations of the interfaces that the tasks see.
#include "blip2/models/blip2_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/models/blip2/qformer_decoder.h"
#include "blip2/models/language/encoder_decoder_language_model.h"
#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;
using Ids = std::vector<std::vector<int64_t>>;

class Stage1Features final : public ImageTextFeatures {
 public:
  Stage1Features(const Stage1& model, const Tokenizer* tokenizer)
      : model_(model), tokenizer_(tokenizer) {}

  FeatureFacts facts() const override {
    const QFormerConfig& config = model_.config.qformer;
    return {.num_image_features = config.num_query_tokens,
            .width = model_.config.embed_dim,
            .max_positions = config.max_position_embeddings,
            .temperature = model_.temperature.item<double>(),
            .has_matching = true,
            .tokenizer = tokenizer_};
  }
  at::Tensor images(const at::Tensor& image_embeds) const override {
    return encode_image(model_, image_embeds).projected;
  }
  at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask) const override {
    return encode_text(model_, pack_text(ids, mask));
  }
  at::Tensor pairs(const at::Tensor& image_embeds, const Text& texts) const override {
    const at::Tensor rows =
        at::arange(image_embeds.size(0), image_embeds.options().dtype(at::kLong))
            .repeat_interleave(texts.packing.batch / image_embeds.size(0));
    const ImageKeyValues keys =
        project_image(model_.qformer, apply(model_.image_norm, image_embeds));
    return match_logits(model_, select_rows(keys, rows), texts);
  }

 private:
  const Stage1& model_;
  const Tokenizer* tokenizer_;
};

/// Image-grounded generation by the Q-Former's own head, from [DEC] to [SEP].
class Stage1Writer final : public TextWriter {
 public:
  Stage1Writer(const Stage1& model, const Tokenizer* tokenizer)
      : model_(model), tokenizer_(tokenizer) {}

  WriterFacts facts() const override { return {.prompting = Prompting::kNone}; }

  StartedTexts start(const at::Tensor& image_embeds,
                     const std::vector<Prompt>& prompts) const override {
    const SpecialIds& ids = tokenizer_->special_ids();
    const ImageFeatures image = encode_image(model_, by_prompt(image_embeds, prompts));
    StartedTexts texts;
    texts.decoder = std::make_unique<QFormerDecoder>(model_, image.queries, ids.dec);
    texts.prompt_ids.resize(prompts.size());
    texts.positions_left.assign(prompts.size(), model_.config.qformer.max_position_embeddings - 1);
    texts.eos_ids = {ids.sep};
    texts.tokenizer = tokenizer_;
    return texts;
  }

 private:
  const Stage1& model_;
  const Tokenizer* tokenizer_;
};

/// text_config's end tokens, else the tokenizer's.
std::vector<int64_t> language_end_ids(const std::string& text_json, const Tokenizer& tokenizer) {
  const Json config = Json::parse(text_json, nullptr, false);
  const Json id = config.is_object() ? config.value("eos_token_id", Json()) : Json();
  if (id.is_number_integer()) return {id.get<int64_t>()};
  if (id.is_array()) return id.get<std::vector<int64_t>>();
  return {tokenizer.special_ids().eos};
}

/// What a stage-2 model writes with.
struct Stage2Parts {
  const Stage2& model;
  const LanguageModel& language_model;
  const Tokenizer* tokenizer;          ///< of the language model
  const Tokenizer* qformer_tokenizer;  ///< of an InstructBLIP's Q-Former; else null
  std::vector<int64_t> eos_ids;
  int64_t max_positions;  ///< 0: not known
  bool positions_go_on;
  int64_t image_token_id;  ///< -1: queries are not counted as tokens
};

/// The queries' output, which an InstructBLIP makes with the prompt. [N, Q, D]
at::Tensor stage2_queries(const Stage2& model, const Tokenizer* qformer_tokenizer,
                          const at::Tensor& image_embeds, const std::vector<Prompt>& prompts) {
  if (qformer_tokenizer == nullptr) {
    return by_prompt(query_output(model, image_embeds), prompts);
  }
  for (const Prompt& prompt : prompts) {
    if (prompt.text.empty()) {
      fail(ErrorCode::kInvalidArgument, "--prompt: an InstructBLIP needs an instruction");
    }
  }
  const TokenBatch text = pad_ids(encode_all(*qformer_tokenizer, prompts), image_embeds.device());
  return query_output(model, by_prompt(image_embeds, prompts), pack_text(text.ids, text.mask));
}

class Stage2Writer final : public TextWriter {
 public:
  explicit Stage2Writer(Stage2Parts parts)
      : parts_(std::move(parts)),
        seq2seq_(dynamic_cast<const EncoderDecoderLanguageModel*>(&parts_.language_model)) {}

  WriterFacts facts() const override {
    if (parts_.qformer_tokenizer != nullptr) return {.prompting = Prompting::kRequired};
    return {.question_template =
                seq2seq_ != nullptr ? "Question: {} Short answer:" : "Question: {} Answer:"};
  }

  StartedTexts start(const at::Tensor& image_embeds,
                     const std::vector<Prompt>& prompts) const override {
    const at::Tensor queries =
        apply(parts_.model.language_projection,
              stage2_queries(parts_.model, parts_.qformer_tokenizer, image_embeds, prompts));
    const int64_t num_queries = queries.size(1);  // [N, Q, Dl]
    // An empty prompt still has the tokenizer's start or end token, where there is one.
    const Ids rows = encode_all(*parts_.tokenizer, prompts);
    StartedTexts texts;
    texts.eos_ids = parts_.eos_ids;
    texts.tokenizer = parts_.tokenizer;
    texts.continues_prompt = seq2seq_ == nullptr;
    for (const std::vector<int64_t>& ids : rows) count(ids, num_queries, texts);
    const TokenBatch text =
        pad_ids(rows, queries.device(),
                {.side = seq2seq_ != nullptr ? PaddingSide::kRight : PaddingSide::kLeft});
    at::Tensor embeds = queries, mask;
    if (text.ids.size(1) > 0) {
      embeds = at::cat({queries, parts_.language_model.embed(text.ids)}, 1);
    }
    if (text.has_padding) {
      mask =
          at::cat({at::full({queries.size(0), num_queries}, 1, text.mask.options()), text.mask}, 1);
    }
    texts.decoder = parts_.language_model.decode(embeds, mask);
    return texts;
  }

 private:
  /// Adds what a prompt of `ids` counts as, and the positions that it leaves.
  void count(const std::vector<int64_t>& ids, int64_t num_queries, StartedTexts& texts) const {
    constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
    std::vector<int64_t> counted;
    if (seq2seq_ != nullptr) {
      counted = {seq2seq_->start_id()};
      texts.positions_left.push_back(kNoLimit);
    } else {
      const int64_t used = num_queries + static_cast<int64_t>(ids.size());
      const int64_t positions = parts_.max_positions > 0 ? parts_.max_positions : kNoLimit;
      if (parts_.positions_go_on) {
        texts.positions_left.push_back(kNoLimit);
        texts.trained_positions_left.push_back(positions - used);
      } else {
        texts.positions_left.push_back(positions_after(positions, used, "the prompt"));
      }
      if (parts_.image_token_id >= 0) {
        counted.assign(static_cast<size_t>(num_queries), parts_.image_token_id);
        counted.insert(counted.end(), ids.begin(), ids.end());
      }
    }
    texts.prompt_ids.push_back(std::move(counted));
  }

  const Stage2Parts parts_;
  const EncoderDecoderLanguageModel* seq2seq_;  // null: decoder-only
};

}  // namespace

void put_stage1(Bundle& bundle, Stage1 model) {
  bundle.stage1 = std::make_unique<Stage1>(std::move(model));
  bundle.image_norm = &bundle.stage1->image_norm;
  const Tokenizer* tokenizer = bundle.qformer_tokenizer.get();
  bundle.features = std::make_unique<Stage1Features>(*bundle.stage1, tokenizer);
  bundle.writer = std::make_unique<Stage1Writer>(*bundle.stage1, tokenizer);
}

void put_stage2(Bundle& bundle, Stage2 model) {
  BLIP2_CHECK(bundle.language_model != nullptr && bundle.text_tokenizer != nullptr);
  bundle.stage2 = std::make_unique<Stage2>(std::move(model));
  bundle.image_norm = &bundle.stage2->image_norm;
  bundle.writer = std::make_unique<Stage2Writer>(Stage2Parts{
      .model = *bundle.stage2,
      .language_model = *bundle.language_model,
      .tokenizer = bundle.text_tokenizer.get(),
      .qformer_tokenizer = is_instruct(bundle) ? bundle.qformer_tokenizer.get() : nullptr,
      .eos_ids = language_end_ids(bundle.text_json, *bundle.text_tokenizer),
      .max_positions = bundle.max_positions,
      .positions_go_on = bundle.positions_go_on,
      .image_token_id = bundle.image_token_id});
}

const QFormer* qformer(const Bundle& bundle) {
  if (bundle.stage1) return &bundle.stage1->qformer;
  return bundle.stage2 ? &bundle.stage2->qformer : nullptr;
}

at::Tensor prompted_queries(const Bundle& bundle, const at::Tensor& image_embeds,
                            const std::vector<Prompt>& prompts) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(qformer(bundle) != nullptr && !prompts.empty());
  if (bundle.stage2) {
    const Tokenizer* reader = is_instruct(bundle) ? bundle.qformer_tokenizer.get() : nullptr;
    return stage2_queries(*bundle.stage2, reader, image_embeds, prompts);
  }
  const ImageKeyValues keys = project_image(*qformer(bundle), norm_images(bundle, image_embeds));
  return by_prompt(encode_queries(*qformer(bundle), keys).hidden, prompts);
}

}  // namespace blip2
