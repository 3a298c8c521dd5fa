// The configuration from YAML and from the command line, and what two starts must agree on.
#include "blip2/workflows/capfilt/config.h"

#include <gmock/gmock.h>

#include "blip2/base/error.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::TemporaryFolder;

const std::vector<ConfigOverride> kLeast = {
    {"captioner", "c"}, {"ranker", "r"}, {"output", "o"}, {"shards", R"(["a.tar", "b [1].tar"])"}};

std::vector<ConfigOverride> with(std::vector<ConfigOverride> more) {
  std::vector<ConfigOverride> all = kLeast;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// The message of what is thrown, a line a fault.
std::string faults_of(const std::vector<ConfigOverride>& overrides) {
  try {
    const LoadedCapFiltConfig config("", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "none";
}

TEST(CapFiltConfig, TheCommandLineOverridesTheFile) {
  const TemporaryFolder folder;
  const auto path = folder.write("job.yaml", R"(
captioner: blip
ranker: clip
shards: [one.tar, two.tar]
output: out
prompt: ""
num_kept: 3
min_similarity: 0.2
generation: {top_p: 0.8, stop: ["."]}
)");
  LoadedCapFiltConfig loaded(
      path, {{"num_kept", "4", "--num-kept"}, {"generation.num_return_sequences", "2"}});
  EXPECT_EQ(loaded.config().captioner, "blip");
  EXPECT_THAT(loaded.config().shards, ElementsAre("one.tar", "two.tar"));
  EXPECT_EQ(loaded.config().prompt, "");
  CapFiltOptions defaults;
  defaults.generation.top_p = 0.9;
  defaults.generation.num_return_sequences = 10;
  defaults.generation.do_sample = true;
  defaults.prompt = "a picture of";
  const CapFiltOptions options = loaded.resolve(defaults);
  EXPECT_EQ(options.prompt, "");  // the file's
  EXPECT_EQ(options.rules.num_kept, 4);
  EXPECT_EQ(options.rules.min_similarity, 0.2);
  EXPECT_EQ(options.generation.top_p, 0.8);               // the file's
  EXPECT_EQ(options.generation.num_return_sequences, 2);  // the command line's
  EXPECT_TRUE(options.generation.do_sample);              // the captioner's own
  EXPECT_THAT(options.generation.stop, ElementsAre("."));
  EXPECT_THAT(loaded.to_yaml(),
              AllOf(HasSubstr("num_kept: 4"), HasSubstr("job.yaml:9"), HasSubstr("# --num-kept"),
                    HasSubstr("do_sample: true"), HasSubstr("# the captioner's own")));
}

TEST(CapFiltConfig, TakesTextsAsTheyAre) {
  LoadedCapFiltConfig loaded("", with({{"prompt", "a: [picture] = \"of\""}}));
  EXPECT_EQ(loaded.config().prompt, "a: [picture] = \"of\"");
  EXPECT_THAT(loaded.config().shards, ElementsAre("a.tar", "b [1].tar"));
  CapFiltOptions defaults;
  defaults.prompt = "the captioner's";
  EXPECT_EQ(loaded.resolve(defaults).prompt, "a: [picture] = \"of\"");
  EXPECT_EQ(LoadedCapFiltConfig("", kLeast).resolve(defaults).prompt, "the captioner's");
}

TEST(CapFiltConfig, ALengthThatIsGivenIsNotUndoneByADefault) {
  CapFiltOptions defaults;
  defaults.generation.max_new_tokens = 20;
  defaults.generation.min_new_tokens = 5;
  LoadedCapFiltConfig lengths(
      "", with({{"generation.max_length", "9"}, {"generation.min_length", "3"}}));
  const GenerationOptions by_length = lengths.resolve(defaults).generation;
  EXPECT_EQ(by_length.max_length, 9);
  EXPECT_EQ(by_length.max_new_tokens, std::nullopt);
  EXPECT_EQ(by_length.min_length, 3);
  EXPECT_EQ(by_length.min_new_tokens, std::nullopt);
  defaults.generation = {};
  defaults.generation.min_length = 5;
  LoadedCapFiltConfig tokens("", with({{"generation.min_new_tokens", "2"}}));
  EXPECT_EQ(tokens.resolve(defaults).generation.min_length, 0);
}

TEST(CapFiltConfig, ReportsAllFaultsAtOnce) {
  EXPECT_THAT(faults_of({}), AllOf(HasSubstr("captioner"), HasSubstr("ranker"), HasSubstr("output"),
                                   HasSubstr("shards")));
  EXPECT_THAT(faults_of(with({{"num_keep", "3"}})), HasSubstr("'num_kept'"));
  EXPECT_THAT(faults_of(with({{"output_formats", R"(["webdataset", "csv"])"}})), HasSubstr("csv"));
  EXPECT_THAT(faults_of(with({{"min_match_probability", "0.5"}})), HasSubstr("needs a matcher"));
  EXPECT_THAT(faults_of(with({{"matcher", "m"}})), HasSubstr("min_match_probability"));
  EXPECT_THAT(faults_of(with({{"min_similarity", "3"}})), HasSubstr("min_similarity"));
  EXPECT_THAT(faults_of(with({{"dedup_distance", "17"}})), HasSubstr("dedup_distance"));
  EXPECT_EQ(faults_of(kLeast), "none");
}

TEST(CapFiltConfig, ResultsDependOnTheMethodNotOnBatchOrLease) {
  const auto options_of = [](const std::vector<ConfigOverride>& more) {
    LoadedCapFiltConfig loaded("", with(more));
    loaded.resolve({});
    return result_options(loaded.config());
  };
  const auto plain = options_of({});
  EXPECT_THAT(plain, Contains(Pair("num_kept", "2")));
  EXPECT_THAT(plain, Contains(Pair("generation.top_p", "1")));
  EXPECT_EQ(options_of({{"batch_size", "3"}, {"lease_s", "9"}, {"report", "x.html"}}), plain);
  EXPECT_NE(options_of({{"num_kept", "3"}}), plain);
  EXPECT_NE(options_of({{"generation.top_p", "0.5"}}), plain);
  EXPECT_NE(options_of({{"seed", "1"}}), plain);
  EXPECT_NE(options_of({{"opt_out_fields", "[]"}}), plain);
}

}  // namespace
}  // namespace blip2
