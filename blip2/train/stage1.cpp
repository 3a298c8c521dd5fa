// The losses of a step first; then the stage, which turns batches into their inputs.
#include "blip2/train/stage1.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/token_batch.h"
#include "blip2/ranks/gather.h"
#include "blip2/train/image_tokens.h"
#include "blip2/train/trained_tensors.h"

namespace blip2 {
namespace {

/// One number in [0, 1) for each of `rows` rows of the global batch, drawn from (seed, purpose,
/// step, row), so that a row draws the same number for any number of ranks.
std::vector<double> row_numbers(const Stage1Options& options, std::string_view purpose,
                                int64_t first_row, int64_t rows) {
  std::vector<double> numbers;
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    Random random(options.seed, purpose, static_cast<uint64_t>(options.step),
                  static_cast<uint64_t>(row));
    numbers.push_back(random.uniform());
  }
  return numbers;
}

MatchingNegatives draw_negatives(const at::Tensor& image_to_text, const at::Tensor& text_to_image,
                                 const PairTable& pairs, const Stage1Options& options) {
  const auto rows = static_cast<int64_t>(
      std::ceil(options.itm_share * static_cast<double>(image_to_text.size(0))));
  if (options.negatives) {
    BLIP2_CHECK(options.negatives->images.size(0) == rows);
    BLIP2_CHECK(options.negatives->texts.size(0) == rows);
    return *options.negatives;
  }
  const auto draw = [&](const at::Tensor& similarity, std::string_view purpose) {
    const auto weights = [&](Negatives kind) {
      return negative_weights(similarity, pairs, kind).narrow(0, 0, rows);
    };
    const at::Tensor mixed = options.hard_share * weights(Negatives::kHard) +
                             (1 - options.hard_share) * weights(Negatives::kUniform);
    return draw_columns(mixed, row_numbers(options, purpose, pairs.first, rows));
  };
  return {draw(text_to_image, "negative image"), draw(image_to_text, "negative text")};
}

/// Keys and values of (own images, negative images, own images), [3M, ...] in each layer. Ranks
/// send each other the images' embeddings, which are fewer bytes than the keys and values of all
/// layers. The gradients of the embeddings go back to the rank that owns the image.
ImageKeyValues matching_images(const Stage1& model, const ImageFeatures& image,
                               const at::Tensor& negatives, Communicator& communicator) {
  const int64_t rows = negatives.size(0);
  const at::Tensor own = at::arange(rows, negatives.options());
  if (communicator.world_size() == 1) {
    return select_rows(image.key_values, at::cat({own, negatives, own}));
  }
  const ImageKeyValues fetched =
      project_image(model.qformer, fetch_rows(image.embeds, negatives, communicator));
  ImageKeyValues all;
  const auto together = [&](const at::Tensor& a, const at::Tensor& b) {  // [B or M, H, P, K]
    const at::Tensor first = a.narrow(0, 0, rows);
    return at::cat({first, b, first});
  };
  for (size_t i = 0; i < fetched.size(); ++i) {
    all.push_back({together(image.key_values[i].key, fetched[i].key),
                   together(image.key_values[i].value, fetched[i].value)});
  }
  return all;
}

/// (own texts, own texts, negative texts): 3M texts.
Text matching_texts(const TokenBatch& texts, const at::Tensor& negatives,
                    Communicator& communicator) {
  const int64_t rows = negatives.size(0);
  const int64_t first = communicator.rank() * texts.ids.size(0);
  const at::Tensor own = at::arange(first, first + rows, negatives.options());
  const at::Tensor chosen = at::cat({own, own, negatives});
  const auto choose = [&](const at::Tensor& own_rows) {
    return gather_padded(own_rows, 0, communicator).index_select(0, chosen);
  };
  return pack_text(choose(texts.ids), choose(texts.mask));
}

}  // namespace

at::Tensor total_loss(const Stage1Losses& losses, const LossWeights& weights) {
  return weights.itc * losses.itc + weights.itm * losses.itm + weights.itg * losses.itg +
         weights.query_similarity * losses.query_similarity;
}

Stage1Losses stage1_losses(const Stage1& model, const at::Tensor& image_embeds,
                           const TokenBatch& texts, const RelatedPairs& related,
                           Communicator& communicator, const Stage1Options& options) {
  const Text text = pack_text(texts.ids, texts.mask);
  const ImageFeatures image = encode_image(model, image_embeds, options.dropout);
  const at::Tensor text_feature = encode_text(model, text, options.dropout);  // [B, E]

  // ITC. Gathered features have no gradient, not even a rank's own rows (LAVIS 1.0.2,
  // models/base_model.py: concat_all_gather), unless itc_both_sides asks for it, as in CLIP.
  const auto gather = [&](const at::Tensor& own) {
    return options.itc_both_sides ? gather_with_gradient(own, communicator)
                                  : communicator.all_gather(own.detach().contiguous());
  };
  const at::Tensor all_images = gather(image.projected);  // [N, Q, E]
  const at::Tensor all_texts = gather(text_feature);      // [N, E]
  const at::Tensor image_to_text =
      best_query_similarity(image.projected, all_texts) / model.temperature;  // [B, N]
  const at::Tensor text_to_image =
      best_query_similarity(all_images, text_feature).t() / model.temperature;  // [B, N]
  const PairTable pairs{communicator.rank() * text_feature.size(0), related.excluded,
                        related.positives};
  Stage1Losses losses;
  losses.itc = contrastive_loss(image_to_text, text_to_image, pairs);

  losses.query_similarity = query_similarity(image.queries.hidden);

  // ITM, on the own pairs and, for each, a pair with a negative image and one with a negative text.
  const MatchingNegatives negatives = draw_negatives(image_to_text, text_to_image, pairs, options);
  const Text matched_text = matching_texts(texts, negatives.texts, communicator);
  const at::Tensor logits =
      match_logits(model, matching_images(model, image, negatives.images, communicator),
                   matched_text, options.dropout);  // [3M, 2]
  at::Tensor labels = at::zeros({logits.size(0)}, negatives.texts.options());
  labels.narrow(0, 0, logits.size(0) / 3).fill_(1);
  losses.itm = matching_loss(logits, labels);
  losses.itm_accuracy = (logits.argmax(1) == labels).to(at::kDouble).mean().item<double>();

  // ITG, which attends to the queries' keys and values of the ITC pass.
  const GenerationLogits generation =
      generation_logits(model, image.queries, text, options.dec_id, options.dropout);
  losses.itg = language_modelling_loss(generation.logits, generation.targets, 0.1);
  if (options.global_token_mean) {
    losses.itg = losses.itg * global_mean_factor(generation.targets.size(0), communicator);
  }
  return losses;
}

