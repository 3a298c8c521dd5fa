#include "blip2/models/writing.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/models/blip2/qformer_decoder.h"
#include "blip2/models/bundle.h"
#include "blip2/models/language/encoder_decoder_language_model.h"
#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;
using Ids = std::vector<std::vector<int64_t>>;

std::vector<int64_t> image_rows(const std::vector<Prompt>& prompts) {
  std::vector<int64_t> rows;
  for (const Prompt& prompt : prompts) rows.push_back(prompt.image);
  return rows;
}

/// Whether row i is about picture i: nothing needs to be repeated then.
bool is_one_each(const std::vector<Prompt>& prompts, int64_t num_images) {
  if (static_cast<int64_t>(prompts.size()) != num_images) return false;
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].image != static_cast<int64_t>(i)) return false;
  }
  return true;
}

at::Tensor by_prompt(const at::Tensor& per_image, const std::vector<Prompt>& prompts) {
  if (is_one_each(prompts, per_image.size(0))) return per_image;
  return per_image.index_select(0, to_tensor(image_rows(prompts), per_image.device()));
}

Ids encode_all(const Tokenizer& tokenizer, const std::vector<Prompt>& prompts) {
  Ids rows;
  for (const Prompt& prompt : prompts) rows.push_back(tokenizer.encode(prompt.text));
  return rows;
}

/// text_config's end tokens, else the tokenizer's.
std::vector<int64_t> language_end_ids(const Bundle& bundle) {
  const Json config = Json::parse(bundle.text_json, nullptr, false);
  const Json id = config.is_object() ? config.value("eos_token_id", Json()) : Json();
  if (id.is_number_integer()) return {id.get<int64_t>()};
  if (id.is_array()) return id.get<std::vector<int64_t>>();
  return {bundle.text_tokenizer->special_ids().eos};
}

int64_t room_after(int64_t positions, int64_t used, const char* what) {
  if (used >= positions) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected fewer than {} tokens, what the model has positions for, found {}", what,
         positions, used);
  }
  return positions - used;
}

Writing start_generative(const Bundle& bundle, const at::Tensor& image_embeds,
                         const std::vector<Prompt>& prompts) {
  const auto* seq2seq =
      dynamic_cast<const EncoderDecoderLanguageModel*>(bundle.language_model.get());
  const at::Tensor queries = apply(bundle.generative->language_projection,
                                   prompted_queries(bundle, image_embeds, prompts));  // [N, Q, Dl]
  const int64_t num_queries = queries.size(1);
  // An empty prompt still has the tokenizer's start or end token, where there is one.
  const Ids rows = encode_all(*bundle.text_tokenizer, prompts);
  Writing writing;
  writing.eos_ids = language_end_ids(bundle);
  writing.tokenizer = bundle.text_tokenizer.get();
  for (const std::vector<int64_t>& ids : rows) {
    std::vector<int64_t> counted;
    if (seq2seq != nullptr) {
      counted = {seq2seq->start_id()};
      writing.room.push_back(std::numeric_limits<int64_t>::max());
    } else {
      const int64_t used = num_queries + static_cast<int64_t>(ids.size());
      const int64_t positions =
          bundle.max_positions > 0 ? bundle.max_positions : std::numeric_limits<int64_t>::max();
      writing.room.push_back(room_after(positions, used, "the prompt"));
      if (bundle.image_token_id >= 0) {
        counted.assign(static_cast<size_t>(num_queries), bundle.image_token_id);
        counted.insert(counted.end(), ids.begin(), ids.end());
      }
    }
    writing.prompt_ids.push_back(std::move(counted));
  }
  const TokenBatch text = pad_ids(
      rows, bundle.device, {.side = seq2seq != nullptr ? PaddingSide::kRight : PaddingSide::kLeft});
  at::Tensor embeds = queries, mask;
  if (text.ids.size(1) > 0) {
    embeds = at::cat({queries, bundle.language_model->embed(text.ids)}, 1);
  }
  if (text.has_padding) {
    mask =
        at::cat({at::full({queries.size(0), num_queries}, 1, text.mask.options()), text.mask}, 1);
  }
  writing.decoder = bundle.language_model->decode(embeds, mask);
  return writing;
}

