// BLIP-2's second stage of pre-training: generative learning from a frozen language model, decoder-
// only or with an encoder (section 3.3, Fig. 3); and fine-tuning for captions, which is the same
// with a prompt and the image encoder trained (section 4.2), and for answers, where the Q-Former
// reads the question too (section 4.3, Fig. 7).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/narrowed.h"
#include "blip2/ranks/communicator.h"
#include "blip2/train/config/config.h"
#include "blip2/train/stage.h"
#include "blip2/train/training_data.h"

namespace blip2 {

/// Captions as a decoder-only language model is trained on them: prompt, one space, caption, end
/// token (the tokenizer's unless given); right-padded, cut at max_length tokens. Targets: the
/// caption and the end token; with an empty prompt also the start token, if the tokenizer adds one.
LanguageModelText language_model_text(const Tokenizer& tokenizer,
                                      const std::vector<std::string>& captions,
                                      const std::string& prompt, int64_t max_length,
                                      std::optional<int64_t> end_id = std::nullopt);

/// The same of answers, each behind a prompt of its own, which carries no loss. Prompt and answer
/// are cut at max_length tokens each, so that a long question costs no answer.
LanguageModelText answer_text(const Tokenizer& tokenizer, const std::vector<std::string>& answers,
                              const std::vector<std::string>& prompts, int64_t max_length,
                              std::optional<int64_t> end_id = std::nullopt);

/// Captions as an encoder-decoder is trained on them. The prefix is the prompt and the first
/// cuts[i] tokens of caption i, the target what is left of it; each with the end token,
/// right-padded, and where it is longer than max_length tokens, cut before its end token. Cuts of 0
/// are run.prefix_lm: none, which is what LAVIS does.
PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::string& prompt,
                                                   const std::vector<int64_t>& cuts,
                                                   int64_t max_length);
/// The same with a prompt for each.
PrefixLanguageModelText prefix_language_model_text(const Tokenizer& tokenizer,
                                                   const std::vector<std::string>& captions,
                                                   const std::vector<std::string>& prompts,
                                                   const std::vector<int64_t>& cuts,
                                                   int64_t max_length);

/// run.prefix_lm: split. How many tokens of each caption become prefix: uniform from 1 to half of
/// them, from (seed, step, first_row + row) with the batch's first row among those of all ranks; 0
/// for a caption of one token. (The authors, LAVIS issue 139.)
std::vector<int64_t> prefix_cuts(const Tokenizer& tokenizer,
                                 const std::vector<std::string>& captions, uint64_t seed,
                                 int64_t step, int64_t first_row = 0);

/// One of these two for the bundle's kind of language model, with the bundle's prompt and length. A
/// decoder-only one takes no notice of `cuts`.
CaptionText caption_text(const Bundle& bundle, const std::vector<std::string>& captions,
                         const std::vector<int64_t>& cuts);

/// What a step of visual question answering reads: the prompts, which are the questions in their
/// template, both in the Q-Former's words and before the answers in the language model's.
struct QuestionText {
  Text instructions;
  CaptionText text;
};
QuestionText question_text(const Bundle& bundle, const std::vector<std::string>& questions,
                           const std::vector<std::string>& answers);

struct Stage2Losses {
  at::Tensor lm, query_similarity;  // [] each
  int64_t num_targets = 0;          ///< tokens that `lm` is the mean of
};

/// The losses of one batch. image_embeds: the encoder's raw output [B, P, Dv]; `text` is of the
/// language model's kind; the Q-Former reads `instructions` where they are given. The language
/// model computes in `frozen_arithmetic`, or in bfloat16 where everything does (Autocast).
Stage2Losses stage2_losses(const Generative& model, const LanguageModel& language_model,
                           const at::Tensor& image_embeds, const CaptionText& text,
                           const Dropout& dropout = {}, const Text* instructions = nullptr,
                           Arithmetic frozen_arithmetic = Arithmetic::kFloat32);

/// The mean loss of the captions' target tokens, without training: held-out validation. No caption
/// is cut in two. image_embeds: the encoder's raw output [N, P, Dv]; a caption for each. `progress`
/// is told how many more are done.
double held_out_loss(const Bundle& bundle, const at::Tensor& image_embeds,
                     const std::vector<std::string>& captions,
                     const std::function<void(int64_t pictures)>& progress = {});

class Stage2Training final : public Stage {
 public:
  /// `bundle` holds a generative model, as assemble_generative() makes it. Everything passed must
  /// outlive this.
  Stage2Training(Bundle& bundle, TrainingData& data, const TrainConfig& config,
                 Communicator& communicator);

  std::vector<NamedTensor> trained_tensors() override;
  void seek(const DataPosition& position) override { data_.seek(position); }
  StepOutput run_batch(const StepContext& context) override;
  void save_model(const std::filesystem::path& directory) override;

 private:
  bool is_answering() const { return config_.run.task == "finetune_vqa"; }
  Bundle& bundle_;
  TrainingData& data_;
  TrainConfig config_;
  Communicator& communicator_;
  std::unique_ptr<Narrowed> narrowed_;  // with run.amp or frozen_dtype: the frozen parts
};

}  // namespace blip2
