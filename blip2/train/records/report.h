// What runs looked like, as one page: their curves side by side, and where their configurations
// differ.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/report/curves.h"
#include "blip2/train/records/event_log.h"

namespace blip2 {

/// A number of log.jsonl (value_of()) over the samples seen; rows without it leave a gap.
Curve log_curve(const std::vector<LogRow>& rows, const std::string& name, const std::string& label);

/// One self-contained HTML page about the folders that `train` wrote (log.jsonl, config.yaml), in
/// the order given. The total loss is also drawn beside that of LAVIS's code on 4.6 M pairs, as
/// others logged it (github.com/yiren-jian/BLIText, training_logs/BLIP2). Throws kInvalidArgument
/// for no run, kNotFound or kCorruptData naming the file.
std::string run_report(const std::vector<std::filesystem::path>& runs);

}  // namespace blip2
