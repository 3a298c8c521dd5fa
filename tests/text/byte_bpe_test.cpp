#include "blip2/text/byte_bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "blip2/base/error.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ByteBpeParts small_parts() {
  ByteBpeParts parts;
  parts.tokens = {"<s>", "a", "b", "Ġ", "ab", "Ġab", "<u>"};
  parts.merges = {"a b", "Ġ ab"};
  parts.frame.source = "small";
  return parts;
}

TEST(ByteBpe, SmolLm2) {
  const auto tokenizer = make_byte_bpe(smollm2_parts());
  EXPECT_THAT(tokenizer->encode("The capital of France is"),
              ElementsAre(504, 3575, 282, 4649, 314));
  EXPECT_EQ(tokenizer->decode(std::vector<int64_t>{7042, 30, 198, 198, 504, 2988}),
            " Paris.\n\nThe answer");
  EXPECT_EQ(tokenizer->vocabulary_size(), 49152);
  EXPECT_EQ(tokenizer->special_ids().eos, 2);
  EXPECT_EQ(tokenizer->special_ids().dec, -1);
  const auto chat = tokenizer->encode("<|im_start|>user\n1<|im_end|>");
  EXPECT_EQ(chat.front(), 1);
  EXPECT_EQ(chat.back(), 2);
  EXPECT_EQ(tokenizer->decode(chat), "user\n1");
  EXPECT_EQ(tokenizer->decode(chat, Specials::kWith), "<|im_start|>user\n1<|im_end|>");
}

TEST(ByteBpe, TextComesBackUnchanged) {
  const auto tokenizer = make_byte_bpe(smollm2_parts());
  for (const std::string text :
       {"Hello,  world!\n\ttabs", "naïve café 中文 한국어 😀", "1234567890", ""}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  }
}

TEST(ByteBpe, BytesWithoutATokenAreDroppedOrUnknown) {
  ByteBpeParts parts = small_parts();
  const auto dropping = make_byte_bpe(parts);
  EXPECT_THAT(dropping->encode("axb"), ElementsAre(4));  // the reference merges across the gap
  parts.unknown = "<u>";
  EXPECT_THAT(make_byte_bpe(parts)->encode("axyb"), ElementsAre(1, 6, 6, 2));
  parts.fuse_unknown = true;
  EXPECT_THAT(make_byte_bpe(parts)->encode("axyb"), ElementsAre(1, 6, 2));
}

TEST(ByteBpe, TypesOfGgufMakeAddedTokens) {
  ByteBpeParts parts = small_parts();
  parts.token_types = {3, 1, 1, 1, 1, 1, 4};
  const auto tokenizer = make_byte_bpe(parts);
  const auto ids = tokenizer->encode("<s>ab<u>");
  EXPECT_THAT(ids, ElementsAre(0, 4, 6));
  EXPECT_EQ(tokenizer->decode(ids), "ab<u>");
}

TEST(ByteBpe, IdsThatCutACharacterDecodeToTheReplacementSign) {
  const auto tokenizer = make_byte_bpe(smollm2_parts());
  auto ids = tokenizer->encode("\U0001f9ff");
  ASSERT_GT(ids.size(), 1u);
  ids.pop_back();
  EXPECT_THAT(tokenizer->decode(ids), ::testing::StartsWith("\xef\xbf\xbd"));
}

TEST(ByteBpe, LongWordsTakeNoQuadraticTime) {
  const auto tokenizer = make_byte_bpe(smollm2_parts());
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text.push_back("etaoinshr"[i * 7 % 9]);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

void expect_refused(const std::string& part_of_message, void (*change)(ByteBpeParts&)) {
  ByteBpeParts parts = small_parts();
  change(parts);
  try {
    make_byte_bpe(parts);
    ADD_FAILURE() << "accepted, but: " << part_of_message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("small"), HasSubstr(part_of_message)));
  }
}

TEST(ByteBpe, PartsThatDoNotFit) {
  expect_refused("\"x\" is no token", [](ByteBpeParts& p) { p.merges.push_back("x a"); });
  expect_refused("\"ba\" is no token", [](ByteBpeParts& p) { p.merges.push_back("b a"); });
  expect_refused("two tokens", [](ByteBpeParts& p) { p.merges.push_back("ab"); });
  expect_refused("two tokens", [](ByteBpeParts& p) { p.merges.push_back("a b a"); });
  expect_refused("no token", [](ByteBpeParts& p) { p.merges.push_back(" a"); });
  expect_refused("no token", [](ByteBpeParts& p) { p.merges.push_back("\xff a"); });
  expect_refused("two ids", [](ByteBpeParts& p) { p.tokens.push_back("a"); });
  expect_refused("UTF-8", [](ByteBpeParts& p) { p.tokens.push_back("\xff"); });
  expect_refused("a type for each", [](ByteBpeParts& p) { p.token_types = {1, 3}; });
  expect_refused("eos", [](ByteBpeParts& p) { p.frame.special_ids.eos = 7; });
  expect_refused("bos", [](ByteBpeParts& p) { p.frame.special_ids.bos = -2; });
  expect_refused("template", [](ByteBpeParts& p) { p.frame.prefix_ids = {1'000'000'000}; });
  expect_refused("unknown token", [](ByteBpeParts& p) { p.unknown = "<none>"; });
  expect_refused("an id from", [](ByteBpeParts& p) {
    p.frame.added_tokens.push_back({.content = "<x>", .id = int64_t{1} << 40});
  });
  expect_refused("two tokens", [](ByteBpeParts& p) {
    p.frame.added_tokens.push_back({.content = "<x>", .id = 1});
  });
  expect_refused("1024 bytes", [](ByteBpeParts& p) {
    p.frame.added_tokens.push_back({.content = std::string(5000, 'x')});
  });
}

}  // namespace
}  // namespace blip2
