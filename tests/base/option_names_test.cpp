// The names of options follow from those of fields, and what they take from the types.
#include "blip2/base/option_names.h"

#include <gtest/gtest.h>

namespace blip2 {
namespace {

TEST(OptionNames, AnOptionIsNamedByItsField) {
  EXPECT_EQ(option_name("num_beams"), "--num-beams");
  EXPECT_EQ(option_name("no_repeat_ngram_size"), "--no-repeat-ngram-size");
}

TEST(OptionNames, AFormSaysWhatValuesAnOptionTakes) {
  bool flag = false;
  std::optional<int64_t> count;
  double number = 0;
  std::string text;
  std::vector<std::string> texts;
  EXPECT_EQ(option_form("do_sample", &flag), "--do-sample");
  EXPECT_EQ(option_form("top_k", &count), "--top-k N");
  EXPECT_EQ(option_form("top_p", &number), "--top-p X");
  EXPECT_EQ(option_form("prompt", &text), "--prompt TEXT");
  EXPECT_EQ(option_form("stop", &texts), "--stop TEXT");
  EXPECT_EQ(option_form("early_stopping", &text, one_of({"true", "never"})),
            "--early-stopping true|never");
}

}  // namespace
}  // namespace blip2
