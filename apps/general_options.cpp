// The options that every verb has: what they are called, and their effect on the process.
#include <ATen/Parallel.h>

#include <algorithm>

#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/base/quote.h"
#include "blip2/base/threads.h"
#include "blip2/nn/device.h"

namespace blip2 {

void GeneralOptions::add(Options& options) {
  options.add("--device cpu|cuda[:N]", device, "where tensors live");
  options.add("--dtype auto|float32|bfloat16", dtype,
              "arithmetic of the frozen parts; auto is float32 in this version");
  options.add("--threads N", threads,
              "CPU threads [physical cores, shared out to the ranks of a machine]",
              between(1, 4096));
  options.add("--seed N", seed, "every random choice [42]", at_least(0));
  options.add("--log-level LEVEL", log_level, "what stderr says",
              one_of({"debug", "info", "warning", "error"}));
  options.add("--log-json", log_json, "one JSON object a line on stderr");
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
  if (dtype != "auto" && dtype != "float32" && dtype != "bfloat16") {
    fail(ErrorCode::kInvalidArgument, "--dtype: expected auto, float32, bfloat16, found {}{}",
         quote(dtype), dtype == "float16" ? ": not in this version" : "");
  }
  if (is_bfloat16() && opened.is_cpu() && !has_bfloat16_arithmetic()) {
    log_warning(
        "--dtype bfloat16: this processor has no bfloat16 arithmetic: weights are held in "
        "bfloat16, and computed with in float32");
  }
  at::set_num_threads(static_cast<int>(
      threads.value_or(num_physical_cores_of_one_in(launch.ranks_on_this_machine))));
}

}  // namespace blip2
