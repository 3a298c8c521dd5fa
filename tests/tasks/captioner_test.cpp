// Captions that are drawn: what they depend on.
#include "blip2/tasks/captioner.h"

#include <gtest/gtest.h>

#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using testing::TemporaryFolder;

class DrawnCaptions : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle bundle_ = testing::tiny_blip_captioner(folder_);
  std::vector<std::string> paths_ = testing::write_pictures(folder_, 2);

  Picture picture(size_t i, size_t input = 0) const {
    Picture read = read_picture(paths_[i], bundle_.transform);
    read.input = input;
    return read;
  }
  /// The tokens of one text a picture.
  std::vector<std::vector<int64_t>> drawn(const std::vector<Picture>& pictures,
                                          const std::string& prompt = "a",
                                          uint64_t seed = 42) const {
    GenerationOptions options;
    options.do_sample = true;
    options.max_new_tokens = 12;
    std::vector<std::vector<int64_t>> tokens;
    for (const auto& captions : Captioner(bundle_, options, prompt, seed).caption(pictures)) {
      tokens.push_back(captions.at(0).tokens);
    }
    return tokens;
  }
};

TEST_F(DrawnCaptions, DependOnSeedPictureAndPromptAlone) {
  const std::vector<int64_t> alone = drawn({picture(0)})[0];
  const auto among = drawn({picture(1, 0), picture(0, 1), picture(0, 2)});
  EXPECT_EQ(among[1], alone);
  EXPECT_EQ(among[2], alone);  // an equal picture
  EXPECT_NE(among[0], alone);
  EXPECT_NE(drawn({picture(0)}, "a", 7)[0], alone);
  EXPECT_NE(drawn({picture(0)}, "a red")[0], alone);
}

TEST_F(DrawnCaptions, AQuestionIsDrawnForLikeAPromptOfTheSameWords) {
  GenerationOptions options;
  options.do_sample = true;
  const Captioner captioner(bundle_, options, "");
  const std::vector<Picture> both = {picture(0), picture(1)};
  const auto answers = captioner.answer(both, {{1, "a"}, {0, "a red"}, {0, "a"}});
  EXPECT_EQ(answers[0][0].tokens, Captioner(bundle_, options, "a").caption(both)[1][0].tokens);
  EXPECT_EQ(answers[1][0].tokens, Captioner(bundle_, options, "a red").caption(both)[0][0].tokens);
}

}  // namespace
}  // namespace blip2
