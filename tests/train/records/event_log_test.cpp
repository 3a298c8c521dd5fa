// log.jsonl: its keys, what is read back, and the log as a resumed run continues it.
#include "blip2/train/records/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/train/support.h"

namespace blip2 {
namespace {

LogRow row_of(int64_t step) {
  return {.step = step,
          .epoch = step / 3,
          .samples = 4 * step,
          .loss = 1.0 / static_cast<double>(step),
          .values = {{"loss_itc", 0.1}, {"temperature", 0.07}},
          .lr = 1e-4,
          .grad_norm = 2.0 / 3,
          .samples_per_second = 12.5,
          .elapsed_s = 3.0};
}

TEST(Events, ARowHasTheContractsKeysInOrder) {
  EXPECT_EQ(to_json(row_of(3)),
            R"({"step":3,"epoch":1,"samples":12,"loss":0.3333333333333333,"loss_itc":0.1,)"
            R"("temperature":0.07,"lr":0.0001,"grad_norm":0.6666666666666666,)"
            R"("samples_per_second":12.5,"elapsed_s":3.0})");
}

TEST(Events, NumbersThatAreNotFiniteAreNull) {
  LogRow row = row_of(1);
  row.loss = std::numeric_limits<double>::quiet_NaN();
  row.grad_norm = std::numeric_limits<double>::infinity();
  row.applied = false;
  EXPECT_THAT(to_json(row), ::testing::HasSubstr(R"("loss":null)"));
  EXPECT_THAT(to_json(row), ::testing::HasSubstr(R"("grad_norm":null)"));
  EXPECT_THAT(to_json(row), ::testing::HasSubstr(R"("applied":false)"));
}

TEST(Events, LogReadsBack) {
  const testing::TemporaryFolder folder;
  EventLog log(folder.path(), 0);
  log.write(row_of(1));
  LogRow bad = row_of(2);
  bad.loss = std::numeric_limits<double>::quiet_NaN();
  bad.applied = false;
  log.write(bad);
  const std::vector<LogRow> rows = read_log(folder / "log.jsonl");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(to_json(rows[0]), to_json(row_of(1)));
  EXPECT_TRUE(std::isnan(rows[1].loss));
  EXPECT_FALSE(rows[1].applied);
}

TEST(Events, OpeningRemovesLaterRowsAndAnIncompleteOne) {
  const testing::TemporaryFolder folder;
  {
    EventLog log(folder.path(), 0);
    for (int64_t step = 1; step <= 4; ++step) log.write(row_of(step));
  }
  const std::string whole = read_file(folder / "log.jsonl");
  write_file_atomic(folder / "log.jsonl", whole + R"({"step":5,"epo)");
  EventLog log(folder.path(), 2);
  EXPECT_EQ(read_file(folder / "log.jsonl"), to_json(row_of(1)) + "\n" + to_json(row_of(2)) + "\n");
  log.write(row_of(3));
  log.write(row_of(4));
  EXPECT_EQ(read_file(folder / "log.jsonl"), whole);
}

TEST(Events, AForeignFileIsAnError) {
  const testing::TemporaryFolder folder;
  write_file_atomic(folder / "log.jsonl", "{\"step\":1,\"epoch\":0,\"samples\":1}\nhello\n");
  for (const char* text : {"hello\n", "{}\n", "[1]\n", "{\"step\":\"one\"}\n"}) {
    write_file_atomic(folder / "log.jsonl", to_json(row_of(1)) + "\n" + text);
    try {
      read_log(folder / "log.jsonl");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_EQ(error.what(),
                (folder / "log.jsonl").string() + ":2: expected a row of a training log");
    }
  }
  EXPECT_THROW(EventLog(folder.path(), 1), Error);
  EXPECT_THROW(read_log(folder / "none.jsonl"), Error);
}

}  // namespace
}  // namespace blip2
