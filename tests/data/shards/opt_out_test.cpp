// What says no and what does not, in the fields that records have.
#include "blip2/data/shards/opt_out.h"

#include <gtest/gtest.h>

namespace blip2 {
namespace {

std::string field_of(const std::string& json) { return opted_out_by(json, {}); }

TEST(OptOut, DirectivesAsInAHeader) {
  EXPECT_EQ(field_of(R"({"robots": "noai"})"), "robots");
  EXPECT_EQ(field_of(R"({"X-Robots-Tag": "index, NoImageAI"})"), "X-Robots-Tag");
  EXPECT_EQ(field_of(R"({"x_robots_tag": "otherbot: noindex"})"), "x_robots_tag");
  EXPECT_EQ(field_of(R"({"robots": ["all", "none"]})"), "robots");
  EXPECT_EQ(field_of(R"({"robots": "index, follow"})"), "");
  EXPECT_EQ(field_of(R"({"robots": "noarchive"})"), "");
  EXPECT_EQ(field_of(R"({"robots": null})"), "");
}

TEST(OptOut, PermissionsAndRefusals) {
  EXPECT_EQ(field_of(R"({"robots": false})"), "robots");
  EXPECT_EQ(field_of(R"({"robots": true})"), "");
  EXPECT_EQ(field_of(R"({"robots": "no"})"), "robots");
  EXPECT_EQ(field_of(R"({"opt_out": true})"), "opt_out");
  EXPECT_EQ(field_of(R"({"opt-out": 1})"), "opt-out");
  EXPECT_EQ(field_of(R"({"Opt_Out": "Yes"})"), "Opt_Out");
  EXPECT_EQ(field_of(R"({"opt_out": false})"), "");
  EXPECT_EQ(field_of(R"({"opt_out": 0})"), "");
  EXPECT_EQ(field_of(R"({"opt_out": "no"})"), "");
}

TEST(OptOut, OtherFieldsAndOtherTextsSayNothing) {
  EXPECT_EQ(field_of(R"({"caption": "noai", "url": "https://example.org/noindex"})"), "");
  EXPECT_EQ(field_of(R"({"nested": {"robots": "noai"}})"), "");
  EXPECT_EQ(field_of(R"(["robots", "noai"])"), "");
  EXPECT_EQ(field_of(R"({"robots": "noai")"), "");
  EXPECT_EQ(field_of(""), "");
}

TEST(OptOut, TheListsAreOptions) {
  const OptOutRule rule{{"licence"}, {"all-rights-reserved"}};
  EXPECT_EQ(opted_out_by(R"({"licence": "all rights", "robots": "noai"})", rule), "");
  EXPECT_EQ(opted_out_by(R"({"Licence": "All-Rights-Reserved"})", rule), "Licence");
}

}  // namespace
}  // namespace blip2
