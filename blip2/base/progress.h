// Progress of long work: a bar on a terminal, and a plain log line every 30 seconds everywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace blip2 {

/// What a progress report says; also usable without a bar.
struct ProgressState {
  std::string title = {};  ///< "stage 1"
  std::string unit = {};   ///< "steps"
  int64_t done = 0;
  int64_t total = 0;       ///< 0 = unknown
  int64_t started_at = 0;  ///< units that were done before (a resumed run)
  double elapsed_s = 0;
  std::string note = {};  ///< free text, such as losses
};

/// "stage 1: 120 of 400 steps (30 %), 2.1 steps/s, 2 min 13 s left, loss 3.21".
std::string describe(const ProgressState& state);

/// "45 s", "2 min 13 s", "1 h 05 min", "3 d 04 h".
std::string format_duration(double seconds);

/// Where a Progress writes, and the clock it reads; the defaults are what users get.
struct ProgressOutput {
  bool draw_bar = true;                                ///< on a terminal only, and not among JSON
  double bar_every_s = 0.1;                            ///< at most this often
  double line_every_s = 30.0;                          ///< a plain line through the log
  std::function<void(const std::string&)> write_bar;   ///< default: stderr, on the current line
  std::function<void(const std::string&)> write_line;  ///< default: log_info
  std::function<double()> now_s;                       ///< default: a steady clock
};

/// One piece of long work. Reports are made inside advance(); all methods may be called by any
/// thread.
class Progress {
 public:
  /// `total` 0: unknown. `started_at`: units already done by an earlier run, not counted in the
  /// rate.
  Progress(std::string title, int64_t total, std::string unit, int64_t started_at = 0,
           ProgressOutput output = {});
  /// Clears the bar; says nothing.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(int64_t units = 1);
  /// Free text after the numbers, shown from the next report on.
  void set_note(std::string note);
  /// Ends the work with a last plain line that says how long it took.
  void finish();

 private:
  void report();
  void clear_bar();

  std::mutex mutex_;
  ProgressState state_;
  ProgressOutput output_;
  double start_s_ = 0;
  double last_bar_s_ = 0;
  double last_line_s_ = 0;
  bool bar_drawn_ = false;
  bool finished_ = false;
};

}  // namespace blip2
