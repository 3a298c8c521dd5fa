// BLIP-2's second stage of pre-training: generative learning from a frozen language model, which is
// decoder-only or an encoder-decoder (section 3.3, Fig. 3). Also fine-tuning for captions, with a
// prompt and a trained image encoder (section 4.2), and for visual question answering, where the
// Q-Former reads the question too (section 4.3, Fig. 7).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/bfloat16_storage.h"
#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/stage.h"
#include "blip2/train/training_data.h"

namespace blip2 {

/// Captions for a decoder-only language model: prompt, one space, caption, end token (the
/// tokenizer's unless given), right-padded and truncated to max_length tokens. Targets are the
/// caption and the end token; with an empty prompt also the start token, if the tokenizer adds one.
LanguageModelText language_model_text(const Tokenizer& tokenizer,
                                      const std::vector<std::string>& captions,
                                      const std::string& prompt, int64_t max_length,
                                      std::optional<int64_t> end_id = std::nullopt);

/// The same for answers, each after a prompt of its own, which has no loss. Prompt and answer are
/// truncated to max_length tokens each, so that a long question does not truncate the answer.
LanguageModelText answer_text(const Tokenizer& tokenizer, const std::vector<std::string>& answers,
                              const std::vector<std::string>& prompts, int64_t max_length,
                              std::optional<int64_t> end_id = std::nullopt);

/// Captions for an encoder-decoder. The prefix is the prompt and the first cuts[i] tokens of
/// caption i, the target is the rest of the caption. Both end with the end token, are right-padded,
/// and are truncated before their end token to max_length tokens. run.prefix_lm: none, which LAVIS
/// does, means cuts of 0.
PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::string& prompt,
                                                   const std::vector<int64_t>& cuts,
                                                   int64_t max_length);
/// The same with a prompt for each caption.
PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::vector<std::string>& prompts,
                                                   const std::vector<int64_t>& cuts,
                                                   int64_t max_length);

/// The cuts of run.prefix_lm: split. The number of tokens of a caption that become prefix is
/// uniform from 1 to half of them, drawn from (seed, step, first_row + row); 0 for a caption of one
/// token. `first_row`: the batch's first row in the global batch. Source: the authors, LAVIS issue
/// 139.
std::vector<int64_t> prefix_cuts(const Tokenizer& tokenizer,
                                 const std::vector<std::string>& captions, uint64_t seed,
                                 int64_t step, int64_t first_row = 0);

/// The captions for the bundle's kind of language model, with the bundle's prompt and length, on
/// its device. A decoder-only model ignores `cuts`.
CaptionText caption_text(const Bundle& bundle, const std::vector<std::string>& captions,
                         const std::vector<int64_t>& cuts);

/// The texts of a step of visual question answering: the prompts (each question in its template)
/// for the Q-Former, and prompts with answers for the language model.
struct QuestionText {
  Text instructions;
  CaptionText text;
};
QuestionText question_text(const Bundle& bundle, const std::vector<std::string>& questions,
                           const std::vector<std::string>& answers);

struct Stage2Losses {
  at::Tensor lm, query_similarity;  // [] each
  int64_t num_targets = 0;          ///< tokens that `lm` is the mean over
};

/// The losses of one batch. image_embeds: the encoder's raw output [B, P, Dv]; `text`: of the
/// language model's kind; `instructions`: what the Q-Former reads, or a null pointer. The language
/// model computes in `frozen_arithmetic`, or in bfloat16 if an Autocast asks for it.
Stage2Losses stage2_losses(const Stage2& model, const LanguageModel& language_model,
                           const at::Tensor& image_embeds, const CaptionText& text,
                           const Dropout& dropout = {}, const Text* instructions = nullptr,
                           Arithmetic frozen_arithmetic = Arithmetic::kFloat32);

/// The mean loss of the captions' target tokens without training, for validation. Captions are not
/// split into prefix and target. image_embeds: the encoder's raw output [N, P, Dv]; N captions.
/// `progress` is called with the number of pictures done since the last call.
double held_out_loss(const Bundle& bundle, const at::Tensor& image_embeds,
                     const std::vector<std::string>& captions,
                     const std::function<void(int64_t pictures)>& progress = {});

class Stage2Training final : public Stage {
 public:
  /// `bundle` holds a stage-2 model, as from assemble_stage2(). All references must outlive
  /// this.
  Stage2Training(Bundle& bundle, TrainingData& data, const TrainConfig& config,
                 Communicator& communicator);

  std::vector<NamedTensor> trained_tensors() override;
  void seek(const DataPosition& position) override { data_.seek(position); }
  StepOutput run_batch(const StepContext& context) override;
  void save_model(const std::filesystem::path& directory) override;

 private:
  bool is_answering() const { return task_of(config_.run) == TrainTask::kVqa; }

  Bundle& bundle_;
  TrainingData& data_;
  TrainConfig config_;
  Communicator& communicator_;
  std::unique_ptr<Bfloat16Storage> bfloat16_storage_;  // the frozen parts, if bfloat16 is asked for
};

}  // namespace blip2
