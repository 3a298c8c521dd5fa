// The options that every verb has, and their effect on the process. It sees no model.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <string>

#include "apps/command_line.h"
#include "blip2/ranks/launch.h"

namespace blip2 {

struct GeneralOptions {
  std::string device = "cpu";
  std::optional<std::string> dtype;  ///< float32 where it is not given
  std::optional<int64_t> threads;
  std::optional<int64_t> seed;
  std::string log_level = "info";
  bool log_json = false;
  Launch launch = read_launch();  ///< not an option: how this process was started
  at::Device opened = at::kCPU;   ///< what `device` names, after apply()

  void add(Options& options);
  /// Opens the device, checks dtype, and sets log and threads for the process. Throws
  /// kInvalidArgument.
  void apply();
  std::string dtype_or_default() const { return dtype.value_or("float32"); }
  uint64_t seed_or_default() const { return static_cast<uint64_t>(seed.value_or(42)); }
  /// What every line of a rank except the first starts with: "rank 1: ".
  std::string line_prefix() const;
};

}  // namespace blip2
