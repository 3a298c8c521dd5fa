// What the tasks see of a model that writes texts about pictures, for every family: what it can
// be prompted with, and the start of a text. Search continues from there (generate/).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/nn/decoder.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

/// What a text starts with, and the picture that it is about.
struct Prompt {
  int64_t image = 0;  ///< row of the encoder's output
  std::string text;
};

/// Texts that were started: a decoder that has absorbed pictures and prompts, and what search needs
/// to know about it.
struct StartedTexts {
  std::unique_ptr<Decoder> decoder;  ///< a row for each prompt
  /// The ids that count as already written, for the processors and the lengths: as in Hugging Face,
  /// `<image>` for every query where the model's inputs have it, and the prompt.
  std::vector<std::vector<int64_t>> prompt_ids;
  std::vector<int64_t> positions_left;  ///< tokens that the model has positions for, by prompt
  /// Of these, tokens within the length that it was trained for; empty: all of them.
  std::vector<int64_t> trained_positions_left;
  std::vector<int64_t> eos_ids;
  const Tokenizer* tokenizer = nullptr;  ///< of the ids
  /// Whether a text's ids follow the prompt's in one sequence; else they start one of their own.
  bool continues_prompt = false;
  double label_smoothing = 0;  ///< of the loss that the model was trained with
};

/// Whether a model can continue a prompt.
enum class Prompting {
  kNone,      ///< it writes about the picture alone
  kOptional,  ///< with or without a prompt
  kRequired,  ///< it refuses an empty prompt (InstructBLIP)
};

/// What a model says of the texts that it writes.
struct WriterFacts {
  Prompting prompting = Prompting::kOptional;
  /// What a question is asked in, with {} for the question: the template of the family's published
  /// evaluations.
  std::string question_template = "{}";
  std::string caption_prompt = {};  ///< of the family's published captions
  bool counts_prompt = false;       ///< whether the published lengths of captions count the prompt
};

/// A model that writes. All methods may be called by several threads at once.
class TextWriter {
 public:
  virtual ~TextWriter() = default;

  virtual WriterFacts facts() const = 0;

  /// image_embeds: the encoder's raw output [B, P, Dv], each picture's once, however many prompts
  /// are about it. `prompts` is not empty. The model must outlive the result. Throws
  /// kInvalidArgument for an empty prompt where one is required, for a prompt that leaves no
  /// position, and for a text where `prompting` is kNone.
  virtual StartedTexts start(const at::Tensor& image_embeds,
                             const std::vector<Prompt>& prompts) const = 0;
};

// What the implementations share.

/// The rows of `per_image` [B, ...] that the prompts are about: [N, ...].
at::Tensor by_prompt(const at::Tensor& per_image, const std::vector<Prompt>& prompts);
/// The ids of each prompt's text, special ones included.
std::vector<std::vector<int64_t>> encode_all(const Tokenizer& tokenizer,
                                             const std::vector<Prompt>& prompts);
/// How many of `positions` are left after `used`. Throws kInvalidArgument, naming `what` was used,
/// where none is.
int64_t positions_after(int64_t positions, int64_t used, const char* what);

}  // namespace blip2
