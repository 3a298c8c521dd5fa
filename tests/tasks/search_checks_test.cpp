// A search is refused, or warned of, before its model is loaded.
#include "blip2/tasks/search_checks.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

TEST(SearchChecks, APictureIsNotReranked) {
  const TemporaryFolder folder;
  const std::string picture = testing::write_pictures(folder, 1).front();
  check_queries({"a cat", picture}, 0);
  check_queries({"a cat", (folder / "gone.png").string()}, 5);  // a warning: it is a text
  EXPECT_THAT(error_of([&] { check_queries({"a cat", picture}, 5); }).second,
              HasSubstr(picture + " is a picture"));
}

TEST(SearchChecks, AnotherModelIsAnErrorUnlessTheUserNamedIt) {
  const TemporaryFolder folder;
  const Bundle bundle = testing::tiny_stage1(folder);
  folder.write("model/config.json", "{}");
  folder.write("other/config.json", "{ }");
  IndexBuilder builder(bundle, folder / "model", folder / "index");
  builder.add({read_picture(testing::write_pictures(folder, 1).front(), bundle.transform)});
  builder.finish();
  const Index index(folder / "index");
  check_index_model(index, folder / "index", folder / "model", ModelChoice::kIndex);
  check_index_model(index, folder / "index", folder / "other", ModelChoice::kUser);  // a warning
  EXPECT_THAT(error_of([&] {
                check_index_model(index, folder / "index", folder / "other", ModelChoice::kIndex);
              }).second,
              HasSubstr("the model has changed since"));
}

}  // namespace
}  // namespace blip2
