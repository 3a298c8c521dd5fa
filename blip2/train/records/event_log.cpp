// Rows to JSON and back; the log file as a resumed run continues it.
#include "blip2/train/records/event_log.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// The floating-point numbers of a row, in the order of the log.
std::vector<std::pair<std::string, double>> scalars(const LogRow& row) {
  std::vector<std::pair<std::string, double>> all = {{"loss", row.loss}};
  all.insert(all.end(), row.values.begin(), row.values.end());
  all.emplace_back("lr", row.lr);
  all.emplace_back("grad_norm", row.grad_norm);
  all.emplace_back("samples_per_second", row.samples_per_second);
  all.emplace_back("elapsed_s", row.elapsed_s);
  return all;
}

void set_number(LogRow& row, const std::string& name, const OrderedJson& json) {
  const double number =
      json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
  if (name == "loss") {
    row.loss = number;
  } else if (name == "lr") {
    row.lr = number;
  } else if (name == "grad_norm") {
    row.grad_norm = number;
  } else if (name == "samples_per_second") {
    row.samples_per_second = number;
  } else if (name == "elapsed_s") {
    row.elapsed_s = number;
  } else {
    row.values.emplace_back(name, number);
  }
}

/// Throws nlohmann's exceptions.
LogRow parse_row(std::string_view line) {
  const OrderedJson json = OrderedJson::parse(line);
  LogRow row;
  row.step = json.at("step").get<int64_t>();
  row.epoch = json.at("epoch").get<int64_t>();
  row.samples = json.at("samples").get<int64_t>();
  row.applied = json.value("applied", true);
  for (const auto& [name, value] : json.items()) {
    const bool read = name == "step" || name == "epoch" || name == "samples" || name == "applied";
    if (!read) set_number(row, name, value);
  }
  return row;
}

/// Calls fn(line, number) for each line that ends in a newline.
template <typename Fn>
void for_each_line(std::string_view text, Fn fn) {
  int64_t number = 0;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    fn(text.substr(0, end), ++number);
  }
}

LogRow parse_row_at(std::string_view line, const std::filesystem::path& path, int64_t number) {
  try {
    return parse_row(line);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kCorruptData, "{}:{}: expected a row of a training log", path.string(), number);
  }
}

/// Removes rows after `last_step`, and a last line without a newline, from the file.
void cut_log(const std::filesystem::path& path, int64_t last_step) {
  if (!std::filesystem::exists(path)) return;
  const std::string text = read_file(path);
  std::string kept;
  for_each_line(text, [&](std::string_view line, int64_t number) {
    if (parse_row_at(line, path, number).step <= last_step) kept.append(line) += '\n';
  });
  if (kept != text) write_file_atomic(path, kept);
}

}  // namespace

double value_of(const LogRow& row, std::string_view name) {
  if (name == "loss") return row.loss;
  if (name == "lr") return row.lr;
  if (name == "grad_norm") return row.grad_norm;
  if (name == "samples_per_second") return row.samples_per_second;
  for (const auto& [found, value] : row.values) {
    if (found == name) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string to_json(const LogRow& row) {
  OrderedJson json = {{"step", row.step}, {"epoch", row.epoch}, {"samples", row.samples}};
  for (const auto& [name, value] : scalars(row)) json[name] = value;  // dump() writes NaN as null
  if (!row.applied) json["applied"] = false;
  return json_on_one_line(json);
}

std::vector<LogRow> read_log(const std::filesystem::path& path) {
  std::vector<LogRow> rows;
  const std::string text = read_file(path);
  for_each_line(text, [&](std::string_view line, int64_t number) {
    rows.push_back(parse_row_at(line, path, number));
  });
  return rows;
}

EventLog::EventLog(const std::filesystem::path& output_dir, int64_t last_step)
    : path_(output_dir / "log.jsonl"),
      file_([&] {
        cut_log(path_, last_step);
        return std::ofstream(path_, std::ios::binary | std::ios::app);
      }()),
      tensorboard_(output_dir / "tensorboard", last_step + 1) {}

void EventLog::write(const LogRow& row) {
  file_ << to_json(row) << '\n' << std::flush;
  if (!file_) {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", path_.string(), std::strerror(errno));
  }
  tensorboard_.write(row.step, scalars(row));
}

}  // namespace blip2
