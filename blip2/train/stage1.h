// BLIP-2's first stage of pre-training: vision-language representation learning from a frozen image
// encoder with ITC, ITM and ITG in one step (section 3.2). Also fine-tuning for retrieval, which
// differs in that the image encoder is trained and that pairs of one picture, known by its id, are
// all positive (section 4.4).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/bfloat16_storage.h"
#include "blip2/nn/token_batch.h"
#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/objectives.h"
#include "blip2/train/stage.h"
#include "blip2/train/training_data.h"

namespace blip2 {

struct Stage1Losses {
  at::Tensor itc, itm, itg;     // [] each
  at::Tensor query_similarity;  // []
  double itm_accuracy = 0;      ///< fraction, over positives and both kinds of negatives
};

/// The weighted sum, which training minimises. [].
at::Tensor total_loss(const Stage1Losses& losses, const LossWeights& weights);

/// ITM's negatives for the first M rows of the batch, as rows of the global batch.
struct MatchingNegatives {
  at::Tensor images, texts;  // [M] int64 each
};

/// What the losses of a step depend on besides the model and the batch.
struct Stage1Options {
  Dropout dropout;
  bool itc_both_sides = false;  ///< ITC's gradient also flows through the gathered features
  double hard_share = 1;        ///< probability that a negative is hard; the others are uniform
  uint64_t seed = 42;           ///< negatives are drawn from (seed, step, row of the global batch)
  int64_t step = 1;
  double itm_share = 1;            ///< share of the batch, its first rows, that ITM is computed for
  int64_t dec_id = 0;              ///< of [DEC], from the tokenizer
  bool global_token_mean = false;  ///< ITG: mean over the tokens of all ranks, not of each rank
  std::optional<MatchingNegatives> negatives = std::nullopt;  ///< given instead of drawn
};

/// Pairs of a batch that are not negatives, each [B, N] bool or undefined, as in PairTable.
struct RelatedPairs {
  at::Tensor excluded, positives;
};

/// The losses of one batch. image_embeds: the encoder's raw output [B, P, Dv]. `texts`: ids with
/// [CLS] and [SEP], right-padded. ITC compares with the features of all ranks, and ITM draws its
/// negatives from all ranks. B is the same on all ranks.
Stage1Losses stage1_losses(const Stage1& model, const at::Tensor& image_embeds,
                           const TokenBatch& texts, const RelatedPairs& related,
                           Communicator& communicator, const Stage1Options& options);

class Stage1Training final : public Stage {
 public:
  /// `bundle` holds a stage-1 model, as from assemble_stage1(). All references must outlive this.
  Stage1Training(Bundle& bundle, TrainingData& data, const TrainConfig& config,
                 Communicator& communicator);

  std::vector<NamedTensor> trained_tensors() override;
  void seek(const DataPosition& position) override { data_.seek(position); }
  StepOutput run_batch(const StepContext& context) override;
  void save_model(const std::filesystem::path& directory) override;

 private:
  TokenBatch tokenize(const Batch& batch) const;
  RelatedPairs related_pairs(const Batch& batch) const;

  Bundle& bundle_;
  TrainingData& data_;
  TrainConfig config_;
  Communicator& communicator_;
  std::unique_ptr<Bfloat16Storage> bfloat16_storage_;  // the frozen parts, if bfloat16 is asked for
};

}  // namespace blip2
