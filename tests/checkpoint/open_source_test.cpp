#include "blip2/checkpoint/open_source.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include "blip2/checkpoint/source.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST(OpenSource, GoesByTheFirstBytesNotTheName) {
  const TemporaryFolder folder;
  for (const char* name : {"dtypes.safetensors", "zip.pth", "legacy.pth", "types.gguf"}) {
    fs::copy_file(golden_folder() / name, folder / "anything",
                  fs::copy_options::overwrite_existing);
    const auto source = open_source(folder / "anything");
    EXPECT_EQ(source->describe(), (folder / "anything").string());
    auto found = summarise(*source);
    std::erase_if(found,
                  [](const auto& entry) { return entry.first.find(' ') != std::string::npos; });
    EXPECT_EQ(found, expected(name));
  }
}

TEST(OpenSource, ReadsDirectories) {
  EXPECT_EQ(summarise(*open_source(golden_folder() / "sharded")), expected("sharded"));
  const TemporaryFolder folder;
  fs::copy_file(golden_folder() / "zip.pth", folder / "pytorch_model.bin");
  EXPECT_EQ(summarise(*open_source(folder / "")), expected("zip.pth"));
  fs::copy_file(golden_folder() / "two.safetensors", folder / "model.safetensors");
  EXPECT_EQ(open_source(folder / "")->infos().size(), 2u);
}

TEST(OpenSource, ReadsIndexesByThemselves) {
  EXPECT_EQ(summarise(*open_source(golden_folder() / "sharded/model.safetensors.index.json")),
            expected("sharded"));
  const TemporaryFolder folder;
  write_bytes(folder / "x", R"({"weight_map": {"w": "x"}})");
  EXPECT_THAT(error_of([&] { open_source(folder / "x"); }), HasSubstr("expected weights"));
  EXPECT_THAT(refusal("{}"), HasSubstr("weight_map"));
}

TEST(OpenSource, FindsTheOnlyVariant) {
  const TemporaryFolder folder;
  fs::copy_file(golden_folder() / "two.safetensors",
                folder / "model.fp16-00001-of-00001.safetensors");
  EXPECT_THAT(error_of([&] { open_source(folder.path()); }),
              HasSubstr("expected model.safetensors"));
  write_bytes(folder / "model.safetensors.index.fp16.json",
              R"({"weight_map": {"a": "model.fp16-00001-of-00001.safetensors"}})");
  EXPECT_EQ(open_source(folder.path())->infos().size(), 2u);
  fs::copy_file(golden_folder() / "dtypes.safetensors", folder / "model.fp16.safetensors");
  EXPECT_EQ(open_source(folder.path())->infos().size(), 19u);
  fs::copy_file(golden_folder() / "two.safetensors", folder / "model.bf16.safetensors");
  EXPECT_THAT(error_of([&] { open_source(folder.path()); }), HasSubstr("several variants"));
  fs::copy_file(golden_folder() / "bare.pt", folder / "pytorch_model.bin");
  EXPECT_EQ(open_source(folder.path())->infos().size(), 1u);
}

TEST(OpenSource, ReadsShardedTorchFiles) {
  EXPECT_EQ(summarise(*open_source(golden_folder() / "sharded_bin")), expected("sharded_bin"));
  const TemporaryFolder folder;
  fs::copy_file(golden_folder() / "wrapped.pth", folder / "one.bin");
  write_bytes(folder / "pytorch_model.bin.index.json", R"({"weight_map": {"w": "one.bin"}})");
  EXPECT_EQ(summarise(*open_source(folder / "")), expected("wrapped.pth"));
}

TEST(OpenSource, SaysWhatItFound) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { open_source(folder / "none"); }), HasSubstr("none"));
  EXPECT_THAT(error_of([&] { open_source(folder / ""); }), HasSubstr("expected model.safetensors"));
  EXPECT_THAT(refusal(""), HasSubstr("found 0 bytes"));
  EXPECT_THAT(refusal("x"), HasSubstr("start with \"x\""));
  EXPECT_THAT(refusal("<!DOCTYPE html>\n<html>"), HasSubstr("start with \"<!DOCTYP\""));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal("\x80\x02}q\x01."), HasSubstr("start with \"\\x80\\x02}q\\x01.\""));
}

TEST(ShardedSource, RefusesLyingIndexes) {
  const auto message = [](const std::string& index) {
    const TemporaryFolder folder;
    fs::copy_file(golden_folder() / "two.safetensors", folder / "one");
    write_bytes(folder / "model.safetensors.index.json", index);
    return error_of([&] { open_source(folder / ""); });
  };
  EXPECT_THAT(message(""), HasSubstr("weight_map"));
  EXPECT_THAT(message("[]"), HasSubstr("weight_map"));
  EXPECT_THAT(message("{}"), HasSubstr("weight_map"));
  EXPECT_THAT(message(R"({"weight_map": []})"), HasSubstr("weight_map"));
  EXPECT_THAT(message(R"({"weight_map": {"a": 1}})"), HasSubstr("no text"));
  EXPECT_THAT(message(R"({"weight_map": {"a": "../one"}})"), HasSubstr("for a file name"));
  EXPECT_THAT(message(R"({"weight_map": {"a": ".."}})"), HasSubstr("for a file name"));
  EXPECT_THAT(message(R"({"weight_map": {"a": ""}})"), HasSubstr("for a file name"));
  EXPECT_THAT(message(R"({"weight_map": {"a": "two"}})"), HasSubstr("two"));
  EXPECT_THAT(message(R"({"weight_map": {"z": "one"}})"), HasSubstr("should be in \"one\""));
}

TEST(ShardedSource, SaysWhyAShardLacksATensor) {
  const TemporaryFolder folder;
  fs::copy_file(golden_folder() / "opaque.pth", folder / "one.bin");
  write_bytes(folder / "x", R"({"weight_map": {"needed": "one.bin"}})");
  EXPECT_THAT(error_of([&] { open_source(folder / "x"); }), HasSubstr("__main__.make_rebuilt"));
}

TEST(ShardedSource, GivesWhatTheIndexForgot) {
  const TemporaryFolder folder;
  fs::copy_file(golden_folder() / "two.safetensors", folder / "one");
  write_bytes(folder / "model.safetensors.index.json", R"({"weight_map": {"a": "one"}})");
  EXPECT_TRUE(open_source(folder / "")->has("b"));
}

TEST(MemorySource, RefusesANameTwice) {
  EXPECT_THAT(
      error_of([] { make_memory_source("here", {{"a", at::ones({1})}, {"a", at::ones({1})}}); }),
      HasSubstr("here: two tensors are named \"a\""));
}

}  // namespace
}  // namespace blip2
