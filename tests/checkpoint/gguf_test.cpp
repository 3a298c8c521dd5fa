#include "blip2/checkpoint/gguf.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Gguf, DequantisesEveryTypeBitForBit) {
  const GgufFile file(golden_folder() / "types.gguf");
  EXPECT_EQ(summarise(file), expected("types.gguf"));
  EXPECT_EQ(file.type_name("Q4_1.weight"), "Q4_1");
  EXPECT_EQ(file.type_name("F16.weight"), "F16");
  EXPECT_EQ(file.stored_bytes("Q4_1.weight").size(), 3u * 2 * 20);
}

TEST(Gguf, ReadsTypedMetadata) {
  const GgufFile file(golden_folder() / "types.gguf");
  EXPECT_EQ(file.get_string("general.architecture"), "llama");
  EXPECT_EQ(file.get_string("a.string"), "t\u00e9st");
  EXPECT_EQ(file.get_uint("a.uint8"), 200u);
  EXPECT_EQ(file.get_uint("a.uint16"), 60000u);
  EXPECT_EQ(file.get_uint("a.uint32"), 7u);
  EXPECT_EQ(file.get_uint("a.uint64"), uint64_t{1} << 63);
  EXPECT_EQ(file.get_int("a.uint32"), 7);
  EXPECT_EQ(file.get_int("a.int8"), -3);
  EXPECT_EQ(file.get_int("a.int16"), -300);
  EXPECT_EQ(file.get_int("a.int32"), -70000);
  EXPECT_EQ(file.get_int("a.int64"), -(int64_t{1} << 40));
  EXPECT_EQ(file.get_float("a.float32"), 0.5);
  EXPECT_EQ(file.get_float("a.float64"), 0.1);
  EXPECT_TRUE(file.get_bool("a.bool"));
  EXPECT_THAT(file.get_string_array("a.strings"), ElementsAre("x", "", "yz"));
  EXPECT_THAT(file.get_int_array("a.integers"), ElementsAre(1, -2, 3));
  EXPECT_THAT(file.get_float_array("a.fractions"), ElementsAre(0.5, -1.5));
  EXPECT_TRUE(file.has_key("a.bool"));
  EXPECT_FALSE(file.has_key("a"));
  EXPECT_THAT(file.keys(), ::testing::Contains("a.strings"));
}

TEST(Gguf, SaysWhatIsWrongWithAKey) {
  const GgufFile file(golden_folder() / "types.gguf");
  EXPECT_THAT(error_of([&] { file.get_string("none"); }), HasSubstr("lack the key \"none\""));
  EXPECT_THAT(error_of([&] { file.get_string("a.uint8"); }), HasSubstr("expected a text"));
  EXPECT_THAT(error_of([&] { file.get_uint("a.string"); }), HasSubstr("expected an integer"));
  EXPECT_THAT(error_of([&] { file.get_uint("a.int8"); }), HasSubstr("found -3"));
  EXPECT_THAT(error_of([&] { file.get_uint("a.bool"); }), HasSubstr("expected an integer"));
  EXPECT_THAT(error_of([&] { file.get_int("a.uint64"); }), HasSubstr("63 bits"));
  EXPECT_THAT(error_of([&] { file.get_float("a.int8"); }), HasSubstr("expected a fraction"));
  EXPECT_THAT(error_of([&] { file.get_bool("a.int8"); }), HasSubstr("expected a truth value"));
  EXPECT_THAT(error_of([&] { file.get_string("a.strings"); }), HasSubstr("expected one value"));
  EXPECT_THAT(error_of([&] { file.get_string_array("a.string"); }), HasSubstr("expected an array"));
  EXPECT_THAT(error_of([&] { file.get_string_array("a.integers"); }),
              HasSubstr("an array of texts"));
  EXPECT_THAT(error_of([&] { file.get_int_array("a.fractions"); }),
              HasSubstr("an array of integers"));
  EXPECT_THAT(error_of([&] { file.get_float_array("a.integers"); }),
              HasSubstr("an array of fractions"));
  EXPECT_THAT(error_of([&] { file.read("none"); }), HasSubstr("no tensor is named \"none\""));
}

Bytes start(uint64_t num_tensors, uint64_t num_values, uint32_t version = 3) {
  return Bytes("GGUF").number(version).number(num_tensors).number(num_values);
}
void add_text(Bytes& bytes, std::string_view text) {
  bytes.number(uint64_t{text.size()}).text(text);
}
void add_tensor(Bytes& bytes, std::string_view name, const std::vector<uint64_t>& shape,
                uint32_t type, uint64_t offset) {
  add_text(bytes, name);
  bytes.number(static_cast<uint32_t>(shape.size()));
  for (const uint64_t size : shape) bytes.number(size);
  bytes.number(type).number(offset);
}
std::string with_data(const Bytes& header, size_t data_bytes) {
  return header.str() + std::string((32 - header.size() % 32) % 32 + data_bytes, '\1');
}
std::string one_tensor(const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset) {
  Bytes bytes = start(1, 0);
  add_tensor(bytes, "t", shape, type, offset);
  return with_data(bytes, 64);
}
std::string one_value(uint32_t type, const Bytes& value) {
  Bytes bytes = start(0, 1);
  add_text(bytes, "general.alignment");
  return bytes.number(type).text(value.str()).str();
}

