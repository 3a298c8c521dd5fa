#include "blip2/train/stage2.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/data/collate.h"
#include "blip2/train/image_tokens.h"
#include "blip2/train/objectives.h"

namespace blip2 {

LanguageModelText language_model_text(const Tokenizer& tokenizer,
                                      const std::vector<std::string>& captions,
                                      const std::string& prompt, int64_t max_length) {
  const size_t prompt_length = prompt.empty() ? 0 : tokenizer.encode(prompt).size();
  std::vector<std::vector<int64_t>> ids;
  for (const std::string& caption : captions) {
    ids.push_back(tokenizer.encode(prompt.empty() ? caption : prompt + " " + caption));
    ids.back().push_back(tokenizer.special_ids().eos);
  }
  TextPadding padding;
  padding.pad_id = tokenizer.special_ids().pad;
  padding.max_length = max_length;
  const TextBatch batch = pad_texts(ids, padding);
  LanguageModelText text{batch.ids, batch.mask, batch.mask.clone()};
  const int64_t unscored =
      std::min<int64_t>(static_cast<int64_t>(prompt_length), batch.ids.size(1));
  text.targets.narrow(1, 0, unscored).fill_(0);
  return text;
}

double held_out_loss(const Bundle& bundle, const at::Tensor& image_embeds,
                     const std::vector<std::string>& captions,
                     const std::function<void(int64_t pictures)>& progress) {
  BLIP2_CHECK(image_embeds.size(0) == static_cast<int64_t>(captions.size()));
  constexpr size_t kBatch = 16;
  const at::NoGradGuard no_grad;
  double total = 0, tokens = 0;
  for (size_t first = 0; first < captions.size(); first += kBatch) {
    const size_t end = std::min(first + kBatch, captions.size());
    const LanguageModelText text =
        language_model_text(*bundle.text_tokenizer,
                            {captions.begin() + static_cast<int64_t>(first),
                             captions.begin() + static_cast<int64_t>(end)},
                            bundle.prompt, bundle.max_text_length);
    const at::Tensor embeds =
        image_embeds.narrow(0, static_cast<int64_t>(first), static_cast<int64_t>(end - first));
    const LanguageModelLogits result = language_model_logits(
        causal_language_model(bundle), language_inputs(*bundle.generative, embeds), text);
    const double count = static_cast<double>(result.targets.size(0));
    total += count * language_modelling_loss(result.logits, result.targets, 0.0).item<double>();
    tokens += count;
    if (progress) progress(static_cast<int64_t>(end - first));
  }
  return total / tokens;
}

Stage2Training::Stage2Training(Bundle& bundle, TrainingData& data, const TrainConfig& config)
    : bundle_(bundle), data_(data), config_(config) {
  BLIP2_CHECK(bundle_.generative.has_value() && bundle_.language_model != nullptr);
  BLIP2_CHECK(bundle_.text_tokenizer != nullptr);
  const std::string& prompt = config_.model.prompt;
  const int64_t prompt_length =
      prompt.empty() ? 0 : static_cast<int64_t>(bundle_.text_tokenizer->encode(prompt).size());
  if (config_.model.max_txt_len <= prompt_length) {
    fail(ErrorCode::kInvalidArgument,
         "model.max_txt_len: expected more than the {} tokens of model.prompt, found {}",
         prompt_length, config_.model.max_txt_len);
  }
  set_trainable(bundle_.language_model->tensors(), false);
  set_trainable(trained_tensors(), true);
}

std::vector<NamedTensor> Stage2Training::trained_tensors() {
  return named_tensors(*bundle_.generative);
}

StepOutput Stage2Training::run_batch(const StepContext& context) {
  const Batch batch = data_.next();
  const RunConfig& run = config_.run;
  StepOutput output;
  std::vector<std::string> captions;
  for (const Sample& sample : batch.samples) {
    captions.push_back(sample.caption);
    output.keys.push_back(sample.key);
  }
  const LanguageModelText text = language_model_text(
      *bundle_.text_tokenizer, captions, config_.model.prompt, config_.model.max_txt_len);
  const at::Tensor embeds = drop_image_tokens(data_.image_embeds(batch), run.image_token_drop,
                                              context.seed, context.batch_number());
  const Generative& model = *bundle_.generative;
  const at::Tensor queries = query_output(model, embeds, {run.drop_rate, run.drop_rate});
  const at::Tensor inputs = apply(model.language_projection, queries);
  const LanguageModelLogits result =
      language_model_logits(causal_language_model(bundle_), inputs, text);
  const at::Tensor loss = language_modelling_loss(result.logits, result.targets, 0.0);
  const at::Tensor similarity = query_similarity(queries);
  output.loss = loss + run.loss_weights.query_similarity * similarity;
  output.values = {{"loss_lm", loss.item<double>()},
                   {"query_similarity", similarity.item<double>()}};
  output.samples = static_cast<int64_t>(batch.samples.size());
  return output;
}

void Stage2Training::save_model(const std::filesystem::path& directory) {
  save_bundle(bundle_, directory);
}

}  // namespace blip2
