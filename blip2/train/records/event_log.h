// The log of a run: log.jsonl, a JSON object a row, and the same numbers as TensorBoard events.
// What the numbers mean is the loop's affair.
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

/// One training step, as log.jsonl shows it.
struct LogRow {
  int64_t step = 0;     ///< from 1
  int64_t epoch = 0;    ///< from 0
  int64_t samples = 0;  ///< seen by the run so far, over all ranks
  double loss = 0;      ///< of this step alone, as all others
  std::vector<std::pair<std::string, double>>
      values;            ///< "loss_itc", ..., "temperature", "itm_accuracy"
  double lr = 0;         ///< as used
  double grad_norm = 0;  ///< L2 over all trained tensors, before clipping
  double samples_per_second = 0;
  double elapsed_s = 0;  ///< training time of the run so far
  bool applied = true;   ///< false: loss or gradient was not finite, and nothing was changed
};

/// The number that log.jsonl has under `name` ("loss", "lr", "loss_itc", ...); NaN where the row
/// has none.
double value_of(const LogRow& row, std::string_view name);

/// The row as a line of JSON, without the newline; numbers that are not finite are null.
std::string to_json(const LogRow& row);

/// All rows of a log.jsonl; null is read as NaN. Errors: kNotFound, kCorruptData (with the line).
std::vector<LogRow> read_log(const std::filesystem::path& path);

/// Writes log.jsonl and tensorboard/ below `output_dir`. One thread at a time.
class EventLog {
 public:
  /// Opens the log of a run that stands after `last_step`: rows of later steps, and a torn last
  /// line, are cut off, so that the log becomes the straight run's.
  EventLog(const std::filesystem::path& output_dir, int64_t last_step);

  /// Appends a row; another process sees it at once.
  void write(const LogRow& row);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  TensorBoardWriter tensorboard_;
};

}  // namespace blip2
