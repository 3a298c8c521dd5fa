// Captions of pictures and answers to questions about them, by the part of a model that writes: a
// language model, BLIP-1's decoder, or the Q-Former's own head.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "blip2/generate/options.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;
struct StartedTexts;

struct Caption {
  std::string text;  ///< new text only, without special tokens, stripped
  double score = 0;  ///< of beam search, else the sum of the new tokens' log-probabilities
  std::vector<int64_t> tokens;  ///< the new ids
};

/// A question about a picture of a batch, or any other text that the model continues.
struct Question {
  size_t picture = 0;  ///< place in the batch
  std::string text;
};

/// The defaults of a model: the generation keys of its `text_config` over Hugging Face's. In every
/// class that this program reads, transformers 4.57 hands generation to the inner text model, which
/// knows that configuration alone: generation_config.json counts for nothing. `directory` is where
/// the model is from, for messages. Throws kCorruptData, naming the file, the key, what was expected
/// and what was found.
GenerationOptions default_generation_options(const Bundle& bundle,
                                             const std::filesystem::path& directory = {});

/// Throws kInvalidArgument, naming `what`, for a text that the model cannot go on from: one with
/// "<image>" in it, or any text for a stage-1 model.
void check_prompt(const Bundle& bundle, const std::string& prompt, const char* what);

/// The bundle must outlive it. Methods may be called by several threads.
class Captioner {
 public:
  /// Throws kInvalidArgument for bad options or a prompt that the model cannot take or that
  /// contains "<image>"; kUnsupported for a model that does not write.
  Captioner(const Bundle& bundle, GenerationOptions options, std::string prompt,
            uint64_t seed = 42);

  /// For each picture, num_return_sequences captions. What a picture gets does not depend on the
  /// others: the draws of a sampled text depend on the seed, the picture's file and the prompt, so
  /// that equal pictures get equal captions.
  std::vector<std::vector<Caption>> caption(const std::vector<Picture>& pictures) const;

  /// For each question, num_return_sequences texts; the prompt takes no part. A picture is encoded
  /// once, however many questions are about it. Throws kInvalidArgument as the constructor does.
  std::vector<std::vector<Caption>> answer(const std::vector<Picture>& pictures,
                                           const std::vector<Question>& questions) const;

 private:
  const Bundle& bundle_;
  GenerationOptions options_;
  std::string prompt_;
  uint64_t seed_;
};

/// Runs the search after start_writing(): num_return_sequences captions for each of its rows.
/// `streams` are the rows' streams of random numbers. The started texts' decoder is used up.
std::vector<std::vector<Caption>> write_captions(const StartedTexts& started,
                                                 const GenerationOptions& options,
                                                 std::span<const uint64_t> streams, uint64_t seed);

/// The template in which a family of models expects a question: "Question: {} Answer:" for a BLIP-2
/// with a decoder-only language model, "Question: {} Short answer:" with T5, else the question
/// alone.
std::string default_question_template(const Bundle& bundle);

}  // namespace blip2
