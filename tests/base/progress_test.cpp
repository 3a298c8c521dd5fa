#include "blip2/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace blip2 {
namespace {

using ::testing::ElementsAre;

/// A progress with a clock that the test turns, and what it wrote.
struct Recorded {
  double now_s = 1000;
  std::vector<std::string> bars;
  std::vector<std::string> lines;

  ProgressOutput output() {
    ProgressOutput out;
    out.write_bar = [this](const std::string& bar) { bars.push_back(bar); };
    out.write_line = [this](const std::string& line) { lines.push_back(line); };
    out.now_s = [this] { return now_s; };
    return out;
  }
};

TEST(Progress, FormatsDurations) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(133), "2 min 13 s");
  EXPECT_EQ(format_duration(3900), "1 h 05 min");
  EXPECT_EQ(format_duration(3 * 86400 + 4 * 3600), "3 d 04 h");
  EXPECT_EQ(format_duration(-5), "0 s");
}

TEST(Progress, DescribesWhatIsDoneAndWhatIsLeft) {
  ProgressState state{
      .title = "stage 1", .unit = "steps", .done = 120, .total = 400, .elapsed_s = 60};
  state.note = "loss 3.21";
  EXPECT_EQ(describe(state),
            "stage 1: 120 of 400 steps (30 %), 2.0 steps/s, 2 min 20 s left, loss 3.21");
  state.started_at = 105;  // 15 of them in this run: 4 s each
  EXPECT_EQ(describe(state),
            "stage 1: 120 of 400 steps (30 %), 4.0 s each, 18 min 40 s left, loss 3.21");
  const ProgressState unknown{.title = "reading", .unit = "files", .done = 500, .elapsed_s = 2};
  EXPECT_EQ(describe(unknown), "reading: 500 files, 250 files/s");
  const ProgressState start{.title = "reading", .unit = "files", .total = 10};
  EXPECT_EQ(describe(start), "reading: 0 of 10 files (0 %)");
}

TEST(Progress, WritesALineEveryThirtySecondsAndALastOne) {
  Recorded recorded;
  Progress progress("stage 1", 8, "steps", 0, recorded.output());
  for (int step = 0; step < 7; ++step) {
    recorded.now_s += 10;
    progress.advance();
  }
  recorded.now_s += 10;
  progress.set_note("loss 1");
  progress.advance();
  progress.finish();
  progress.finish();
  EXPECT_THAT(recorded.lines, ElementsAre("stage 1: 3 of 8 steps (37 %), 10.0 s each, 50 s left",
                                          "stage 1: 6 of 8 steps (75 %), 10.0 s each, 20 s left",
                                          "stage 1: 8 steps in 1 min 20 s, loss 1"));
}

TEST(Progress, DrawsTheBarAtMostTenTimesASecondAndClearsIt) {
  Recorded recorded;
  {
    Progress progress("p", 4, "x", 0, recorded.output());
    progress.advance();  // drawn at once
    recorded.now_s += 0.05;
    progress.advance();  // too early
    recorded.now_s += 0.06;
    progress.advance();
  }
  ASSERT_EQ(recorded.bars.size(), 3u);
  EXPECT_THAT(recorded.bars[0], ::testing::StartsWith("[######..................] p: 1 of 4 x"));
  EXPECT_THAT(recorded.bars[1], ::testing::StartsWith("[##################......] p: 3 of 4 x"));
  EXPECT_EQ(recorded.bars[2], "");
}

TEST(Progress, CountsFromManyThreads) {
  Recorded recorded;
  Progress progress("p", 4000, "x", 0, recorded.output());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) progress.advance();
    });
  }
  for (std::thread& thread : threads) thread.join();
  progress.finish();
  EXPECT_EQ(recorded.lines.back(), "p: 4000 x in 0 s");
}

}  // namespace
}  // namespace blip2
