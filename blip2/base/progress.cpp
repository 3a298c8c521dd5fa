// A bar on a terminal, lines in a log.
#include "blip2/base/progress.h"

#include <asm-generic/ioctls.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/log.h"

namespace blip2 {
namespace {

/// The current line of stderr, cut to the terminal's width so that the next bar overwrites all of
/// it.
void write_to_terminal(const std::string& bar) {
  winsize size{};
  const size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
                             ? static_cast<size_t>(size.ws_col) - 1
                             : 79;
  std::fputs(("\r\x1b[K" + bar.substr(0, columns)).c_str(), stderr);
  std::fflush(stderr);
}

double rate(const ProgressState& state) {
  const double units = static_cast<double>(state.done - state.started_at);
  return state.elapsed_s > 0 ? units / state.elapsed_s : 0;
}

std::string describe_rate(const ProgressState& state) {
  const double per_second = rate(state);
  if (per_second <= 0) return "";
  if (per_second >= 1)
    return fmt::format(", {:.{}f} {}/s", per_second, per_second < 100 ? 1 : 0, state.unit);
  return fmt::format(", {:.1f} s each", 1 / per_second);
}

std::string draw(const ProgressState& state) {
  constexpr int64_t kWidth = 24;
  if (state.total <= 0) return describe(state);
  const int64_t filled = std::clamp(kWidth * state.done / state.total, int64_t{0}, kWidth);
  return fmt::format("[{:#<{}}{:.<{}}] {}", "", filled, "", kWidth - filled, describe(state));
}

}  // namespace

std::string format_duration(double seconds) {
  const int64_t whole =
      std::max(int64_t{0}, static_cast<int64_t>(std::lround(std::min(seconds, 1e15))));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

std::string describe(const ProgressState& state) {
  std::string text = fmt::format("{}: {}", state.title, state.done);
  if (state.total > 0) text += fmt::format(" of {}", state.total);
  text += " " + state.unit;
  if (state.total > 0) {
    text += fmt::format(" ({} %)", 100 * std::min(state.done, state.total) / state.total);
  }
  text += describe_rate(state);
  if (rate(state) > 0 && state.total > state.done) {
    const double left = static_cast<double>(state.total - state.done) / rate(state);
    text += fmt::format(", {} left", format_duration(left));
  }
  if (!state.note.empty()) text += ", " + state.note;
  return text;
}

Progress::Progress(std::string title, int64_t total, std::string unit, int64_t started_at,
                   ProgressOutput output)
    : output_(std::move(output)) {
  state_.title = std::move(title);
  state_.unit = std::move(unit);
  state_.total = total;
  state_.done = state_.started_at = started_at;
  if (!output_.write_bar) {
    output_.draw_bar = output_.draw_bar && isatty(STDERR_FILENO) != 0 && !log_is_json();
    output_.write_bar = write_to_terminal;
  }
  if (!output_.write_line) {
    output_.write_line = [](const std::string& line) { log_info("{}", line); };
  }
  if (!output_.now_s) output_.now_s = now_s;
  start_s_ = last_line_s_ = output_.now_s();
  last_bar_s_ = start_s_ - output_.bar_every_s;
}

Progress::~Progress() { clear_bar(); }

void Progress::advance(int64_t units) {
  const std::lock_guard lock(mutex_);
  state_.done += units;
  report();
}

void Progress::set_note(std::string note) {
  const std::lock_guard lock(mutex_);
  state_.note = std::move(note);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(finished_, true)) return;
  clear_bar();
  output_.write_line(fmt::format("{}: {} {} in {}{}{}", state_.title, state_.done, state_.unit,
                                 format_duration(output_.now_s() - start_s_),
                                 state_.note.empty() ? "" : ", ", state_.note));
}

void Progress::report() {
  const double now = output_.now_s();
  state_.elapsed_s = now - start_s_;
  if (now - last_line_s_ >= output_.line_every_s) {
    last_line_s_ = now;
    output_.write_line(describe(state_));
  }
  if (output_.draw_bar && now - last_bar_s_ >= output_.bar_every_s) {
    last_bar_s_ = now;
    bar_drawn_ = true;
    output_.write_bar(draw(state_));
  }
}

void Progress::clear_bar() {
  if (std::exchange(bar_drawn_, false)) output_.write_bar("");
}

}  // namespace blip2
