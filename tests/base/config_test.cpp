#include "blip2/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {

struct PartConfig {
  std::string format = "folder";
  std::vector<std::string> files;
  double ratio = 1;
};

struct ScheduleConfig {
  int64_t warmup = 10;
  std::optional<double> low;
};

struct SampleConfig {
  bool shuffle = true;
  int64_t max_steps = 100;
  double rate = 1e-4;
  std::string title = "a run";
  std::optional<std::string> note;
  ScheduleConfig schedule;
  std::map<std::string, PartConfig> parts;
};

/// A block of more fields than a list of paths has room for at first.
struct WideConfig {
  std::vector<int64_t> fields = std::vector<int64_t>(40);
};
struct DeepConfig {
  WideConfig wide;
};

template <typename V>
void visit(WideConfig& c, V&& v) {
  for (size_t i = 0; i < c.fields.size(); ++i)
    v(fmt::format("field_{}", i), c.fields[i], "a number");
}

template <typename V>
void visit(DeepConfig& c, V&& v) {
  v.group("wide", c.wide, "many");
}

template <typename V>
void visit(PartConfig& c, V&& v) {
  v("format", c.format, "how it lies on disk", one_of({"folder", "jsonl"}));
  v("files", c.files, "where");
  v("ratio", c.ratio, "share", above(0));
}

template <typename V>
void visit(ScheduleConfig& c, V&& v) {
  v("warmup", c.warmup, "steps", at_least(0));
  v("low", c.low, "end", between(0, 1));
}

template <typename V>
void visit(SampleConfig& c, V&& v) {
  v("shuffle", c.shuffle, "a new order");
  v("max_steps", c.max_steps, "steps", at_least(1));
  v("rate", c.rate, "learning rate", above(0));
  v("title", c.title, "text");
  v("note", c.note, "text or null");
  v.group("schedule", c.schedule, "rates");
  v.map("parts", c.parts, "sources");
}

namespace {

using ::testing::ElementsAre;

/// The faults of reading `yaml` with `overrides`, a line each; "" if there are none.
std::string faults_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  SampleConfig config;
  ConfigDocument document(config);
  try {
    document.read_text(yaml, "a.yaml");
    for (const std::string& assignment : overrides) document.set(assignment);
    document.check();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Config, ReadsEveryType) {
  SampleConfig config;
  ConfigDocument document(config);
  document.read_text(R"(
shuffle: false
max_steps: 250
rate: 3.0e-4
title: "two words: and a colon"
note: null
schedule: {warmup: 5, low: 0.5}
parts:
  birds: {format: jsonl, files: [a.jsonl, b.jsonl], ratio: 2}
  fish:
    files: c.jsonl
)",
                     "a.yaml");
  document.check();
  EXPECT_FALSE(config.shuffle);
  EXPECT_EQ(config.max_steps, 250);
  EXPECT_EQ(config.rate, 3e-4);
  EXPECT_EQ(config.title, "two words: and a colon");
  EXPECT_FALSE(config.note.has_value());
  EXPECT_EQ(config.schedule.warmup, 5);
  EXPECT_EQ(config.schedule.low, 0.5);
  ASSERT_EQ(config.parts.size(), 2u);
  EXPECT_EQ(config.parts["birds"].format, "jsonl");
  EXPECT_THAT(config.parts["birds"].files, ElementsAre("a.jsonl", "b.jsonl"));
  EXPECT_EQ(config.parts["birds"].ratio, 2.0);
  EXPECT_THAT(config.parts["fish"].files, ElementsAre("c.jsonl"));
  EXPECT_EQ(config.parts["fish"].format, "folder");
}

TEST(Config, KnowsWhereValuesComeFrom) {
  SampleConfig config;
  ConfigDocument document(config);
  document.read_text("shuffle: false\nparts:\n  birds:\n    ratio: 2\nschedule:\n  warmup: 3\n",
                     "a.yaml");
  document.set("max_steps=7");
  document.fill("rate", "0.5", "recipe x");
  document.fill("schedule.warmup", "99", "recipe x");
  document.fill("max_steps", "99", "recipe x");
  document.check();
  EXPECT_EQ(document.source("shuffle"), "a.yaml:1");
  EXPECT_EQ(document.source("parts.birds.ratio"), "a.yaml:4");
  EXPECT_EQ(document.source("max_steps"), "--set");
  EXPECT_EQ(document.source("rate"), "recipe x");
  EXPECT_EQ(document.source("title"), "default");
  EXPECT_EQ(config.rate, 0.5);
  EXPECT_EQ(config.schedule.warmup, 3);
  EXPECT_EQ(config.max_steps, 7);
  const std::string shown = document.to_yaml(true);
  EXPECT_THAT(shown, ::testing::ContainsRegex("max_steps: 7 +# --set\n"));
  EXPECT_THAT(shown, ::testing::ContainsRegex("rate: 0.5 +# recipe x\n"));
  EXPECT_THAT(shown, ::testing::ContainsRegex("    ratio: 2 +# a.yaml:4\n"));
}

