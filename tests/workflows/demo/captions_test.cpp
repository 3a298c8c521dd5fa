// Captions of one style, and which of them mean the same.
#include "blip2/workflows/demo/captions.h"

#include <gtest/gtest.h>

namespace blip2 {
namespace {

TEST(TidyCaption, MakesOneStyle) {
  EXPECT_EQ(tidy_caption("  A great\tblue  heron. \r"), "a great blue heron");
  EXPECT_EQ(tidy_caption("Grandma’s “old” rag doll!!"), "grandma's old rag doll");
  EXPECT_EQ(tidy_caption("Mars—the red planet."), "mars - the red planet");
  EXPECT_EQ(tidy_caption("– Because a brain is a terrible thing to waste…"),
            "because a brain is a terrible thing to waste");
  EXPECT_EQ(tidy_caption("A Räuchermännchen"), "a räuchermännchen");
  EXPECT_EQ(tidy_caption("Japanese “bargain” button"), "japanese bargain button");
  EXPECT_EQ(tidy_caption("a dollar ($1.00)."), "a dollar ($1.00)");
  EXPECT_EQ(tidy_caption(" .!"), "");
}

TEST(FirstSentence, EndsAtAMarkBeforeASpace) {
  EXPECT_EQ(first_sentence("King. Can move one step."), "King.");
  EXPECT_EQ(first_sentence("Fire! Fire!"), "Fire!");
  EXPECT_EQ(first_sentence("A US 1 cent piece ($.01) called a penny."),
            "A US 1 cent piece ($.01) called a penny.");
  EXPECT_EQ(first_sentence("A cat"), "A cat");
  EXPECT_EQ(first_sentence(""), "");
}

TEST(CaptionGroup, JoinsWhatSaysTheSame) {
  EXPECT_EQ(caption_group("a strawberry"), caption_group("strawberry"));
  EXPECT_EQ(caption_group("paw prints"), caption_group("a paw print"));
  EXPECT_EQ(caption_group("jack-o-lantern"), caption_group("a jack-o'-lantern"));
  EXPECT_EQ(caption_group("the sun"), caption_group("sun"));
  EXPECT_EQ(caption_group("a"), "a");
  EXPECT_EQ(caption_group("the letter a"), "letter a");
}

TEST(CaptionGroup, KeepsApartWhatDiffers) {
  EXPECT_NE(caption_group("grinning face"), caption_group("grinning face with big eyes"));
  EXPECT_NE(caption_group("glass"), caption_group("glasses"));
  EXPECT_NE(caption_group("bus"), caption_group("bu"));
  EXPECT_NE(caption_group("cross"), caption_group("cros"));
  EXPECT_NE(caption_group("©"), caption_group("®"));
}

}  // namespace
}  // namespace blip2
