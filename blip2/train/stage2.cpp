// The texts of a step, then its losses, then the stage, which turns batches into their inputs.
#include "blip2/train/stage2.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/token_batch.h"
#include "blip2/ranks/gather.h"
#include "blip2/train/image_tokens.h"
#include "blip2/train/objectives.h"
#include "blip2/train/trained_tensors.h"

namespace blip2 {
namespace {

using Ids = std::vector<int64_t>;

/// An id for padding, which no layer reads; LLaMA's tokenizer has none.
int64_t padding_id(const Tokenizer& tokenizer) {
  return std::max<int64_t>(tokenizer.special_ids().pad, 0);
}

CaptionText on_device(LanguageModelText text, at::Device device) {
  return LanguageModelText{text.ids.to(device), text.mask.to(device), text.targets.to(device)};
}

CaptionText on_device(PrefixLanguageModelText text, at::Device device) {
  return PrefixLanguageModelText{text.prefix_ids.to(device), text.prefix_mask.to(device),
                                 text.target_ids.to(device), text.target_mask.to(device)};
}

}  // namespace

LanguageModelText language_model_text(const Tokenizer& tokenizer,
                                      const std::vector<std::string>& captions,
                                      const std::string& prompt, int64_t max_length,
                                      std::optional<int64_t> end_id) {
  const size_t prompt_length = prompt.empty() ? 0 : tokenizer.encode(prompt).size();
  std::vector<Ids> ids;
  for (const std::string& caption : captions) {
    ids.push_back(tokenizer.encode(prompt.empty() ? caption : prompt + " " + caption));
    ids.back().push_back(end_id.value_or(tokenizer.special_ids().eos));
  }
  TokenPadding padding;
  padding.pad_id = padding_id(tokenizer);
  padding.max_length = max_length;
  const TokenBatch batch = pad_ids(ids, padding);
  LanguageModelText text{batch.ids, batch.mask, batch.mask.clone()};
  const int64_t unscored =
      std::min<int64_t>(static_cast<int64_t>(prompt_length), batch.ids.size(1));
  text.targets.narrow(1, 0, unscored).fill_(0);
  return text;
}

LanguageModelText answer_text(const Tokenizer& tokenizer, const std::vector<std::string>& answers,
                              const std::vector<std::string>& prompts, int64_t max_length,
                              std::optional<int64_t> end_id) {
  BLIP2_CHECK(answers.size() == prompts.size());
  std::vector<Ids> ids;
  std::vector<int64_t> prompt_lengths;
  for (size_t row = 0; row < answers.size(); ++row) {
    const Ids whole = tokenizer.encode(prompts[row] + " " + answers[row]);
    const auto prompt_end =
        whole.begin() +
        static_cast<int64_t>(std::min(tokenizer.encode(prompts[row]).size(), whole.size()));
    Ids& one = ids.emplace_back(
        whole.begin(),
        std::min(prompt_end, whole.begin() + std::min<int64_t>(
                                                 max_length, static_cast<int64_t>(whole.size()))));
    prompt_lengths.push_back(static_cast<int64_t>(one.size()));
    const auto answer_length = std::min<int64_t>(max_length - 1, whole.end() - prompt_end);
    one.insert(one.end(), prompt_end, prompt_end + answer_length);
    one.push_back(end_id.value_or(tokenizer.special_ids().eos));
  }
  TokenPadding padding;
  padding.pad_id = padding_id(tokenizer);
  padding.max_length = 2 * max_length;
  const TokenBatch batch = pad_ids(ids, padding);
  LanguageModelText text{batch.ids, batch.mask, batch.mask.clone()};
  for (size_t row = 0; row < answers.size(); ++row) {
    text.targets[static_cast<int64_t>(row)].narrow(0, 0, prompt_lengths[row]).fill_(0);
  }
  return text;
}

PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::string& prompt, const Ids& cuts,
                                                   int64_t max_length) {
  return prefix_language_model_text(
      tokenizer, captions, std::vector<std::string>(captions.size(), prompt), cuts, max_length);
}

PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::vector<std::string>& prompts,
                                                   const Ids& cuts, int64_t max_length) {
  BLIP2_CHECK(cuts.size() == captions.size() && prompts.size() == captions.size());
  const int64_t end_id = tokenizer.special_ids().eos;
  std::vector<Ids> prefixes, targets;
  for (size_t row = 0; row < captions.size(); ++row) {
    const Ids caption = tokenizer.encode(captions[row], Specials::kWithout);
    BLIP2_CHECK(cuts[row] >= 0 && cuts[row] <= static_cast<int64_t>(caption.size()));
    const auto cut = caption.begin() + cuts[row];
    Ids& prefix = prefixes.emplace_back(tokenizer.encode(prompts[row], Specials::kWithout));
    prefix.insert(prefix.end(), caption.begin(), cut);
    prefix.push_back(end_id);
    targets.emplace_back(cut, caption.end()).push_back(end_id);
  }
  TokenPadding padding;
  padding.pad_id = padding_id(tokenizer);
  padding.max_length = max_length;
  padding.keep_last_token = true;
  const TokenBatch prefix = pad_ids(prefixes, padding), target = pad_ids(targets, padding);
  return {prefix.ids, prefix.mask, target.ids, target.mask};
}

Ids prefix_cuts(const Tokenizer& tokenizer, const std::vector<std::string>& captions, uint64_t seed,
                int64_t step, int64_t first_row) {
  Ids cuts;
  for (size_t row = 0; row < captions.size(); ++row) {
    const uint64_t half = tokenizer.encode(captions[row], Specials::kWithout).size() / 2;
    Random random(seed, "prefix cut", static_cast<uint64_t>(step),
                  static_cast<uint64_t>(first_row) + row);
    cuts.push_back(half == 0 ? 0 : static_cast<int64_t>(1 + random.below(half)));
  }
  return cuts;
}

CaptionText caption_text(const Bundle& bundle, const std::vector<std::string>& captions,
                         const Ids& cuts) {
  const Tokenizer& tokenizer = *bundle.text_tokenizer;
  const LanguageModel* model = bundle.language_model.get();
  if (dynamic_cast<const EncoderDecoderLanguageModel*>(model) != nullptr) {
    return on_device(prefix_language_model_text(tokenizer, captions, bundle.prompt, cuts,
                                                bundle.max_text_length),
                     bundle.device);
  }
  return on_device(language_model_text(tokenizer, captions, bundle.prompt, bundle.max_text_length,
                                       caption_end_id(bundle)),
                   bundle.device);
}

QuestionText question_text(const Bundle& bundle, const std::vector<std::string>& questions,
                           const std::vector<std::string>& answers) {
  const Tokenizer& reader = *bundle.qformer_tokenizer;
  std::vector<std::string> prompts;
  std::vector<Ids> ids;
  for (const std::string& question : questions) {
    std::string prompt = bundle.prompt;
    prompt.replace(prompt.find("{}"), 2, question);
    ids.push_back(reader.encode(prompt));
    prompts.push_back(std::move(prompt));
  }
  TokenPadding padding;
  padding.pad_id = reader.special_ids().pad;
  padding.max_length = bundle.stage2->qformer.config.max_position_embeddings;
  padding.keep_last_token = true;
  const TokenBatch read = pad_ids(ids, bundle.device, padding);
  const Text instructions = pack_text(read.ids, read.mask);
  const Tokenizer& tokenizer = *bundle.text_tokenizer;
  if (dynamic_cast<const EncoderDecoderLanguageModel*>(bundle.language_model.get()) != nullptr) {
    return {instructions,
            on_device(prefix_language_model_text(tokenizer, answers, prompts,
                                                 Ids(answers.size(), 0), bundle.max_text_length),
                      bundle.device)};
  }
  return {instructions, on_device(answer_text(tokenizer, answers, prompts, bundle.max_text_length,
                                              caption_end_id(bundle)),
                                  bundle.device)};
}