TEST(Config, SetTakesTextsListsAndNumbers) {
  SampleConfig config;
  config.parts["birds"];
  ConfigDocument document(config);
  document.set("title=a: [b");
  document.set("note=null");
  document.set("parts.birds.files=[x, y]");
  document.set("schedule.low=0.25");
  document.set("rate=1e-3");
  document.check();
  EXPECT_EQ(config.title, "a: [b");
  EXPECT_FALSE(config.note.has_value());
  EXPECT_THAT(config.parts["birds"].files, ElementsAre("x", "y"));
  EXPECT_EQ(config.schedule.low, 0.25);
  EXPECT_EQ(config.rate, 1e-3);
  document.set("note=hello");
  document.set("parts.birds.files=a, b");
  document.check();
  EXPECT_EQ(config.note, "hello");
  EXPECT_THAT(config.parts["birds"].files, ElementsAre("a, b"));
}

TEST(Config, NamesUnknownKeys) {
  EXPECT_EQ(faults_of("shufle: true\n"), "a.yaml:1: shufle: unknown key; the nearest is 'shuffle'");
  EXPECT_EQ(faults_of("schedule:\n  warmups: 3\n"),
            "a.yaml:2: schedule.warmups: unknown key; the nearest is 'warmup'");
  EXPECT_EQ(faults_of("warmup: 3\n"),
            "a.yaml:1: warmup: unknown key; the nearest is 'schedule.warmup'");
  EXPECT_EQ(faults_of("parts: {birds: {formt: jsonl}}\n"),
            "a.yaml:1: parts.birds.formt: unknown key; the nearest is 'format'");
  EXPECT_EQ(faults_of("", {"max_step=3"}),
            "--set: max_step: unknown key; the nearest is 'max_steps'");
  EXPECT_EQ(faults_of("parts: {birds: {}}", {"parts.bird.ratio=3"}),
            "--set: parts.bird.ratio: unknown key; the nearest is 'birds'");
  EXPECT_EQ(faults_of("", {"max_steps.x=3"}), "--set: max_steps.x: unknown key");
}

TEST(Config, NamesWrongTypes) {
  EXPECT_EQ(faults_of("shuffle: 3\n"), "a.yaml:1: shuffle: expected true or false, found \"3\"");
  EXPECT_EQ(faults_of("max_steps: 1e3"), "a.yaml:1: max_steps: expected an integer, found \"1e3\"");
  EXPECT_EQ(faults_of("max_steps: 99999999999999999999"),
            "a.yaml:1: max_steps: expected an integer, found \"99999999999999999999\"");
  EXPECT_EQ(faults_of("max_steps:\n"), "a.yaml:1: max_steps: expected an integer, found nothing");
  EXPECT_EQ(faults_of("rate: fast"), "a.yaml:1: rate: expected a number, found \"fast\"");
  EXPECT_EQ(faults_of("rate: nan"), "a.yaml:1: rate: expected a number, found \"nan\"");
  EXPECT_EQ(faults_of("rate: 1e999"), "a.yaml:1: rate: expected a number, found \"1e999\"");
  EXPECT_EQ(faults_of("title: [a]"), "a.yaml:1: title: expected text, found a list");
  EXPECT_EQ(faults_of("note: {a: b}"),
            "a.yaml:1: note: expected text or null, found a block of keys");
  EXPECT_EQ(faults_of("schedule: 3"), "a.yaml:1: schedule: expected a block of keys, found \"3\"");
  EXPECT_EQ(faults_of("schedule:\n  low: x"),
            "a.yaml:2: schedule.low: expected a number or null, found \"x\"");
  EXPECT_EQ(faults_of("parts: [a]"), "a.yaml:1: parts: expected a block of keys, found a list");
  EXPECT_EQ(faults_of("parts:\n  birds:\n    files: [[a]]"),
            "a.yaml:3: parts.birds.files: expected a list of texts, found a list");
  EXPECT_EQ(faults_of("parts:\n  a.b: {}"),
            "a.yaml:2: parts.a.b: expected a name of letters, digits, '_' and '-', found \"a.b\"");
  EXPECT_EQ(faults_of("[1, 2]"), "a.yaml:1: expected a block of keys, found a list");
  EXPECT_EQ(faults_of("? [a, b]\n: 3"), "a.yaml:1: expected a key, found a list");
  EXPECT_EQ(faults_of("rate: 1\nrate: 2\n"), "a.yaml:2: rate: is given twice");
  EXPECT_EQ(faults_of("", {"max_steps=many"}),
            "--set: max_steps: expected an integer, found \"many\"");
  EXPECT_EQ(faults_of("", {"max_steps=[1"}), "--set: max_steps: expected an integer, found \"[1\"");
  EXPECT_EQ(faults_of("", {"schedule=3"}),
            "--set: schedule: expected a key of this block, found the block");
  EXPECT_EQ(faults_of("", {"max_steps"}), "--set: expected KEY=VALUE, found \"max_steps\"");
}

