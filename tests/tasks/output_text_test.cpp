// Model text as a line of output: escapes and plain text.
#include "blip2/tasks/output_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace blip2 {
namespace {

TEST(OutputText, JsonLineHasNoControlCharacterAndMeansTheSame) {
  const std::string text = "a\n\t\x01\x7f\xc2\x85\xc2\x80\xc2\x9f\xe2\x80\xa8\xe2\x80\xa9z\"\\";
  const std::string line = json_line(nlohmann::json(text).dump());
  EXPECT_EQ(line, R"("a\n\t\u0001\u007f\u0085\u0080\u009f\u2028\u2029z\"\\")"
                  "\n");
  EXPECT_EQ(nlohmann::json::parse(line).get<std::string>(), text);
}

TEST(OutputText, OtherCharactersStay) {
  // U+00A0 and U+2027, U+202A stand beside the escaped ranges; an emoji; a lone lead byte at the
  // end.
  const std::string text = "\"\xc2\xa0\xe2\x80\xa7\xe2\x80\xaa\xf0\x9f\x90\x88\xc2";
  EXPECT_EQ(json_line(text), text + "\n");
  EXPECT_EQ(plain_text(text), text);
}

TEST(OutputText, PlainTextStaysOnItsLine) {
  EXPECT_EQ(plain_text("a\nb\x1b[31m\xc2\x85"
                       "c\xe2\x80\xa8"),
            "a b [31m c ");
}

}  // namespace
}  // namespace blip2
