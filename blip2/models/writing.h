// The start of a text about a picture, whatever family of model writes it: the decoder behind the
// picture and the prompt, and what search needs to know about it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/nn/decoder.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

struct Bundle;

/// A text to be written: what it goes on from, and the picture it is about.
struct Prompt {
  int64_t image = 0;  ///< row of the encoder's output
  std::string text;
};

struct Writing {
  std::unique_ptr<Decoder> decoder;  ///< a row for each prompt
  /// The ids that count as already written, for the processors and the lengths: as in Hugging Face,
  /// `<image>` for every query where the model's inputs have it, and the prompt.
  std::vector<std::vector<int64_t>> prompt_ids;
  std::vector<int64_t> room;  ///< tokens that the model has positions for, after each prompt
  std::vector<int64_t> eos_ids;
  const Tokenizer* tokenizer = nullptr;  ///< of the ids
  /// Whether a text's ids follow the prompt's in one sequence; else they start one of their own.
  bool continues_prompt = false;
  double label_smoothing = 0;  ///< of the loss that the model was trained with
};

/// Whether a model writes texts, and whether it can go on from a prompt.
bool can_write(const Bundle& bundle);
bool can_be_prompted(const Bundle& bundle);

/// The Q-Former's output for each prompt [N, Q, D] of a BLIP-2 or an InstructBLIP, which reads the
/// prompt. image_embeds: the encoder's raw output [B, P, Dv].
at::Tensor prompted_queries(const Bundle& bundle, const at::Tensor& image_embeds,
                            const std::vector<Prompt>& prompts);

/// image_embeds: the encoder's raw output [B, P, Dv], each picture's once, however many prompts are
/// about it. The bundle must outlive the decoder. Throws kInvalidArgument for an empty prompt of an
/// InstructBLIP, or one that leaves no position, and kUnsupported for a model that does not write.
Writing start_writing(const Bundle& bundle, const at::Tensor& image_embeds,
                      const std::vector<Prompt>& prompts);

}  // namespace blip2