Stage1Training::Stage1Training(Bundle& bundle, TrainingData& data, const TrainConfig& config,
                               Communicator& communicator)
    : bundle_(bundle), data_(data), config_(config), communicator_(communicator) {
  BLIP2_CHECK(bundle_.stage1 != nullptr && bundle_.qformer_tokenizer != nullptr);
  set_trainable(trained_tensors(), true);
  if (config_.run.holds_bfloat16(bundle_.device)) {
    bfloat16_storage_ = std::make_unique<Bfloat16Storage>(bundle_.image_encoder->tensors());
  }
}

std::vector<NamedTensor> Stage1Training::trained_tensors() {
  return blip2::trained_tensors(bundle_, config_.model);
}

TokenBatch Stage1Training::tokenize(const Batch& batch) const {
  std::vector<std::vector<int64_t>> ids;
  for (const Sample& sample : batch.samples) {
    ids.push_back(bundle_.qformer_tokenizer->encode(sample.caption));
  }
  TokenPadding padding;
  padding.pad_id = bundle_.qformer_tokenizer->special_ids().pad;
  padding.max_length = config_.model.max_txt_len;
  padding.keep_last_token = true;
  return pad_ids(ids, bundle_.device, padding);
}

RelatedPairs Stage1Training::related_pairs(const Batch& batch) const {
  const bool is_retrieval = task_of(config_.run) == TrainTask::kRetrieval;
  if (!is_retrieval && !config_.run.mask_same_caption && !config_.run.mask_same_image) return {};
  // Ranks exchange hashes of captions and of the names of pictures.
  const auto same = [&](const std::string Sample::* field) {
    at::Tensor own = at::zeros({static_cast<int64_t>(batch.samples.size())}, at::kLong);
    for (size_t i = 0; i < batch.samples.size(); ++i) {
      own.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(hash_text(batch.samples[i].*field));
    }
    const at::Tensor equal = own.unsqueeze(1) == communicator_.all_gather(own).unsqueeze(0);
    return equal.to(bundle_.device);  // [B, N]
  };
  if (is_retrieval) return {{}, same(&Sample::picture)};
  at::Tensor excluded;
  if (config_.run.mask_same_caption) excluded = same(&Sample::caption);
  if (config_.run.mask_same_image) {
    const at::Tensor same_image = same(&Sample::picture);
    excluded = excluded.defined() ? excluded.logical_or(same_image) : same_image;
  }
  excluded.diagonal(communicator_.rank() * excluded.size(0)).fill_(false);  // the own pairs
  return {excluded, {}};
}

StepOutput Stage1Training::run_batch(const StepContext& context) {
  const Batch batch = data_.next();
  const RunConfig& run = config_.run;
  Stage1Options options;
  options.dropout = {run.drop_rate, run.drop_rate};
  options.itc_both_sides = run.itc_both_sides;
  options.hard_share = context.step > run.hard_negatives_from ? run.hard_negatives_share : 0;
  options.seed = context.seed;
  options.step = context.batch_number();
  options.itm_share = run.itm_share;
  options.dec_id = bundle_.qformer_tokenizer->special_ids().dec;
  options.global_token_mean = run.token_mean == "global";
  const Stage1& model = *bundle_.stage1;
  const at::Tensor embeds =
      drop_image_tokens(data_.image_embeds(batch).to(bundle_.device), run.image_token_drop,
                        options.seed, options.step, context.rank * run.batch_size_train);
  const Autocast autocast(arithmetic(run.amp, bundle_.device));
  const Stage1Losses losses =
      stage1_losses(model, embeds, tokenize(batch), related_pairs(batch), communicator_, options);
  StepOutput output;
  output.loss = total_loss(losses, run.loss_weights);
  output.values = {{"loss_itc", losses.itc.item<double>()},
                   {"loss_itm", losses.itm.item<double>()},
                   {"loss_itg", losses.itg.item<double>()},
                   {"temperature", model.temperature.item<double>()},
                   {"itm_accuracy", losses.itm_accuracy},
                   {"query_similarity", losses.query_similarity.item<double>()}};
  output.samples = static_cast<int64_t>(batch.samples.size());
  output.data_s = batch.waited_s;
  for (const Sample& sample : batch.samples) output.keys.push_back(sample.key);
  return output;
}

void Stage1Training::save_model(const std::filesystem::path& directory) {
  bfloat16_storage_.reset();  // restores the frozen parts' dtype, in which they are saved
  save_bundle(bundle_, directory);
}

}  // namespace blip2