Writing start_qformer(const Bundle& bundle, const at::Tensor& image_embeds,
                      const std::vector<Prompt>& prompts) {
  const Tokenizer& tokenizer = *bundle.qformer_tokenizer;
  const ImageFeatures image = encode_image(*bundle.stage1, by_prompt(image_embeds, prompts));
  Writing writing;
  writing.decoder =
      std::make_unique<QFormerDecoder>(*bundle.stage1, image.queries, tokenizer.special_ids().dec);
  writing.prompt_ids.resize(prompts.size());
  const int64_t positions = bundle.stage1->config.qformer.max_position_embeddings;
  writing.room.assign(prompts.size(), positions - 1);
  writing.eos_ids = {tokenizer.special_ids().sep};
  writing.tokenizer = &tokenizer;
  return writing;
}

/// [DEC], then the prompt without its [CLS] and its [SEP].
std::vector<int64_t> caption_start(const Bundle& bundle, const BlipTextConfig& config,
                                   const std::string& prompt) {
  if (prompt.empty()) return {config.bos_token_id};
  std::vector<int64_t> ids = bundle.text_tokenizer->encode(prompt);
  ids.front() = config.bos_token_id;
  ids.pop_back();
  return ids;
}

Writing start_blip(const Bundle& bundle, const at::Tensor& image_embeds,
                   const std::vector<Prompt>& prompts) {
  const at::Tensor embeds = norm_images(bundle, image_embeds);
  Writing writing;
  writing.tokenizer = bundle.text_tokenizer.get();
  const auto finish = [&](const BlipTextConfig& config) {
    writing.eos_ids = {config.sep_token_id};
    for (const std::vector<int64_t>& ids : writing.prompt_ids) {
      writing.room.push_back(room_after(config.max_position_embeddings,
                                        static_cast<int64_t>(ids.size()), "the prompt"));
    }
  };
  if (const auto* captioner = std::get_if<BlipCaptioner>(&bundle.blip->model)) {
    const BlipTextConfig& config = captioner->text_decoder.text.config;
    for (const Prompt& prompt : prompts) {
      writing.prompt_ids.push_back(caption_start(bundle, config, prompt.text));
    }
    finish(config);
    const TokenBatch start =
        pad_ids(writing.prompt_ids, bundle.device, {.side = PaddingSide::kLeft});
    writing.decoder = decode_captions(*captioner, by_prompt(embeds, prompts), start.ids,
                                      start.has_padding ? start.mask : at::Tensor());
    return writing;
  }
  const auto& answerer = std::get<BlipAnswerer>(bundle.blip->model);
  const BlipTextConfig& config = answerer.text_decoder.text.config;
  writing.prompt_ids.assign(prompts.size(), {config.bos_token_id});
  finish(config);
  Ids questions = encode_all(*bundle.text_tokenizer, prompts);
  for (const std::vector<int64_t>& ids : questions) {
    room_after(config.max_position_embeddings + 1, static_cast<int64_t>(ids.size()),
               "the question");
  }
  const TokenBatch asked = pad_ids(questions, bundle.device);
  writing.decoder = decode_answers(answerer, read_questions(answerer, by_prompt(embeds, prompts),
                                                            pack_text(asked.ids, asked.mask)));
  return writing;
}

}  // namespace

bool can_write(const Bundle& bundle) {
  return bundle.generative || bundle.stage1 ||
         (bundle.blip && !std::holds_alternative<BlipMatcher>(bundle.blip->model));
}

bool can_be_prompted(const Bundle& bundle) { return can_write(bundle) && !bundle.stage1; }

at::Tensor prompted_queries(const Bundle& bundle, const at::Tensor& image_embeds,
                            const std::vector<Prompt>& prompts) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(bundle.generative.has_value() && !prompts.empty());
  if (!is_instruct(bundle)) {
    return by_prompt(query_output(*bundle.generative, image_embeds), prompts);
  }
  for (const Prompt& prompt : prompts) {
    if (prompt.text.empty()) {
      fail(ErrorCode::kInvalidArgument, "--prompt: an InstructBLIP needs an instruction");
    }
  }
  const TokenBatch text = pad_ids(encode_all(*bundle.qformer_tokenizer, prompts), bundle.device);
  return query_output(*bundle.generative, by_prompt(image_embeds, prompts),
                      pack_text(text.ids, text.mask));
}

Writing start_writing(const Bundle& bundle, const at::Tensor& image_embeds,
                      const std::vector<Prompt>& prompts) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(!prompts.empty());
  if (!can_write(bundle)) {
    fail(ErrorCode::kUnsupported, "this model has no part that writes texts");
  }
  if (bundle.generative) return start_generative(bundle, image_embeds, prompts);
  if (bundle.stage1) return start_qformer(bundle, image_embeds, prompts);
  return start_blip(bundle, image_embeds, prompts);
}

}  // namespace blip2
