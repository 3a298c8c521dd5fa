// Counts of records add up, and a shard's state survives its file.
#include "blip2/workflows/capfilt/counts.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"

namespace blip2 {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using Source = CaptionCandidate::Source;

CapFiltCounts some_counts(int64_t scale) {
  CapFiltCounts counts;
  int64_t value = 0;
  visit_counts(counts, [&](const char*, int64_t& number) { number = scale * ++value; });
  counts.web_scores.counts[3] = 5 * scale;
  counts.synthetic_scores.counts[99] = 7 * scale;
  return counts;
}

TEST(CapFiltCounts, AddUpOnlyIfEveryRecordHasAFate) {
  CapFiltCounts counts;
  EXPECT_TRUE(counts.add_up());
  counts.records = 21;
  counts.kept = 1;
  counts.opt_out = 2;
  counts.duplicate = 3;
  counts.near_duplicate = 4;
  counts.no_caption = 5;
  counts.failed = 6;
  EXPECT_TRUE(counts.add_up());
  EXPECT_EQ(counts.equation(),
            "21 records = 1 kept + 2 opted out + 3 duplicates + 4 near duplicates + 5 without a "
            "caption that passes + 6 failed");
  counts.failed = 5;
  EXPECT_FALSE(counts.add_up());
}

TEST(CapFiltCounts, OfSeveralShardsAddUp) {
  CapFiltCounts sum = some_counts(1);
  sum.add(some_counts(10));
  const CapFiltCounts expected = some_counts(11);
  EXPECT_EQ(to_json(ShardState{"x", sum, 0, "w"}), to_json(ShardState{"x", expected, 0, "w"}));
  EXPECT_EQ(sum.dropped_by_duplicate, 11 * 15);
  EXPECT_EQ(sum.synthetic_scores.total(), 77);
}

TEST(CapFiltCounts, CountCandidatesByTheirFate) {
  CapFiltResult result;
  result.candidates = {{"a", Source::kSynthetic, 0.31, std::nullopt, true, ""},
                       {"b", Source::kWeb, 0.30, std::nullopt, true, ""},
                       {"c", Source::kSynthetic, 0.29, std::nullopt, false, "rank"},
                       {"B", Source::kSynthetic, 0.28, std::nullopt, false, "duplicate"},
                       {"d", Source::kWeb, -0.5, std::nullopt, false, "match"},
                       {"e", Source::kSynthetic, 2.0, std::nullopt, false, "similarity"}};
  CapFiltCounts counts;
  counts.add(result);
  EXPECT_EQ(counts.web_candidates, 2);
  EXPECT_EQ(counts.web_kept, 1);
  EXPECT_EQ(counts.synthetic_candidates, 4);
  EXPECT_EQ(counts.synthetic_kept, 1);
  EXPECT_EQ(counts.dropped_by_rank, 1);
  EXPECT_EQ(counts.dropped_by_duplicate, 1);
  EXPECT_EQ(counts.dropped_by_match, 1);
  EXPECT_EQ(counts.dropped_by_similarity, 1);
  EXPECT_EQ(counts.records, 0);                      // add() does not know the fate of the record
  EXPECT_EQ(counts.web_scores.counts[25], 1);        // -0.5 is in [-0.5, -0.48)
  EXPECT_EQ(counts.synthetic_scores.counts[99], 1);  // 2 counts at the edge
}

TEST(CapFiltCounts, AStateIsReadBack) {
  const ShardState state{"part0/00001.tar", some_counts(3), 12.5, "host:42"};
  const std::string text = to_json(state);
  const ShardState read = parse_shard_state(text, "x");
  EXPECT_EQ(read.shard, state.shard);
  EXPECT_EQ(read.seconds, 12.5);
  EXPECT_EQ(read.worker, "host:42");
  EXPECT_EQ(to_json(read), text);
}

TEST(CapFiltCounts, ADamagedStateIsRefused) {
  const std::string text = to_json(ShardState{"x", some_counts(3), 1, "w"});
  std::string no_bin = text;
  no_bin.replace(no_bin.find("[[3,"), 4, "[[100,");
  for (const std::string& bad : {text.substr(0, text.size() / 2), std::string("{}"),
                                 std::string("[]"), std::string(), no_bin}) {
    const auto [code, message] = error_of([&] { parse_shard_state(bad, "done/00000001.json"); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message, HasSubstr("done/00000001.json"));
  }
}

}  // namespace
}  // namespace blip2
