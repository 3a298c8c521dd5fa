// CapFilt for one batch of pictures: captions are drawn, ranked with the picture's web caption, and
// the best are kept. Where pictures come from and results go is the responsibility of
// workflows/capfilt. Source: BLIP-2 section 3.4, "Pre-training data"; BLIP section 3.3 for the
// matching filter.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blip2/generate/options.h"
#include "blip2/image/image.h"
#include "blip2/tasks/caption_choice.h"

namespace blip2 {

struct Bundle;

/// Any model that writes, any that has image-text features; and, for the filter, one with a
/// matching head. All must outlive what uses them; one bundle may play several parts, and then
/// encodes a picture once.
struct CapFiltModels {
  const Bundle* captioner = nullptr;
  const Bundle* ranker = nullptr;
  const Bundle* matcher = nullptr;  ///< may be missing
};

struct CapFiltOptions {
  GenerationOptions generation;    ///< num_return_sequences: how many captions are drawn
  std::string prompt;              ///< what each caption continues; not part of the caption
  bool clean_web_captions = true;  ///< as LAVIS does before training (caption_cleaning.h)
  CaptionRules rules;
  uint64_t seed = 42;
};

/// The method's own: 10 captions by nucleus sampling (p 0.9), 5 to 20 tokens, the penalty for
/// repetition that BLIP draws with (LAVIS 1.0.2, models/blip_models/blip_caption.py and
/// models/med.py).
///
/// In BLIP-1 the lengths count the prompt, as there; elsewhere the new tokens alone.
GenerationOptions default_capfilt_generation(const Bundle& captioner);
/// "a picture of" of BLIP-1, else the model's own.
std::string default_capfilt_prompt(const Bundle& captioner);

struct CapFiltInput {
  std::string stream;                     ///< a name: with the seed, all that the draws depend on
  ImageRgba image;                        ///< decode_rgba(): some models read the alpha
  std::vector<std::string> web_captions;  ///< may be empty
};

/// The candidates of a picture, best score first: a candidate's place is its rank. Equal scores:
/// web captions first, then in the order drawn. A caption without a word is no candidate.
struct CapFiltResult {
  std::vector<CaptionCandidate> candidates;
};

/// Thread-safe. What a picture gets depends on models, options, its stream, pixels and web captions
/// alone: batches of the same pictures in the same order give the same bits; in other company
/// scores may differ by the rounding of matrix products (1e-5), and a text only where a draw falls
/// within that of the border between two tokens.
class CapFilt {
 public:
  /// Throws kInvalidArgument for the options, kUnsupported for models without the part they play.
  CapFilt(const CapFiltModels& models, CapFiltOptions options);
  ~CapFilt();

  /// A result for each input, in order.
  std::vector<CapFiltResult> run(std::span<const CapFiltInput> inputs) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
