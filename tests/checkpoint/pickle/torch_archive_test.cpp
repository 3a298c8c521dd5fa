#include "blip2/checkpoint/pickle/torch_archive.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;

class TorchArchiveFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(TorchArchiveFiles, HoldWhatTorchSaved) {
  const TorchArchive archive(golden_folder() / GetParam());
  EXPECT_EQ(summarise(archive), expected(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Goldens, TorchArchiveFiles,
                         ::testing::Values("zip.pth", "legacy.pth", "wrapped.pth",
                                           "wrapped_legacy.pth", "bare.pt", "opaque.pth",
                                           "opaque_legacy.pth", "protocol3.pth", "protocol4.pth",
                                           "protocol5.pth", "views_legacy.pth"));

TEST(TorchArchive, GivesPlainValues) {
  for (const char* name : {"zip.pth", "legacy.pth"}) {
    const auto metadata = TorchArchive(golden_folder() / name).metadata();
    EXPECT_EQ(metadata.at("values.epoch"), TorchValue(int64_t{7}));
    EXPECT_EQ(metadata.at("values.negative"), TorchValue(int64_t{-300}));
    EXPECT_EQ(metadata.at("values.long"), TorchValue(int64_t{1} << 40));
    EXPECT_EQ(metadata.at("values.rate"), TorchValue(1e-4));
    EXPECT_EQ(metadata.at("values.name"), TorchValue(std::string("tiny")));
    EXPECT_EQ(metadata.at("values.on"), TorchValue(true));
    EXPECT_EQ(metadata.at("values.size.1"), TorchValue(int64_t{3}));
    EXPECT_EQ(metadata.at("values.set.0"), TorchValue(int64_t{1}));
    EXPECT_EQ(metadata.at("values.list.2"), TorchValue(std::string("x")));
    EXPECT_EQ(metadata.at("values.device"), TorchValue(std::string("cpu")));
    EXPECT_EQ(metadata.at("values.bytes"), TorchValue(std::string("ab")));
    EXPECT_EQ(metadata.at("values.3"), TorchValue(std::string("three")));
    EXPECT_FALSE(metadata.contains("values.none"));
    EXPECT_FALSE(metadata.contains("values.huge"));
  }
}

TEST(TorchArchive, UnwrapsOnlyWhenAsked) {
  const TorchArchive unwrapped(golden_folder() / "wrapped.pth");
  EXPECT_EQ(unwrapped.metadata().at("epoch"), TorchValue(int64_t{3}));
  EXPECT_TRUE(unwrapped.has("w"));
  const TorchArchive whole(golden_folder() / "wrapped.pth", {.unwrap_keys = {}});
  EXPECT_TRUE(whole.has("model.w"));
  EXPECT_TRUE(whole.has("optimizer.state.0.step"));
  EXPECT_TRUE(at::equal(whole.read("model.w"), unwrapped.read("w")));
}

TEST(TorchArchive, NamesWhatAnEvilPickleWouldExecute) {
  for (const char* name : {"evil_zip.pth", "evil_legacy.pth"}) {
    EXPECT_THAT(error_of([&] { TorchArchive(golden_folder() / name); }),
                ::testing::AllOf(HasSubstr("would execute"), HasSubstr("system")));
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/pickle_was_executed"));
}

TEST(TorchArchive, PassesOverObjectsBesideTheTensors) {
  for (const char* name : {"opaque.pth", "opaque_legacy.pth", "protocol4.pth"}) {
    const TorchArchive archive(golden_folder() / name);
    EXPECT_EQ(archive.metadata().at("epoch"), TorchValue(int64_t{4}));
    EXPECT_FALSE(archive.has("needed"));
    // Only who asks for a tensor that depends on one hears of it.
    EXPECT_THAT(error_of([&] { archive.read("needed"); }),
                ::testing::AllOf(HasSubstr("\"needed\" is made by \"__main__.make_rebuilt\""),
                                 HasSubstr("never executed")));
    EXPECT_THAT(error_of([&] { archive.read("packed.a"); }),
                HasSubstr("\"packed\" is made by \"omegaconf.dictconfig.DictConfig\""));
    EXPECT_THAT(error_of([&] { archive.read("neede"); }), HasSubstr("no tensor is named"));
  }
}

TEST(TorchArchive, RefusesAFileWhoseTensorsAllDependOnAClass) {
  for (const char* name : {"module.pth", "module_legacy.pth"}) {
    EXPECT_THAT(error_of([&] { TorchArchive(golden_folder() / name); }),
                HasSubstr("the whole content is made by \"torch.nn.modules.linear.Linear\""));
  }
}

TEST(TorchArchive, TensorsOutliveTheArchive) {
  at::Tensor tensor;
  {
    const TorchArchive archive(golden_folder() / "zip.pth");
    tensor = archive.read("rows");
    EXPECT_THAT(error_of([&] { archive.read("row"); }), HasSubstr("no tensor is named \"row\""));
  }
  EXPECT_EQ(summarise(tensor), expected("zip.pth").at("rows"));
}

TEST(TorchArchive, ReadsTheRealModel) {
  const TorchArchive archive(testing::asset("models/efficientnet_lite0/efficientnet_lite0.pth"));
  EXPECT_EQ(archive.infos().size(), 296u);
  EXPECT_EQ(summarise(archive), expected("asset:efficientnet_lite0/efficientnet_lite0.pth"));
}

/// Pickles of protocol 2, put together by hand.
std::string pickle(const std::string& body) { return std::string("\x80\x02") + body + "."; }
std::string text(const std::string& value) {
  return Bytes("X").number(static_cast<uint32_t>(value.size())).text(value).str();
}
std::string integer(int32_t value) { return Bytes("J").number(value).str(); }
std::string integers(const std::vector<int64_t>& values) {
  Bytes bytes("(");
  for (const int64_t value : values) bytes.text("\x8a\x08").number(value);
  return bytes.text("t").str();
}

const std::string kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

/// A legacy file around the body of its object's pickle; `storages` is what follows the pickles.
std::string legacy(const std::string& body, const std::string& keys = "]",
                   const std::string& storages = "") {
  return kMagic + pickle(integer(1001)) + pickle("}") + pickle(body) + pickle(keys) + storages;
}

std::string storage(int64_t num_elements, const std::string& type = "FloatStorage") {
  return "(" + text("storage") + "ctorch\n" + type + "\n" + text("0") + text("cpu") +
         Bytes("\x8a\x08").number(num_elements).str() + "tQ";
}

/// {"w": tensor} over one float storage of 4 elements "0".
std::string tensor_file(int64_t offset, const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides, int64_t claimed = 4) {
  const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(claimed) +
                             Bytes("\x8a\x08").number(offset).str() + integers(shape) +
                             integers(strides) + "\x89}tR";
  const std::string values =
      Bytes().number(int64_t{4}).number(1.0f).number(2.0f).number(3.0f).number(4.0f).str();
  return legacy("}" + text("w") + tensor + "s", "]" + text("0") + "a", values);
}

TEST(TorchArchive, ChecksTensorsAgainstTheirStorages) {
  const TemporaryFolder folder;
  write_bytes(folder / "x", tensor_file(1, {3}, {1}));
  EXPECT_EQ(TorchArchive(folder / "x").read("w").sum().item<float>(), 9.0f);

  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_THAT(refusal(tensor_file(0, {5}, {1})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(2, {3}, {1})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(0, {2, 2}, {3, 2})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(0, {2}, {kHuge})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(0, {3}, {kHuge})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(kHuge, {2}, {kHuge})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(INT64_MAX, {1}, {1})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(3, {2}, {-1})), HasSubstr("reaches past its storage"));
  EXPECT_THAT(refusal(tensor_file(-1, {2}, {1})), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, {-2}, {1})), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, {2}, {1, 1})), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, {kHuge, kHuge}, {0, 0})), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, {kHuge, 0}, {1, 1})), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1))),
              HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(tensor_file(0, {1 << 20, 1 << 20}, {0, 0})), HasSubstr("repeats a storage"));
  EXPECT_THAT(refusal(tensor_file(0, {4}, {1}, 5)), HasSubstr("should have 5 elements"));
  EXPECT_THAT(refusal(tensor_file(0, {4}, {1}, -1)), HasSubstr("should have -1 elements"));
}

