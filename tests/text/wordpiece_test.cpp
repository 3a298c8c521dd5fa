#include "blip2/text/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/text/pipeline_tokenizer.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;

TokenizerParts bert_parts() {
  TokenizerParts parts;
  parts.components = {.normalizer = R"({"type": "BertNormalizer"})",
                      .pre_tokenizer = R"({"type": "BertPreTokenizer"})",
                      .decoder = R"({"type": "WordPiece"})"};
  return parts;
}

TokenizerParts small_parts() {
  TokenizerParts parts = bert_parts();
  parts.pieces = {"[UNK]", "un", "##able", "##a", "a", "##b", "é", "##é", "."};
  return parts;
}

// Ids of bert-base-uncased, which all-MiniLM shares, as LAVIS's own tests have them.
TEST(WordPiece, RealVocabulary) {
  const auto tokenizer = load_minilm();
  EXPECT_THAT(tokenizer->encode("a picture of", Specials::kWithout), ElementsAre(1037, 3861, 1997));
  EXPECT_THAT(tokenizer->encode("A Woman sitting on the beach with her dog"),
              ElementsAre(101, 1037, 2450, 3564, 2006, 1996, 3509, 2007, 2014, 3899, 102));
  EXPECT_THAT(tokenizer->encode(""), ElementsAre(101, 102));
  EXPECT_THAT(tokenizer->encode("[DEC] a [SEP]", Specials::kWithout),
              ElementsAre(30522, 1037, 102));
  EXPECT_EQ(tokenizer->vocabulary_size(), 30523);
  EXPECT_EQ(tokenizer->piece(30522), "[DEC]");
  EXPECT_EQ(tokenizer->token_to_id("[DEC]"), 30522);
  EXPECT_EQ(tokenizer->token_to_id("no such token"), -1);
  const SpecialIds wanted{
      .bos = 30522, .pad = 0, .unk = 100, .cls = 101, .sep = 102, .mask = 103, .dec = 30522};
  EXPECT_EQ(tokenizer->special_ids(), wanted);
}

TEST(WordPiece, LongestFirstAndAllOrNothing) {
  const PipelineTokenizer tokenizer(small_parts());
  EXPECT_THAT(tokenizer.encode("unable"), ElementsAre(1, 2));
  EXPECT_THAT(tokenizer.encode("unab"), ElementsAre(1, 3, 5));
  EXPECT_THAT(tokenizer.encode("unabz a."), ElementsAre(0, 4, 8));
  EXPECT_THAT(tokenizer.encode("UNABLE á"), ElementsAre(1, 2, 4));
}

TEST(WordPiece, WordsOverTheLimitAreUnknown) {
  TokenizerParts parts = small_parts();
  parts.model = WordPieceParts{.max_word_characters = 3};
  parts.components.normalizer = R"({"type": "BertNormalizer", "strip_accents": false})";
  const PipelineTokenizer tokenizer(parts);
  EXPECT_THAT(tokenizer.encode("aaa aaaa"), ElementsAre(4, 3, 3, 0));
  EXPECT_THAT(tokenizer.encode("ééé"), ElementsAre(6, 7, 7));  // characters, not bytes
}

TEST(WordPiece, IllFormedBytesAreDroppedWithTheReplacementSign) {
  const PipelineTokenizer tokenizer(small_parts());
  EXPECT_THAT(tokenizer.encode("a\xff\xfe un\xc3"), ElementsAre(4, 1));
}

TEST(WordPiece, Decoding) {
  const auto tokenizer = load_minilm();
  const auto round_trip = [&](std::string_view text) {
    return tokenizer->decode(tokenizer->encode(text));
  };
  EXPECT_EQ(round_trip("A skateboarder, isn't it?"), "a skateboarder, isn ' t it?");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a"), Specials::kWith), "[CLS] a [SEP]");
  EXPECT_EQ(tokenizer->decode(std::vector<int64_t>{-1, 1037, 99999}), "a");
}

TEST(WordPiece, CleanUpOfTheWholeTextWhereTheConfigurationAsks) {
  TokenizerParts parts = bert_parts();
  parts.pieces = {"[UNK]", "it", "'", "s", "is", "n't"};
  parts.frame.clean_up_spaces = true;
  const PipelineTokenizer tokenizer(parts);
  EXPECT_EQ(tokenizer.decode(std::vector<int64_t>{1, 2, 3}), "it's");
}

TEST(WordPiece, PartsThatDoNotFit) {
  const auto code = [](const auto& change) {
    TokenizerParts parts = small_parts();
    change(parts);
    try {
      const PipelineTokenizer tokenizer(parts);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  using P = TokenizerParts;
  EXPECT_EQ(code([](P& p) { p.pieces.push_back("un"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.pieces.push_back("\xff"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.pieces.clear(); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.model = WordPieceParts{.unknown = "[unk]"}; }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.frame.prefix_ids = {9}; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.frame.suffix_ids = {-1}; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([](P& p) { p.frame.special_ids.sep = 1 << 30; }), ErrorCode::kCorruptData);
}

}  // namespace
}  // namespace blip2
