#include "blip2/checkpoint/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "blip2/checkpoint/open_source.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data = "") {
  return Bytes().number(uint64_t{header.size()}).text(header).text(data).str();
}

std::string unhex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

TEST(Safetensors, ReadsWhatTheReferenceWrote) {
  const SafetensorsFile file(golden_folder() / "dtypes.safetensors");
  auto found = summarise(file);
  EXPECT_EQ(found.erase("name \"quoted\" \\ \t \u00e9 \x7f"), 1u);
  EXPECT_EQ(found, expected("dtypes.safetensors"));
  EXPECT_EQ(file.metadata(), (StringMetadata{{"format", "pt"}}));
}

TEST(Safetensors, NoMetadataMayBeNull) {  // as in the reference, and not so inside it
  const TemporaryFolder folder;
  const std::string tensor = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  write_file_atomic(folder / "x", file_of(R"({"__metadata__":null,)" + tensor + "}", "x"));
  const SafetensorsFile file(folder / "x");
  EXPECT_TRUE(file.has("a"));
  EXPECT_TRUE(file.metadata().empty());
}

TEST(Safetensors, WritesTheBytesOfTheSpecification) {
  const TemporaryFolder folder;
  write_safetensors(folder / "x",
                    {{"b", at::tensor({0.5f, 65504.0f}).reshape({2, 1}).to(at::kHalf)},
                     {"a", at::tensor({1.0f, -2.5f})}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F16","shape":[2,1],"data_offsets":[8,12]}}   )";
  EXPECT_EQ(read_file(folder / "x"),
            unhex("9000000000000000") + header + unhex("0000803f000020c00038ff7b"));
  EXPECT_EQ(read_file(folder / "x"), read_file(golden_folder() / "two.safetensors"));
}

TEST(Safetensors, WritesTheBytesOfTheReferenceForEveryDtype) {
  const TemporaryFolder folder;
  const SafetensorsFile file(golden_folder() / "dtypes.safetensors");
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : file.infos()) tensors.push_back({info.name, file.read(info.name)});
  write_safetensors(folder / "x", tensors);
  EXPECT_EQ(read_file(folder / "x"), read_file(golden_folder() / "dtypes.safetensors"));
}

TEST(Safetensors, SaveThenLoadIsTheSame) {
  const TemporaryFolder folder;
  const at::Tensor base = at::randn({4, 6});
  const std::vector<StoredTensor> tensors = {{"transposed", base.t()},
                                             {"rows", base.slice(0, 1, 3)},
                                             {"trained", at::ones({2, 2})},
                                             {"none", at::zeros({0, 5})},
                                             {"scalar", at::tensor(2.0)}};
  tensors[2].tensor.set_requires_grad(true);
  write_safetensors(folder / "x", tensors, {{"step", "12"}, {"note", "\"quoted\"\n"}});
  const SafetensorsFile file(folder / "x");
  ASSERT_EQ(file.infos().size(), tensors.size());
  for (const StoredTensor& named : tensors) {
    EXPECT_TRUE(at::equal(file.read(named.name), named.tensor.contiguous())) << named.name;
  }
  EXPECT_EQ(file.metadata().at("step"), "12");
  EXPECT_EQ(file.metadata().at("note"), "\"quoted\"\n");
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST(Safetensors, WriterTakesPieces) {
  const TemporaryFolder folder;
  {
    SafetensorsWriter writer(
        folder / "x",
        {{"h", at::kHalf, {3}}, {"none", at::kFloat, {0}}, {"rows", at::kFloat, {5, 2}}});
    ASSERT_EQ(writer.layout()[0].name, "none");
    ASSERT_EQ(writer.layout()[1].name, "rows");
    const at::Tensor rows = at::arange(10, at::kFloat).reshape({5, 2});
    writer.append(rows.slice(0, 0, 2));
    writer.append(rows.slice(0, 2, 5));
    EXPECT_THROW(writer.append(at::ones({4}, at::kHalf)), Error);
    EXPECT_THROW(writer.append(at::ones({3})), Error);
    EXPECT_THROW(writer.commit(), Error);
    writer.append(at::ones({3}, at::kHalf));
    EXPECT_FALSE(std::filesystem::exists(folder / "x"));
    writer.commit();
  }
  const SafetensorsFile file(folder / "x");
  EXPECT_TRUE(at::equal(file.read("rows"), at::arange(10, at::kFloat).reshape({5, 2})));
  EXPECT_TRUE(at::equal(file.read("h"), at::ones({3}, at::kHalf)));
}

TEST(Safetensors, AnUnfinishedWriterLeavesNothing) {
  const TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder / "x", {{"a", at::kFloat, {5}}});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

TEST(Safetensors, WriterRefuses) {
  const TemporaryFolder folder;
  const at::Tensor one = at::ones({1});
  const auto message = [&](const std::vector<StoredTensor>& tensors,
                           const StringMetadata& metadata = {}) {
    return error_of([&] { write_safetensors(folder / "x", tensors, metadata); });
  };
  EXPECT_THAT(message({{"a", one}, {"a", one}}), HasSubstr("two tensors are named \"a\""));
  EXPECT_THAT(message({{"__metadata__", one}}), HasSubstr("cannot be written"));
  EXPECT_THAT(message({{"a", one.to(at::kComplexDouble)}}), HasSubstr("cannot hold"));
  EXPECT_THAT(message({{"\xff", one}}), HasSubstr("UTF-8"));
  EXPECT_THAT(message({{"a", one}}, {{"k", "\xff"}}), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of([&] { write_safetensors(folder / "none/x", {{"a", one}}); }),
              HasSubstr("none/x"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

TEST(Safetensors, ReadsUnalignedTensorsAndOddBools) {
  const TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]}})";
  write_bytes(folder / "x",
              file_of(header, std::string("\x00\x01\x07", 3) + unhex("0000803f000020c0")));
  const SafetensorsFile file(folder / "x");
  EXPECT_TRUE(at::equal(file.read("b"), at::tensor({1.0f, -2.5f})));
  EXPECT_TRUE(at::equal(file.read("a"), at::tensor({0, 1, 1}).to(at::kBool)));
  EXPECT_EQ(static_cast<const uint8_t*>(file.read("a").const_data_ptr())[2], 1);
}

TEST(Safetensors, TensorsOutliveTheFileObject) {
  at::Tensor tensor;
  {
    const SafetensorsFile file(golden_folder() / "two.safetensors");
    tensor = file.read("a");
    EXPECT_THAT(error_of([&] { file.read("c"); }), HasSubstr("no tensor is named \"c\""));
  }
  EXPECT_TRUE(at::equal(tensor, at::tensor({1.0f, -2.5f})));
}

TEST(Safetensors, RefusesLyingLengths) {
  const auto message = [](uint64_t header_bytes, const std::string& rest) {
    const TemporaryFolder folder;
    write_bytes(folder / "x", Bytes().number(header_bytes).text(rest).str());
    return error_of([&] { SafetensorsFile(folder / "x"); });
  };
  EXPECT_THAT(message(100'000'001, "{}"), HasSubstr("at most 100000000"));
  EXPECT_THAT(message(~uint64_t{0}, "{}"), HasSubstr("at most 100000000"));
  EXPECT_THAT(message(3, "{}"), HasSubstr("claims 3 bytes"));
  EXPECT_THAT(message(0, "{}"), HasSubstr("does not start"));
}

TEST(Safetensors, RefusesAHeaderOverTheLimitThatIsReallyThere) {
  const TemporaryFolder folder;
  const uint64_t header_bytes = 100'000'001;
  write_bytes(folder / "x", Bytes().number(header_bytes).text("{}").str());
  std::filesystem::resize_file(folder / "x", 8 + header_bytes);  // sparse
  EXPECT_THAT(error_of([&] { open_source(folder / "x"); }), HasSubstr("at most 100000000"));
}

struct BadHeader {
  std::string header;
  std::string data;
  std::string message;
};

TEST(Safetensors, RefusesBadHeaders) {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  std::string many_dimensions = "[1";
  for (int i = 0; i < 100; ++i) many_dimensions += ",1";
  const std::string one = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  const std::string two = R"({"dtype":"U8","shape":[1],"data_offsets":[1,2]})";
  const std::string three = R"({"dtype":"U8","shape":[1],"data_offsets":[2,3]})";
  const std::vector<BadHeader> cases = {
      {"", "", "does not start"},
      {" {}", "", "does not start"},
      {"{", "", "no valid JSON"},
      {"{}x", "", "no valid JSON"},
      {std::string("{}\0", 3), "", "zero byte"},
      {"{\"\xff\":1}", "", "no valid JSON"},
      {R"({"a":1})", "", "a number"},
      {R"({"a":[1]})", "", "an array"},
      {R"({"a":null})", "", "null"},
      {R"({"__metadata__":{"a":1}})", "", "a number"},
      {R"({"__metadata__":{"a":null}})", "", "null"},
      {R"({"__metadata__":{"a":"1","a":"2"}})", "", "twice"},
      {R"({"__metadata__":"x"})", "", "a string"},
      {R"({"a":)" + one + R"(,"a":)" + two + "}", "xy", "twice"},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x", "twice"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":{}}})", "x", "unknown field"},
      {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "x", "needs a dtype"},
      {R"({"a":{}})", "", "needs a dtype"},
      {entry("F4", "[2]", "[0,1]"), "x", "not supported"},
      {entry("f32", "[1]", "[0,4]"), "abcd", "not supported"},
      {entry("U8", "[1]", "[0]"), "x", "needs a dtype"},
      {entry("U8", "[1]", "[0,1,2]"), "x", "a number"},
      {entry("U8", "[[1]]", "[0,1]"), "x", "an array"},
      {entry("U8", "[-1]", "[0,1]"), "x", "a negative number"},
      {entry("U8", "[1.0]", "[0,1]"), "x", "a fraction"},
      {entry("U8", "[1e400]", "[0,1]"), "x", "no valid JSON"},
      {entry("U8", "[99999999999999999999]", "[0,1]"), "x", "a fraction"},
      {entry("U8", "[true]", "[0,1]"), "x", "a truth value"},
      {entry("U8", many_dimensions + "]", "[0,1]"), "x", "impossible shape"},
      {entry("U8", "[18446744073709551615]", "[0,1]"), "x", "impossible shape"},
      {entry("F32", "[4611686018427387904]", "[0,0]"), "", "impossible shape"},
      {entry("F32", "[4294967296,4294967296]", "[0,0]"), "", "impossible shape"},
      {entry("F32", "[0,4294967296,4294967296]", "[0,0]"), "", "impossible shape"},
      {entry("F32", "[2]", "[0,4]"), "abcd", "needs 8 bytes"},
      {entry("F32", "[1]", "[4,0]"), "abcd", "needs 4 bytes"},
      {entry("F32", "[1]", "[0,18446744073709551615]"), "abcd", "needs 4 bytes"},
      {entry("F32", "[1]", "[4,8]"), "abcdefgh", "begins at data byte 4"},
      {entry("F32", "[1]", "[0,4]"), "abcde", "the file has 5"},
      {entry("F32", "[1]", "[0,4]"), "abc", "the file has 3"},
      {R"({"a":)" + one + R"(,"b":)" + one + "}", "xy", "begins at data byte 0"},
      {R"({"a":)" + one + R"(,"b":)" + three + "}", "xyz", "begins at data byte 2"},
      {"{}", "x", "the file has 1"},
  };
  for (const BadHeader& bad : cases) {
    const TemporaryFolder folder;
    write_bytes(folder / "x", file_of(bad.header, bad.data));
    EXPECT_THAT(error_of([&] { SafetensorsFile(folder / "x"); }), HasSubstr(bad.message))
        << bad.header;
  }
}

TEST(Safetensors, TakesAVeryDeepHeaderWithoutRecursion) {
  EXPECT_THAT(refusal(file_of(R"({"a":)" + std::string(1'000'000, '['))), HasSubstr("an array"));
}

TEST(Safetensors, ReadsTheRealModel) {
  const SafetensorsFile file(testing::asset("models/all_minilm_l6_v2/model.safetensors"));
  EXPECT_EQ(summarise(file), expected("asset:all_minilm_l6_v2/model.safetensors"));
}

}  // namespace
}  // namespace blip2
