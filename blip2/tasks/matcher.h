// Scores how well pictures and texts match, by ITM and ITC of every pair, and draws the attention.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/image/image.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;

struct Match {
  struct Itm {
    double probability = 0;          ///< of a match
    std::array<double, 2> logits{};  ///< no, yes; in BLIP-2 means over the queries
  };
  std::optional<Itm> itm;  ///< none for a model without a matching head (CLIP)
  double itc = 0;          ///< cosine, of the best query where there are several
};

/// The texts are encoded once. The bundle must outlive it.
class Matcher {
 public:
  /// Throws kUnsupported for a model without image-text features, kInvalidArgument for no text.
  Matcher(const Bundle& bundle, std::vector<std::string> texts, int64_t max_text_length);
  ~Matcher();

  /// A row for each picture, a Match for each text.
  std::vector<std::vector<Match>> match(const std::vector<Picture>& pictures) const;

  /// The queries' attention while text `text` is matched: cross-attention of the last layer that
  /// has it, averaged over heads and queries, as a heat map over `shown` (the picture as the model
  /// sees it). Throws kUnsupported for a model other than BLIP-2.
  Image attention(const Picture& picture, const Image& shown, size_t text) const;

 private:
  struct State;
  const Bundle& bundle_;
  std::vector<std::string> texts_;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
