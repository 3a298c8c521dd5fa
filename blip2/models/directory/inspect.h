// What a model directory is, without loading it: families, shapes, sizes, and how names and weights
// agree. Plain values for `blip2 inspect`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "blip2/checkpoint/finite.h"
#include "blip2/checkpoint/load.h"

namespace blip2 {

struct InspectedPart {
  std::string name;    ///< "image encoder", "Q-Former and heads", "language model", "BERT"
  std::string family;  ///< "efficientnet_lite", "blip_2_qformer", "llama", "bert"
  bool frozen = true;  ///< as training leaves it
  int64_t parameters = 0;
  /// Sizes by the names of config.json, in a reader's order.
  std::vector<std::pair<std::string, int64_t>> sizes;
};

struct Inspection {
  std::string kind;  ///< "Blip2ForImageTextRetrieval", "image encoder", ...
  std::vector<InspectedPart> parts;
  std::vector<TensorInfo> tensors;                   ///< as stored, sorted by name
  std::map<std::string, int64_t> memory_bytes;       ///< of all parts in float32, bfloat16, float16
  std::map<std::string, int64_t> stored_bytes;       ///< by the dtypes that the weights have
  std::vector<std::string> missing, absent, unused;  ///< absent: missing, and not needed
  std::vector<Misshapen> misshapen;
  std::vector<Mistyped> mistyped;
  bool has_read_values = false;       ///< whether `not_finite` is known
  std::vector<NotFinite> not_finite;  ///< tensors with NaN or infinities

  int64_t frozen_parameters() const;
  int64_t trained_parameters() const;
};

/// Whether an inspection reads the weights' values, which takes as long as reading the whole file.
enum class Values { kUnread, kRead };

/// A directory of a whole model or a part. Weights that do not fit their configuration are reported
/// in the result; a configuration that cannot be read throws as load_bundle() does.
Inspection inspect_directory(const std::filesystem::path& directory,
                             Values values = Values::kUnread);

}  // namespace blip2