TEST(Gguf, RefusesLyingHeaders) {
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  EXPECT_THAT(refusal(start(0, 0, 1).str()), HasSubstr("version 1"));
  EXPECT_THAT(refusal(start(0, 0, 0x03000000).str()), HasSubstr("big-endian"));
  EXPECT_THAT(refusal(start(kHuge, 0).str()), HasSubstr("claims 4611686018427387904 tensors"));
  EXPECT_THAT(refusal(start(0, kHuge).str()), HasSubstr("metadata values"));
  EXPECT_THAT(refusal(start(0, 1).number(~uint64_t{0}).text(std::string(64, 'x')).str()),
              HasSubstr("cut short"));
  EXPECT_THAT(refusal(one_value(13, Bytes().number(1u))), HasSubstr("unknown value type 13"));
  EXPECT_THAT(refusal(one_value(9, Bytes().number(0u).number(kHuge))), HasSubstr("array elements"));
  EXPECT_THAT(refusal(one_value(9, Bytes().number(8u).number(uint64_t{1}).number(kHuge))),
              HasSubstr("cut short"));
  Bytes nested;
  for (int i = 0; i < 1000; ++i) nested.number(9u).number(uint64_t{1});
  EXPECT_THAT(refusal(one_value(9, nested)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(one_value(4, Bytes().number(0u))), HasSubstr("alignment 0"));
  EXPECT_THAT(refusal(one_value(4, Bytes().number(48u))), HasSubstr("alignment 48"));
  EXPECT_THAT(refusal(one_value(10, Bytes().number(kHuge))), HasSubstr("alignment 4611"));
  EXPECT_THAT(refusal(one_value(6, Bytes().number(32.0f))), HasSubstr("expected an integer"));

  EXPECT_THAT(refusal(one_tensor({17}, 0, 0)), HasSubstr("outside"));
  EXPECT_THAT(refusal(one_tensor({16}, 0, 32)), HasSubstr("outside"));
  EXPECT_THAT(refusal(one_tensor({1}, 0, ~uint64_t{0} - 31)), HasSubstr("outside"));
  EXPECT_THAT(refusal(one_tensor({1}, 0, 4)), HasSubstr("unaligned"));
  EXPECT_THAT(refusal(one_tensor({1}, 99, 0)), HasSubstr("type number 99"));
  EXPECT_THAT(refusal(one_tensor({33}, 2, 0)), HasSubstr("impossible shape [33]"));
  EXPECT_THAT(refusal(one_tensor({kHuge, kHuge}, 0, 0)), HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(one_tensor({~uint64_t{0}}, 0, 0)), HasSubstr("impossible shape [-1]"));
  EXPECT_THAT(refusal(one_tensor(std::vector<uint64_t>(9, 1), 0, 0)), HasSubstr("9 dimensions"));

  Bytes overlap = start(2, 0);
  add_tensor(overlap, "a", {12}, 0, 0);
  add_tensor(overlap, "b", {4}, 0, 32);
  EXPECT_THAT(refusal(with_data(overlap, 64)), HasSubstr("overlaps"));
  Bytes twice = start(2, 0);
  add_tensor(twice, "a", {4}, 0, 0);
  add_tensor(twice, "a", {4}, 0, 32);
  EXPECT_THAT(refusal(with_data(twice, 64)), HasSubstr("two tensors"));
  Bytes keys = start(0, 2);
  for (int i = 0; i < 2; ++i) {
    add_text(keys, "k");
    keys.number(0u).number(uint8_t{1});
  }
  EXPECT_THAT(refusal(keys.str()), HasSubstr("occurs twice"));
}

TEST(Gguf, ReadsVersion2AndNestedArrays) {
  const TemporaryFolder folder;
  Bytes bytes = start(1, 1, 2);
  add_text(bytes, "nested");
  bytes.number(9u).number(9u).number(uint64_t{1}).number(0u).number(uint64_t{2}).text("xy");
  add_tensor(bytes, "t", {2, 3}, 24, 0);
  write_bytes(folder / "x", with_data(bytes, 6));
  const GgufFile file(folder / "x");
  EXPECT_EQ(file.read("t").sizes().vec(), (std::vector<int64_t>{3, 2}));
  EXPECT_THAT(error_of([&] { file.get_int_array("nested"); }), HasSubstr("an array of integers"));
}

TEST(Gguf, ReadsTheRealModel) {
  const GgufFile file(testing::asset("models/smollm2_135m_instruct/smollm2.gguf"));
  EXPECT_EQ(file.infos().size(), 272u);
  std::map<std::string, int> types;
  for (const TensorInfo& info : file.infos()) ++types[file.type_name(info.name)];
  EXPECT_EQ(types, (std::map<std::string, int>{{"Q4_1", 210}, {"F32", 61}, {"Q8_0", 1}}));
  EXPECT_EQ(file.get_string("general.architecture"), "llama");
  EXPECT_EQ(file.get_uint("llama.block_count"), 30u);
  EXPECT_EQ(file.get_string_array("tokenizer.ggml.tokens").size(), 49152u);
  EXPECT_EQ(summarise(file), expected("asset:smollm2_135m_instruct/smollm2.gguf"));
}

}  // namespace
}  // namespace blip2
