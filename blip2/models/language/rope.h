// Rotary positions between config.json and values, in both spellings that Hugging Face has had:
// `rope_theta` and `rope_scaling`, or `rope_parameters`.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "blip2/base/json_struct.h"
#include "blip2/nn/positions.h"

namespace blip2 {

struct Rope {
  double theta = 10000.0;
  RopeScaling scaling;
};

/// The keys of config.json that parse_rope() reads.
const std::vector<std::string_view>& rope_keys();

/// Reads the types default, linear, dynamic, llama3 and yarn as transformers 4.57 does; `theta`
/// stands for an absent base. Throws kUnsupported for another type, and for a key that it does not
/// know; kCorruptData where a number is missing or bad, or where the two spellings disagree.
Rope parse_rope(const ConfigFields& fields, double theta, int64_t max_position_embeddings);

/// `rope_scaling` as parse_rope() reads it; null where the frequencies are not scaled.
nlohmann::ordered_json format_rope_scaling(const RopeScaling& scaling);

}  // namespace blip2
