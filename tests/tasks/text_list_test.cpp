// Lists of texts come from files and from lists with commas, and a wrong text is named.
#include "blip2/tasks/text_list.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

const TextListWords kWords = {"--labels", "a label"};

TEST(TextList, ALineIsATextWithoutTheSpacesAroundIt) {
  const TemporaryFolder folder;
  const std::string file = folder.write("a.txt", "a cat, black\r\n\n\t dog \n");
  EXPECT_THAT(read_text_list(file, kWords), ElementsAre("a cat, black", "dog"));
  EXPECT_THAT(read_text_list(folder.write("b.txt", " \n"), kWords), IsEmpty());
}

TEST(TextList, WrongTextsOfAFileAreNamed) {
  const TemporaryFolder folder;
  const std::string bytes = folder.write("a.txt", "cat\n\n\xff\xfe\n");
  EXPECT_EQ(error_of([&] { read_text_list(bytes, kWords); }).second,
            bytes + ":3: expected a label in UTF-8, found other bytes");
  const std::string twice = folder.write("b.txt", "cat\ndog\n cat\n");
  EXPECT_EQ(error_of([&] { read_text_list(twice, kWords); }).second,
            "--labels: \"cat\" is named twice");
}

TEST(TextList, AListIsSplitAtItsCommas) {
  EXPECT_THAT(split_text_list("a cat, dog", kWords), ElementsAre("a cat", "dog"));
  EXPECT_THAT(error_of([&] { split_text_list("a,,b", kWords); }).second,
              HasSubstr("no empty text"));
  EXPECT_THAT(error_of([&] { split_text_list("a,b,a", kWords); }).second, HasSubstr("\"a\""));
}

TEST(TextList, NamesAreSplitAndEmptyOnesDropped) {
  EXPECT_THAT(split_names("itc_image,,itc_text,"), ElementsAre("itc_image", "itc_text"));
  EXPECT_THAT(split_names(""), IsEmpty());
}

}  // namespace
}  // namespace blip2
