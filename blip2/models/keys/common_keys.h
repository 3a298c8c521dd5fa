// The keys that any configuration of Hugging Face may have, whatever its class.
#pragma once

#include <string_view>
#include <vector>

#include "blip2/base/json_struct.h"
#include "blip2/models/keys/known_keys.h"

namespace blip2 {

struct CommonKeys {
  std::vector<std::string_view> ignored;
  std::vector<FixedKey> fixed;
};

/// What transformers' PretrainedConfig has written over the years (4.0 to 5.24), and rates and
/// spreads that count in training alone. Ids, sizes and activations are not among them.
const CommonKeys& common_keys();

/// Throws kUnsupported, naming file and key, for a key that is neither in `known` nor in
/// common_keys(), and for a fixed key with another value. null stands for an absent key.
void require_known_keys(const ConfigFields& fields, const KnownKeys& known);

/// Keys of a text model's configuration that give the defaults of its generate(), each with a field
/// in GenerationOptions.
const std::vector<std::string_view>& generation_keys();

/// The keys of a text model that writes: those of generation count, and what this program does not
/// build of generation must be off.
KnownKeys with_generation(KnownKeys known);
/// The keys of a configuration whose generation keys and special ids nobody reads.
KnownKeys without_generation(KnownKeys known);

}  // namespace blip2
