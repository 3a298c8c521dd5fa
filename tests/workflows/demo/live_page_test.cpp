// When the page of a demo that trains is written. tests/cli/test_demo.py checks the page itself.
#include "blip2/workflows/demo/live_page.h"

#include <gtest/gtest.h>

namespace blip2 {
namespace {

/// Seconds spent on pages in an hour of steps of `step_s`, each page taking `page_s`.
double seconds_on_pages(double step_s, double page_s, int64_t& pages) {
  PageSchedule schedule;
  double now_s = 1000, spent_s = 0;
  pages = 0;
  while (now_s < 1000 + 3600) {
    now_s += step_s;
    if (!schedule.is_due(now_s)) continue;
    schedule.wrote(now_s, now_s + page_s);
    now_s += page_s;
    spent_s += page_s;
    ++pages;
  }
  return spent_s;
}

TEST(PageSchedule, TheFirstPageIsDueAtOnceAndTheNextAMinuteLater) {
  PageSchedule schedule;
  EXPECT_TRUE(schedule.is_due(5));
  schedule.wrote(5, 6);
  EXPECT_FALSE(schedule.is_due(64.9));
  EXPECT_TRUE(schedule.is_due(65));
}

TEST(PageSchedule, ANewStageIsShownAtOnce) {
  PageSchedule schedule;
  schedule.wrote(5, 6);
  schedule.restart();
  EXPECT_TRUE(schedule.is_due(7));
}

TEST(PageSchedule, APageThatTakesLongIsWrittenLessOften) {
  int64_t pages = 0;
  EXPECT_LE(seconds_on_pages(2, 1, pages), PageSchedule::kMaxShare * 3600);
  EXPECT_GE(pages, 58);
  EXPECT_LE(seconds_on_pages(2, 20, pages), PageSchedule::kMaxShare * 3600 + 20);
  EXPECT_GE(pages, 7);
}

}  // namespace
}  // namespace blip2
