// The names of the options that every verb has, and what they do to the process.
#include "apps/general_options.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/base/quote.h"
#include "blip2/base/threads.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/device.h"

namespace blip2 {
namespace {

/// Throws kInvalidArgument for a --dtype that is unknown, and warns where the processor lacks it.
void check_dtype(const std::string& dtype, at::Device device) {
  if (dtype != "float32" && dtype != "bfloat16" && dtype != "auto") {
    fail(ErrorCode::kInvalidArgument, "--dtype: expected float32, bfloat16, auto, found {}{}",
         quote(dtype), dtype == "float16" ? ", which is for GPUs and not in this version" : "");
  }
  if (dtype == "bfloat16" && device.is_cpu() && !has_bfloat16_arithmetic()) {
    log_warning(
        "--dtype bfloat16: this processor has no bfloat16 arithmetic: weights are held in "
        "bfloat16, and computed with in float32");
  }
}

}  // namespace

void GeneralOptions::add(Options& options) {
  options.add("--device cpu|cuda[:N]", device, "where tensors are held and computed with");
  options.add("--dtype float32|bfloat16|auto", dtype,
              "arithmetic of the frozen parts; bfloat16 also holds their matrices in it; auto: "
              "bfloat16 arithmetic where the device has it in hardware, the weights as the file "
              "has them [float32]");
  options.add("--threads N", threads,
              "CPU threads [physical cores, divided among the ranks of a machine]",
              between(1, 4096));
  options.add("--seed N", seed, "seed of every random choice [42]", at_least(0));
  options.add("--log-level LEVEL", log_level, "least severe messages on stderr",
              one_of({"debug", "info", "warning", "error"}));
  options.add("--log-json", log_json, "write stderr as one JSON object a line");
}

std::string GeneralOptions::line_prefix() const {
  return launch.rank > 0 ? fmt::format("rank {}: ", launch.rank) : "";
}

void GeneralOptions::apply() {
  const LogLevel level = parse_log_level(log_level);
  // What every rank would say, rank 0 says for all.
  set_log_options(
      {launch.rank > 0 ? std::max(level, LogLevel::kWarning) : level, log_json, line_prefix()});
  opened = open_device(device, launch.rank_on_this_machine);
  check_dtype(dtype_or_default(), opened);
  at::set_num_threads(static_cast<int>(
      threads.value_or(num_physical_cores_of_one_in(launch.ranks_on_this_machine))));
}

}  // namespace blip2
