// BLIP-2's second stage of pre-training: generative learning from a frozen decoder-only language
// model (section 3.3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/train/config.h"
#include "blip2/train/stage.h"
#include "blip2/train/training_data.h"

namespace blip2 {

/// Captions as the language model is trained on them: prompt, one space, caption, end token;
/// right-padded, cut at max_length tokens. Targets: the caption and the end token; with an empty
/// prompt also the start token, if the tokenizer adds one.
LanguageModelText language_model_text(const Tokenizer& tokenizer,
                                      const std::vector<std::string>& captions,
                                      const std::string& prompt, int64_t max_length);

/// The mean loss of the captions' target tokens, without training: held-out validation.
/// image_embeds: the encoder's raw output [N, P, Dv]; a caption for each. `progress` is told how
/// many more are done.
double held_out_loss(const Bundle& bundle, const at::Tensor& image_embeds,
                     const std::vector<std::string>& captions,
                     const std::function<void(int64_t pictures)>& progress = {});

class Stage2Training final : public Stage {
 public:
  /// `bundle` holds a generative model, as assemble_generative() makes it. Everything passed must
  /// outlive this.
  Stage2Training(Bundle& bundle, TrainingData& data, const TrainConfig& config);

  std::vector<NamedTensor> trained_tensors() override;
  void seek(int64_t batches_consumed) override { data_.seek(batches_consumed); }
  StepOutput run_batch(const StepContext& context) override;
  void save_model(const std::filesystem::path& directory) override;

 private:
  Bundle& bundle_;
  TrainingData& data_;
  TrainConfig config_;
};

}  // namespace blip2
