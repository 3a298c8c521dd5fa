// The log of a run: log.jsonl, one JSON object a row, and the same numbers as TensorBoard events.
// The loop decides which numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/train/records/tensorboard.h"

namespace blip2 {

/// The row of a training step in log.jsonl.
struct LogRow {
  int64_t step = 0;     ///< from 1
  int64_t epoch = 0;    ///< from 0
  int64_t samples = 0;  ///< of the run so far, over all ranks
  double loss = 0;      ///< of this step
  /// "loss_itc", ..., "temperature", "itm_accuracy"
  std::vector<std::pair<std::string, double>> values;
  double lr = 0;         ///< learning rate of this step
  double grad_norm = 0;  ///< L2 over all trained tensors, before clipping
  double samples_per_second = 0;
  double elapsed_s = 0;  ///< training time of the run so far
  bool applied = true;   ///< false: loss or gradient was not finite, no weight has changed
};

/// The number with key `name` in log.jsonl ("loss", "lr", "loss_itc", ...); NaN if the row has
/// none.
double value_of(const LogRow& row, std::string_view name);

/// The row as one line of JSON without the newline. Numbers that are not finite are null.
std::string to_json(const LogRow& row);

/// All rows of a log.jsonl; null becomes NaN. Throws kNotFound, or kCorruptData with the line.
std::vector<LogRow> read_log(const std::filesystem::path& path);

/// Writes log.jsonl and tensorboard/ in `output_dir`. One thread at a time.
class EventLog {
 public:
  /// Opens the log of a run that resumes after `last_step`. Removes the rows of later steps and an
  /// incomplete last line, so that the log becomes that of an uninterrupted run.
  EventLog(const std::filesystem::path& output_dir, int64_t last_step);

  /// Appends a row, which other processes see at once.
  void write(const LogRow& row);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  TensorBoardWriter tensorboard_;
};

}  // namespace blip2