TEST(TorchArchive, ChecksViewsOfStorages) {
  // {"w": all elements of a view of a storage of 4}
  const auto file = [](int64_t offset, int64_t elements, int64_t taken) {
    const std::string storage =
        "(" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + integer(4) +
        "(" + text("v") + Bytes("\x8a\x08").number(offset).text("\x8a\x08").number(elements).str() +
        "ttQ";
    const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(0) +
                               integers({taken}) + integers({1}) + "\x89}tR";
    const std::string values =
        Bytes().number(int64_t{4}).number(1.0f).number(2.0f).number(3.0f).number(4.0f).str();
    return legacy("}" + text("w") + tensor + "s", "]" + text("0") + "a", values);
  };
  const TemporaryFolder folder;
  write_bytes(folder / "x", file(1, 2, 2));
  EXPECT_EQ(TorchArchive(folder / "x").read("w").sum().item<float>(), 5.0f);
  EXPECT_THAT(refusal(file(1, 2, 3)), HasSubstr("reaches past its storage of 2 elements"));
  EXPECT_THAT(refusal(file(3, 2, 1)), HasSubstr("view of a storage"));
  EXPECT_THAT(refusal(file(-1, 2, 1)), HasSubstr("view of a storage"));
  EXPECT_THAT(refusal(file(1, -1, 1)), HasSubstr("view of a storage"));
  EXPECT_THAT(refusal(file(5, 0, 0)), HasSubstr("view of a storage"));
  EXPECT_THAT(refusal(file(1, INT64_MAX, 1)), HasSubstr("view of a storage"));
}