TEST(Config, ChecksLimits) {
  EXPECT_EQ(faults_of("max_steps: 0"),
            "a.yaml:1: max_steps: expected an integer of at least 1, found 0");
  EXPECT_EQ(faults_of("rate: 0"), "a.yaml:1: rate: expected a number above 0, found 0");
  EXPECT_EQ(faults_of("schedule: {low: 1.5}"),
            "a.yaml:1: schedule.low: expected a number from 0 to 1, found 1.5");
  EXPECT_EQ(faults_of("parts: {birds: {format: tsv}}"),
            "a.yaml:1: parts.birds.format: expected one of folder, jsonl, found tsv");
}

TEST(Config, ReportsAllFaultsTogether) {
  EXPECT_EQ(faults_of("max_step: 3\nrate: x\nschedule: {warmup: -1}\n", {"title"}),
            "a.yaml:1: max_step: unknown key; the nearest is 'max_steps'\n"
            "a.yaml:2: rate: expected a number, found \"x\"\n"
            "--set: expected KEY=VALUE, found \"title\"\n"
            "a.yaml:3: schedule.warmup: expected an integer of at least 0, found -1");
}

TEST(Config, WhatIsNoYamlIsTheOnlyFault) {
  EXPECT_THAT(faults_of("rate: [1, 2\ntitle: x\n", {"max_step=3"}),
              ::testing::Not(::testing::HasSubstr("\n")));
}

TEST(Config, AFaultOfWhatNobodyGaveNamesTheFileThatLacksIt) {
  SampleConfig config;
  ConfigDocument document(config);
  document.fault("title", "expected a title");
  document.read_text("rate: 1\n", "a.yaml");
  document.fault("title", "expected a title");
  document.fault("rate", "expected a rate");
  try {
    document.throw_faults();
    FAIL();
  } catch (const ConfigFaults& faults) {
    EXPECT_THAT(faults.lines(),
                ElementsAre("title: expected a title", "a.yaml: title: expected a title",
                            "a.yaml:1: rate: expected a rate"));
    EXPECT_EQ(faults.code(), ErrorCode::kInvalidArgument);
  }
}

TEST(Config, RefusesWhatIsNoYaml) {
  EXPECT_THAT(faults_of("rate: [1, 2\ntitle: x\n"), ::testing::StartsWith("a.yaml:"));
  EXPECT_THAT(faults_of("a: b: c\n"), ::testing::StartsWith("a.yaml:1: expected YAML: "));
  EXPECT_THAT(faults_of(std::string(20000, '[')), ::testing::HasSubstr("expected YAML"));
  EXPECT_EQ(faults_of("rate: 1\n---\nrate: 2\n"), "a.yaml: expected one YAML document, found 2");
  EXPECT_EQ(faults_of(""), "");
  EXPECT_EQ(faults_of("# nothing\n"), "");
  SampleConfig config;
  ConfigDocument document(config);
  EXPECT_THROW(document.read_text(std::string(2 << 20, ' '), "big.yaml"), Error);
  EXPECT_THROW(document.read_file("/no/such/file.yaml"), Error);
}