Stage2Losses stage2_losses(const Stage2& model, const LanguageModel& language_model,
                           const at::Tensor& image_embeds, const CaptionText& text,
                           const Dropout& dropout, const Text* instructions,
                           Arithmetic frozen_arithmetic) {
  const at::Tensor queries = instructions == nullptr
                                 ? query_output(model, image_embeds, dropout)
                                 : query_output(model, image_embeds, *instructions, dropout);
  const at::Tensor inputs = apply(model.language_projection, queries);
  const Autocast frozen(is_autocast(inputs) ? Arithmetic::kBFloat16 : frozen_arithmetic);
  const LanguageModelLogits result = language_model_logits(language_model, inputs, text);
  return {language_modelling_loss(result.logits, result.targets, 0.0), query_similarity(queries),
          result.targets.size(0)};
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
    const CaptionText text = caption_text(bundle,
                                          {captions.begin() + static_cast<int64_t>(first),
                                           captions.begin() + static_cast<int64_t>(end)},
                                          Ids(end - first, 0));
    const at::Tensor embeds =
        image_embeds.narrow(0, static_cast<int64_t>(first), static_cast<int64_t>(end - first));
    const LanguageModelLogits result = language_model_logits(
        *bundle.language_model, language_inputs(*bundle.stage2, embeds), text);
    const double count = static_cast<double>(result.targets.size(0));
    total += count * language_modelling_loss(result.logits, result.targets, 0.0).item<double>();
    tokens += count;
    if (progress) progress(static_cast<int64_t>(end - first));
  }
  return total / tokens;
}

Stage2Training::Stage2Training(Bundle& bundle, TrainingData& data, const TrainConfig& config,
                               Communicator& communicator)
    : bundle_(bundle), data_(data), config_(config), communicator_(communicator) {
  BLIP2_CHECK(bundle_.stage2 != nullptr && bundle_.language_model != nullptr);
  BLIP2_CHECK(bundle_.text_tokenizer != nullptr);
  const std::string& prompt = config_.model.prompt;
  const int64_t prompt_length =
      prompt.empty() || is_answering()
          ? 0
          : static_cast<int64_t>(bundle_.text_tokenizer->encode(prompt).size());
  if (config_.model.max_txt_len <= prompt_length) {
    fail(ErrorCode::kInvalidArgument,
         "model.max_txt_len: expected more than the {} tokens of model.prompt, found {}",
         prompt_length, config_.model.max_txt_len);
  }
  set_trainable(bundle_.language_model->tensors(), false);
  set_trainable(trained_tensors(), true);
  if (config_.run.holds_bfloat16(bundle_.device)) {
    std::vector<NamedTensor> frozen = bundle_.image_encoder->tensors();
    for (const NamedTensor& named : bundle_.language_model->tensors()) frozen.push_back(named);
    bfloat16_storage_ = std::make_unique<Bfloat16Storage>(frozen);
  }
}

std::vector<NamedTensor> Stage2Training::trained_tensors() {
  return blip2::trained_tensors(bundle_, config_.model);
}

StepOutput Stage2Training::run_batch(const StepContext& context) {
  const Batch batch = data_.next();
  const RunConfig& run = config_.run;
  StepOutput output;
  std::vector<std::string> captions, questions;
  for (const Sample& sample : batch.samples) {
    captions.push_back(sample.caption);
    questions.push_back(sample.question);
    output.keys.push_back(sample.key);
  }
  const int64_t first_row = context.rank * run.batch_size_train;
  const Ids cuts = run.prefix_lm == "split"
                       ? prefix_cuts(*bundle_.text_tokenizer, captions, context.seed,
                                     context.batch_number(), first_row)
                       : Ids(captions.size(), 0);
  QuestionText asked;
  if (is_answering()) {
    asked = question_text(bundle_, questions, captions);
  } else {
    asked.text = caption_text(bundle_, captions, cuts);
  }
  const at::Tensor embeds =
      drop_image_tokens(data_.image_embeds(batch).to(bundle_.device), run.image_token_drop,
                        context.seed, context.batch_number(), first_row);
  const Autocast autocast(arithmetic(run.amp, bundle_.device));
  Stage2Losses losses = stage2_losses(
      *bundle_.stage2, *bundle_.language_model, embeds, asked.text, {run.drop_rate, run.drop_rate},
      is_answering() ? &asked.instructions : nullptr, run.frozen_arithmetic(bundle_.device));
  if (run.token_mean == "global") {
    losses.lm = losses.lm * global_mean_factor(losses.num_targets, communicator_);
  }
  output.loss = losses.lm + run.loss_weights.query_similarity * losses.query_similarity;
  output.values = {{"loss_lm", losses.lm.item<double>()},
                   {"query_similarity", losses.query_similarity.item<double>()}};
  output.samples = static_cast<int64_t>(batch.samples.size());
  output.data_s = batch.waited_s;
  return output;
}

void Stage2Training::save_model(const std::filesystem::path& directory) {
  bfloat16_storage_.reset();  // restores the frozen parts' dtype, in which they are saved
  save_bundle(bundle_, directory);
}

}  // namespace blip2