TEST(TorchArchive, RefusesLyingLegacyStorages) {
  const std::string claims = Bytes().number(uint64_t{1} << 62).text("abcd").str();
  const std::string uses = "]" + storage(1) + "a";
  EXPECT_THAT(refusal(legacy(uses, "]" + text("0") + "a", claims)), HasSubstr("claims"));
  EXPECT_THAT(refusal(legacy(uses, "]", "")), HasSubstr("should have 1 elements"));
  EXPECT_THAT(refusal(legacy(uses, "}", "")), HasSubstr("list of storages"));
  EXPECT_THAT(refusal(legacy(uses, "]" + text("1") + "a", "")), HasSubstr("unknown type"));
  EXPECT_THAT(refusal(kMagic + pickle(integer(7)) + pickle("}") + pickle("}") + pickle("]")),
              HasSubstr("another protocol"));
  EXPECT_THAT(refusal(kMagic + pickle(integer(1001)) +
                      pickle("}" + text("little_endian") + "\x89s") + pickle("}") + pickle("]")),
              HasSubstr("little-endian"));
}

TEST(TorchArchive, RefusesCyclesAndUnfoldingPickles) {
  // A list that holds itself: its only item is fetched from the memo.
  EXPECT_THAT(refusal(legacy(std::string("]q\x00h\x00", 5) + "a")), HasSubstr("nested too deeply"));
  std::string laughs = "]";
  for (int i = 0; i < 60; ++i) {
    // The list so far goes, ten times, into a new one.
    laughs += std::string("q\x00", 2);
    laughs += "](";
    for (int j = 0; j < 10; ++j) laughs += std::string("h\x00", 2);
    laughs += "e";
  }
  EXPECT_THAT(refusal(legacy(laughs)), HasSubstr("nested too deeply or too often"));
  EXPECT_THAT(refusal(legacy(std::string(1'000'000, ']') + std::string(999'999, 'a'))),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(legacy(std::string(2'000'001, 'N'))), HasSubstr("more than 2000000 values"));
}

TEST(TorchArchive, RefusesTextsThatUnfold) {
  // One long key or text, used a thousand times.
  const std::string long_text = text(std::string(1'000'000, 'k')) + std::string("q\x00", 2);
  std::string numbers, uses;
  for (int i = 0; i < 1000; ++i) {
    numbers += "K\x01";
    uses += std::string("h\x00", 2);
  }
  EXPECT_THAT(refusal(legacy("}" + long_text + "](" + numbers + "es")), HasSubstr("too often"));
  EXPECT_THAT(refusal(legacy("](" + long_text + uses + "e")), HasSubstr("too often"));
}

TEST(TorchArchive, RefusesTwoTensorsOfOneName) {
  const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(1) + integer(0) +
                             integers({1}) + integers({1}) + "\x89}tRq\x07";
  const std::string body =
      "}(" + text("a") + "}" + text("b") + tensor + "s" + text("a.b") + "h\x07u";
  EXPECT_THAT(
      refusal(legacy(body, "]" + text("0") + "a", Bytes().number(uint64_t{1}).number(1.0f).str())),
      HasSubstr("two tensors are named \"a.b\""));
}

/// A zip file of stored entries; `zip64` puts all sizes and offsets into zip64 fields.
std::string zip_file(const std::vector<std::pair<std::string, std::string>>& entries, bool zip64,
                     uint16_t method = 0) {
  Bytes file, directory;
  const auto small = [&](size_t value) {
    return zip64 ? 0xFFFFFFFFu : static_cast<uint32_t>(value);
  };
  for (const auto& [name, data] : entries) {
    const size_t offset = file.size();
    const auto name_bytes = static_cast<uint16_t>(name.size());
    file.number(0x04034b50u)
        .number(uint16_t{45})
        .number(uint16_t{0})
        .number(method)
        .number(uint64_t{0});
    file.number(small(data.size()))
        .number(small(data.size()))
        .number(name_bytes)
        .number(uint16_t{0});
    file.text(name).text(data);
    directory.number(0x02014b50u).number(uint16_t{45}).number(uint16_t{45}).number(uint16_t{0});
    directory.number(method)
        .number(uint64_t{0})
        .number(small(data.size()))
        .number(small(data.size()));
    directory.number(name_bytes).number(uint16_t(zip64 ? 28 : 0)).number(uint16_t{0});
    directory.number(uint64_t{0}).number(small(offset)).text(name);
    if (zip64) {
      directory.number(uint16_t{1}).number(uint16_t{24}).number(uint64_t{data.size()});
      directory.number(uint64_t{data.size()}).number(uint64_t{offset});
    }
  }
  const size_t begin = file.size();
  file.text(directory.str());
  if (zip64) {
    const size_t end = file.size();
    file.number(0x06064b50u).number(uint64_t{44}).number(uint16_t{45}).number(uint16_t{45});
    file.number(uint64_t{0}).number(uint64_t{entries.size()}).number(uint64_t{entries.size()});
    file.number(uint64_t{directory.size()}).number(uint64_t{begin});
    file.number(0x07064b50u).number(uint32_t{0}).number(uint64_t{end}).number(uint32_t{1});
  }
  const auto count = static_cast<uint16_t>(zip64 ? 0xFFFF : entries.size());
  file.number(0x06054b50u).number(uint32_t{0}).number(count).number(count);
  file.number(small(directory.size())).number(small(begin)).number(uint16_t{3}).text("end");
  return file.str();
}

std::string simple_pickle() {
  return pickle("}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(2) + integer(0) +
                integers({2}) + integers({1}) + "\x89}tRs");
}

TEST(TorchArchive, ReadsZipAndZip64) {
  const std::string values = Bytes().number(1.5f).number(2.0f).str();
  for (const bool zip64 : {false, true}) {
    const TemporaryFolder folder;
    write_bytes(folder / "x",
                zip_file({{"a/data.pkl", simple_pickle()}, {"a/data/0", values}}, zip64));
    EXPECT_EQ(TorchArchive(folder / "x").read("w").sum().item<float>(), 3.5f) << zip64;
  }
}

TEST(TorchArchive, RefusesOtherZipFiles) {
  const std::string values(8, 'x');
  const std::pair<std::string, std::string> data{"a/data.pkl", simple_pickle()};
  EXPECT_THAT(refusal(zip_file({data, {"a/data/0", values}}, false, 8)), HasSubstr("compressed"));
  EXPECT_THAT(refusal(zip_file({data, {"a/data/0", values.substr(1)}}, false)),
              HasSubstr("should have 2 elements"));
  EXPECT_THAT(refusal(zip_file({data}, false)), HasSubstr("should have 2 elements"));
  EXPECT_THAT(refusal(zip_file({{"a/other", "x"}}, false)), HasSubstr("without data.pkl"));
  EXPECT_THAT(refusal(zip_file({data, data}, false)), HasSubstr("two zip entries"));
  EXPECT_THAT(refusal(zip_file({data, {"a/data/0", values}, {"a/byteorder", "big"}}, false)),
              HasSubstr("little-endian"));
}

}  // namespace
}  // namespace blip2
