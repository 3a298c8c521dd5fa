// A picture's captions in the output, written and read back.
#include "blip2/workflows/capfilt/record.h"

#include <gmock/gmock.h>

#include "blip2/data/sources/json_record.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using Source = CaptionCandidate::Source;

CapFiltResult some_result() {
  CapFiltResult result;
  result.candidates = {{"best", Source::kSynthetic, 0.5, 0.75, true, ""},
                       {"web \"one\"", Source::kWeb, 0.25, 0.5, true, ""},
                       {"worst", Source::kSynthetic, -0.125, std::nullopt, false, "rank"}};
  return result;
}

TEST(CapFiltRecord, TheSidecarKeepsTheRecordsOwnFields) {
  EXPECT_EQ(
      sidecar_json(R"({"url": "u", "caption": "Old!", "width": 3})", {"Old!"}, some_result()),
      R"({"url":"u","caption":["best","web \"one\""],"width":3,"web_captions":["Old!"],)"
      R"("candidates":[)"
      R"({"text":"best","source":"synthetic","score":0.5,"rank":1,"match_probability":0.75,"kept":true},)"
      R"({"text":"web \"one\"","source":"web","score":0.25,"rank":2,"match_probability":0.5,"kept":true},)"
      R"({"text":"worst","source":"synthetic","score":-0.125,"rank":3,"kept":false,"dropped_by":"rank"}]})"
      "\n");
}

TEST(CapFiltRecord, ASidecarThatIsNoObjectIsReplaced) {
  for (const char* fields : {"", "[\"a\", \"b\"]", "3"}) {
    EXPECT_THAT(sidecar_json(fields, {}, some_result()), HasSubstr(R"({"caption":["best",)"));
  }
}

TEST(CapFiltRecord, BothAreReadAsTrainReadsThem) {
  const std::string row =
      caption_row("00000.tar/7.jpg", FileRange{"00000.tar", 1536, 20}, some_result());
  const Record record = parse_json_record(row, "captions.json[0]", {.images = "/out"});
  EXPECT_EQ(record.image, "/out/00000.tar/7.jpg");
  EXPECT_EQ(record.stored->file, "/out/00000.tar");
  EXPECT_EQ(record.stored->offset, 1536);
  EXPECT_EQ(record.stored->size, 20);
  EXPECT_THAT(record.captions, ElementsAre("best", "web \"one\""));
  EXPECT_THAT(parse_sidecar_captions(sidecar_json("", {}, some_result()), "x"),
              ElementsAre("best", "web \"one\""));
  EXPECT_FALSE(
      parse_json_record(caption_row("a.jpg", std::nullopt, some_result()), "x", {.images = "/out"})
          .stored.has_value());
}

TEST(CapFiltRecord, CandidatesComeBack) {
  const std::string row = caption_row("a.jpg", std::nullopt, some_result());
  EXPECT_EQ(caption_row("a.jpg", std::nullopt, parse_candidates(row, "x")), row);
  const auto [code, message] = error_of([] { parse_candidates(R"({"caption": "x"})", "a.tar/7"); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, HasSubstr("a.tar/7"));
}

}  // namespace
}  // namespace blip2
