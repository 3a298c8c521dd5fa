// What data inspect counts, against arithmetic.
#include "blip2/data/inspection.h"

#include <gmock/gmock.h>

#include "blip2/data/open_source.h"
#include "tests/data/memory_source.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;

TEST(InspectSource, CountsWordsMissingPicturesAndUnusableRecords) {
  const TemporaryFolder folder;
  folder.write("there.png", "x");
  std::string lines;
  for (int words = 1; words <= 100; ++words) {
    std::string caption;
    for (int i = 0; i < words; ++i) caption += i % 2 == 0 ? "word \\n" : " word\\t";
    lines += fmt::format("{{\"image\": \"{}.png\", \"caption\": [\"{}\", \"  \"]}}\n",
                         words == 7 ? "gone" : "there", caption);
  }
  lines += "{\"image\": \"there.png\", \"caption\": \" \\t\"}\n[]\n";
  const auto source = open_source({.name = "pairs",
                                   .format = "jsonl",
                                   .annotations = {folder.write("pairs.jsonl", lines)},
                                   .images = {}});
  int64_t progress = 0;
  InspectionOptions options;
  options.progress = [&](int64_t count) { progress += count; };
  const SourceInspection found = inspect_source(*source, options);
  EXPECT_EQ(found.records, 102);
  EXPECT_EQ(found.inspected, 102);
  EXPECT_EQ(progress, 102);
  EXPECT_EQ(found.missing, 1);
  EXPECT_EQ(found.first_missing, (folder / "gone.png").string());
  EXPECT_EQ(found.unusable, 2);
  EXPECT_THAT(found.first_unusable, ::testing::HasSubstr("empty caption"));
  EXPECT_EQ(found.captions, 100);
  EXPECT_EQ(found.words.min, 1);
  EXPECT_EQ(found.words.median, 50);
  EXPECT_EQ(found.words.p95, 95);
  EXPECT_EQ(found.words.max, 100);
  EXPECT_DOUBLE_EQ(found.words.mean, 50.5);
  EXPECT_EQ(found.samples.size(), 5u);
}

TEST(InspectSource, LooksAtASpreadOfMany) {
  const MemorySource source("m", 1000, {500});
  InspectionOptions options;
  options.max_records = 10;
  const SourceInspection found = inspect_source(source, options);
  EXPECT_EQ(found.records, 1000);
  EXPECT_EQ(found.inspected, 10);
  EXPECT_EQ(found.unusable, 1);
  EXPECT_EQ(found.missing, 9);
  for (const InspectedSample& sample : found.samples) EXPECT_EQ(sample.index % 100, 0);
  EXPECT_EQ(inspect_source(MemorySource("m", 2)).samples.size(), 2u);
  EXPECT_EQ(inspect_source(MemorySource("m", 0)).words.max, 0);
}

}  // namespace
}  // namespace blip2
