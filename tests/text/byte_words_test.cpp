#include "blip2/text/byte_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using testing::ElementsAre;

// The published expressions, applied by hand.
TEST(ByteWords, Gpt2) {
  const auto split = [](std::string_view text) {
    return split_byte_words(text, BytePreTokenizer::kGpt2);
  };
  EXPECT_THAT(split("I'm he'LL  see 123's"),
              ElementsAre("I", "'m", " he", "'", "LL", " ", " see", " 123", "'s"));
  EXPECT_THAT(split("a \n b\t\tc \n "), ElementsAre("a", " \n", " b", "\t", "\t", "c", " \n "));
  EXPECT_THAT(split(" 's!'s"), ElementsAre(" '", "s", "!'", "s"));
  EXPECT_THAT(split("éß中²½Ⅷ"), ElementsAre("éß中", "²½Ⅷ"));
  EXPECT_THAT(split(""), ElementsAre());
}

TEST(ByteWords, SmolLmCutsDigitsOutFirst) {
  const auto split = [](std::string_view text) {
    return split_byte_words(text, BytePreTokenizer::kSmolLm);
  };
  // Spaces in front of a digit stay together: nothing follows them within their stretch.
  EXPECT_THAT(split("in  2024 x"), ElementsAre("in", "  ", "2", "0", "2", "4", " x"));
  EXPECT_THAT(split("½a1"), ElementsAre("½", "a", "1"));
}

TEST(ByteWords, Llama3) {
  const auto split = [](std::string_view text) {
    return split_byte_words(text, BytePreTokenizer::kLlama3);
  };
  EXPECT_THAT(split("He'LL 12345 (yes)!\n\nno"),
              ElementsAre("He", "'LL", " ", "123", "45", " (", "yes", ")!\n\n", "no"));
  EXPECT_THAT(split("a  \n \n  b"), ElementsAre("a", "  \n \n", " ", " b"));
  EXPECT_THAT(split("\tx\u00a0y'\u017fz"), ElementsAre("\tx", "\u00a0y", "'\u017f", "z"));
}

// LLaMA 3's words, but each digit is one.
TEST(ByteWords, Qwen2) {
  const auto split = [](std::string_view text) {
    return split_byte_words(text, BytePreTokenizer::kQwen2);
  };
  EXPECT_THAT(split("He'LL 12\u00bd (yes)!\n\nno"),
              ElementsAre("He", "'LL", " ", "1", "2", "\u00bd", " (", "yes", ")!\n\n", "no"));
  EXPECT_THAT(split("a  \n \n  b1"), ElementsAre("a", "  \n \n", " ", " b", "1"));
}

TEST(ByteWords, NothingIsLost) {
  const std::string text = "  A\u00a0b'd\r\n 12\u0660 \u2028!?\u3000\u4e2d\u0301 \n";
  for (const auto rule : {BytePreTokenizer::kGpt2, BytePreTokenizer::kSmolLm,
                          BytePreTokenizer::kLlama3, BytePreTokenizer::kQwen2}) {
    std::string joined;
    for (const std::string_view word : split_byte_words(text, rule)) {
      EXPECT_FALSE(word.empty());
      joined += word;
    }
    EXPECT_EQ(joined, text);
  }
}

// Landmarks from the reference: byte 0 is U+0100, newline U+010A, space U+0120, 0x7f U+0121, 0xad
// U+0143.
TEST(ByteWords, Alphabet) {
  EXPECT_EQ(byte_character(0x00), 0x100u);
  EXPECT_EQ(byte_character('\n'), 0x10au);
  EXPECT_EQ(byte_character(' '), 0x120u);
  EXPECT_EQ(byte_character(0x7f), 0x121u);
  EXPECT_EQ(byte_character(0xa0), 0x142u);
  EXPECT_EQ(byte_character(0xad), 0x143u);
  EXPECT_EQ(byte_character('!'), U'!');
  EXPECT_EQ(byte_character(0xff), 0xffu);
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(character_byte(byte_character(static_cast<uint8_t>(byte))), byte);
  }
  EXPECT_FALSE(character_byte(U' '));
  EXPECT_FALSE(character_byte(0x144));
  EXPECT_FALSE(character_byte(0x10ffff));
}

TEST(ByteWords, NamesOfGgufFiles) {
  EXPECT_EQ(parse_byte_pre_tokenizer("smollm", "x.gguf"), BytePreTokenizer::kSmolLm);
  EXPECT_EQ(parse_byte_pre_tokenizer("llama-bpe", "x.gguf"), BytePreTokenizer::kLlama3);
  EXPECT_EQ(parse_byte_pre_tokenizer("gpt-2", "x.gguf"), BytePreTokenizer::kGpt2);
  try {
    parse_byte_pre_tokenizer("tekken", "x.gguf");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("x.gguf"), testing::HasSubstr("tekken")));
  }
}

}  // namespace
}  // namespace blip2
