// Each field of a CapFilt configuration is an option, and the options that were given become values
// of the configuration.
#include "blip2/workflows/capfilt/option_fields.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace blip2 {
namespace {

const CapFiltOptionFields::Field& field_of(const CapFiltOptionFields& all,
                                           const std::string& name) {
  const auto found = std::ranges::find(all.fields(), name, &CapFiltOptionFields::Field::name);
  EXPECT_NE(found, all.fields().end()) << name;
  return *found;
}

TEST(CapFiltOptionFields, AreNamedByTheConfiguration) {
  const CapFiltOptionFields all;
  EXPECT_EQ(field_of(all, "--num-kept").form, "--num-kept N");
  EXPECT_EQ(field_of(all, "--captioner").form, "--captioner DIR");
  EXPECT_EQ(field_of(all, "--keep-original").form, "--keep-original");  // off: a switch
  EXPECT_EQ(field_of(all, "--remove-duplicates").form, "--remove-duplicates true|false");  // on
  EXPECT_EQ(field_of(all, "--top-p").path, "generation.top_p");
  EXPECT_EQ(field_of(all, "--top-p").group, "generation");
  EXPECT_EQ(field_of(all, "--early-stopping").form, "--early-stopping true|false|never");
  for (const CapFiltOptionFields::Field& field : all.fields()) {
    EXPECT_NE(field.name, "--shards");  // arguments
    EXPECT_NE(field.name, "--seed");    // of every verb
    EXPECT_NE(field.name, "--dtype");
  }
}

TEST(CapFiltOptionFields, WhatIsGivenOverridesTheConfiguration) {
  const CapFiltOptionFields all;
  *std::get<int64_t*>(field_of(all, "--num-kept").slot) = 5;
  *std::get<std::string*>(field_of(all, "--remove-duplicates").slot) = "false";
  *std::get<double*>(field_of(all, "--top-p").slot) = 0.5;
  const std::set<std::string> given = {"--num-kept", "--remove-duplicates", "--top-p"};
  std::vector<std::string> found;
  for (const ConfigOverride& one :
       all.overrides([&](const std::string& name) { return given.contains(name); })) {
    found.push_back(one.path + "=" + one.value + " " + one.source);
  }
  EXPECT_THAT(found, ::testing::ElementsAre("num_kept=5 --num-kept",
                                            "remove_duplicates=false --remove-duplicates",
                                            "generation.top_p=0.5 --top-p"));
}

}  // namespace
}  // namespace blip2