TEST(Config, WhatIsWrittenReadsBackTheSame) {
  SampleConfig config;
  config.shuffle = false;
  config.max_steps = INT64_MAX;
  config.rate = 1.0 / 3;
  config.title = "quotes \" \\ ' # : \n\t é 日本 \x7f -";
  config.schedule.low = 1e-5;
  config.parts["birds"] = {"jsonl", {"", "null", "12", "true", "a b", "- x", "/plain/path"}, 1e300};
  config.parts["empty"] = {};
  const std::string yaml = ConfigDocument(config).to_yaml();

  SampleConfig copy;
  ConfigDocument document(copy);
  document.read_text(yaml, "copy.yaml");
  document.check();
  EXPECT_EQ(copy.title, config.title);
  EXPECT_EQ(copy.rate, config.rate);
  EXPECT_EQ(copy.max_steps, config.max_steps);
  EXPECT_EQ(copy.note, config.note);
  EXPECT_EQ(copy.schedule.low, config.schedule.low);
  EXPECT_EQ(copy.parts["birds"].files, config.parts["birds"].files);
  EXPECT_EQ(copy.parts["birds"].ratio, config.parts["birds"].ratio);
  EXPECT_EQ(copy.parts.size(), 2u);
  EXPECT_EQ(document.to_yaml(), yaml);
  EXPECT_EQ(document.source("note"), "copy.yaml:5");

  SampleConfig shown;
  ConfigDocument with_sources(shown);
  with_sources.read_text(document.to_yaml(true), "shown.yaml");
  with_sources.check();
  EXPECT_EQ(with_sources.to_yaml(), yaml);
}

TEST(Config, TextsThatLookLikeOtherTypesAreQuoted) {
  SampleConfig config;
  for (const char* text : {"null", "", "12", "True", "~", "1e5", ".5", "-"}) {
    config.note = text;
    SampleConfig copy;
    ConfigDocument document(copy);
    document.read_text(ConfigDocument(config).to_yaml(), "a.yaml");
    document.check();
    EXPECT_EQ(copy.note, config.note);
  }
}

TEST(Config, ReadsFiles) {
  const testing::TemporaryFolder folder;
  write_file_atomic(folder / "run.yaml", "rate: x\n");
  SampleConfig config;
  ConfigDocument document(config);
  document.read_file(folder / "run.yaml");
  try {
    document.throw_faults();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(),
              (folder / "run.yaml").string() + ":1: rate: expected a number, found \"x\"");
  }
  document.throw_faults();  // reported once
}

TEST(Config, NearestName) {
  EXPECT_EQ(nearest_name("kitten", {"sitting", "mitten", "kit"}), "mitten");
  EXPECT_EQ(nearest_name("x", {}), "");
  EXPECT_EQ(nearest_name("", {"ab", "c"}), "");
  EXPECT_EQ(nearest_name("cat", {"dog", "emu"}), "");
  EXPECT_EQ(nearest_name("--zzz", {"--help", "--seed"}), "");
  EXPECT_EQ(nearest_name("--max", {"--help", "--max-steps"}), "--max-steps");  // goes on from it
  EXPECT_EQ(did_you_mean("sead", {"help", "seed"}), "; did you mean 'seed'?");
  EXPECT_EQ(did_you_mean("zzz", {"help", "seed"}), "");
}

TEST(Config, TheNearestKeyIsFoundInALongBlock) {
  DeepConfig config;
  ConfigDocument document(config);
  document.read_text("field_39: 1\n", "a.yaml");
  EXPECT_EQ(
      document.take_faults(),
      std::vector<std::string>{"a.yaml:1: field_39: unknown key; the nearest is 'wide.field_39'"});
}

TEST(Config, FillingMakesAnEntryAndGivenPathsTellOfIt) {
  SampleConfig config;
  ConfigDocument document(config);
  document.read_text("max_steps: 3\n", "a.yaml");
  document.fill("parts.birds.ratio", "2.5", "elsewhere");
  document.fill("max_steps", "4", "elsewhere");  // has a value
  EXPECT_EQ(config.parts.at("birds").ratio, 2.5);
  EXPECT_EQ(config.max_steps, 3);
  EXPECT_EQ(document.source("parts.birds.ratio"), "elsewhere");
  EXPECT_THAT(document.given_paths(), ElementsAre("max_steps", "parts.birds.ratio"));
}

TEST(Config, FaultsOfAnotherDocumentAreReportedToo) {
  SampleConfig config, other;
  ConfigDocument document(config), from(other);
  from.read_text("max_step: 3\n", "b.yaml");
  document.add_faults(from.take_faults());
  EXPECT_NO_THROW(from.throw_faults());
  EXPECT_THROW(document.throw_faults(), Error);
}

}  // namespace
}  // namespace blip2
