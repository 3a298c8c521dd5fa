// A page about training runs: their curves in common charts, and the differences of their
// configurations.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/report/curves.h"
#include "blip2/train/records/event_log.h"

namespace blip2 {

/// A number of log.jsonl (value_of()) over the samples so far; rows without it leave a gap.
Curve log_curve(const std::vector<LogRow>& rows, const std::string& name, const std::string& label);

/// One self-contained HTML page about folders that `train` wrote (log.jsonl, config.yaml), in the
/// order given. A further chart compares the total loss with that of LAVIS's code on 4.6 M pairs,
/// as logged by others (github.com/yiren-jian/BLIText, training_logs/BLIP2). Throws
/// kInvalidArgument for no run; kNotFound or kCorruptData with the file's name.
std::string run_report(const std::vector<std::filesystem::path>& runs);

}  // namespace blip2
