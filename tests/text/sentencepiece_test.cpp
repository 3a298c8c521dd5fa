#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "blip2/base/error.h"
#include "blip2/text/bpe.h"
#include "blip2/text/sentencepiece_model.h"
#include "blip2/text/text_decoder.h"
#include "blip2/text/unigram.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> encode(const Unigram& model, std::string_view word) {
  std::vector<int64_t> ids;
  model.encode(word, ids);
  return ids;
}

TEST(Unigram, TheHighestSumOfScores) {
  const std::vector<std::string> pieces{"<unk>", "a", "b", "ab", "abc", "<0x78>"};
  UnigramParts parts{.scores = {0, -1, -1, -1.5, -9, -5}, .unknown_id = 0};
  const Unigram model(parts, pieces, "small");
  EXPECT_THAT(encode(model, "ab"), ElementsAre(3));
  EXPECT_THAT(encode(model, "ba"), ElementsAre(2, 1));
  EXPECT_THAT(encode(model, "abc"), ElementsAre(4));     // "c" alone is unknown: -9 - 10
  EXPECT_THAT(encode(model, "xya"), ElementsAre(0, 1));  // neighbours are one
  parts.byte_fallback = true;
  EXPECT_THAT(encode(Unigram(parts, pieces, "small"), "xxa"), ElementsAre(5, 5, 1));
  EXPECT_THAT(encode(Unigram(parts, pieces, "small"), "xya"), ElementsAre(0, 1));  // no <0x79>
}

TEST(Bpe, BytesAndUnknowns) {
  const std::vector<std::string> pieces{"<unk>", "a", "b", "ab", "<0x78>"};
  BpeParts parts{
      .merges = {{"a", "b"}}, .unknown = "<unk>", .fuse_unknown = true, .byte_fallback = true};
  const auto ids = [&] {
    std::vector<int64_t> out;
    Bpe(parts, pieces, "small").encode("abxyzxb", out);
    return out;
  };
  EXPECT_THAT(ids(), ElementsAre(3, 4, 4, 0, 2));  // the reference lets bytes overtake
  parts.fuse_unknown = false;
  EXPECT_THAT(ids(), ElementsAre(3, 4, 0, 4, 0, 2));
  parts.byte_fallback = false;
  parts.unknown.clear();
  EXPECT_THAT(ids(), ElementsAre(3, 2));
}

TEST(ByteFallback, TheBytesOfPieces) {
  EXPECT_EQ(byte_piece(10), "<0x0A>");
  EXPECT_EQ(piece_byte("<0x+5>"), 5);
  EXPECT_EQ(piece_byte("<0xG5>"), std::nullopt);
}

TEST(SentencePieceModel, MergesByScoreThenLongerLeftPart) {
  using Piece = SentencePieceModel::Piece;
  const std::vector<Piece> pieces{{"a", -5}, {"b", -6}, {"ab", -1}, {"bb", -2}, {"abb", 0}};
  std::vector<std::string> found;
  for (const MergePair& merge : merges_of(pieces)) found.push_back(merge.left + " " + merge.right);
  EXPECT_THAT(found, ElementsAre("ab b", "a bb", "a b", "b b"));
}

TEST(SentencePieceModel, LyingBytes) {
  const auto refused = [](const std::string& bytes, const std::string& message) {
    try {
      parse_sentencepiece_model(bytes, "model");
      ADD_FAILURE() << "accepted, but: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  refused("\x0a\x7f", "expected 127 more bytes, found 0");
  refused("\x0b", "wire type");
  refused("\x08\x01", "pieces: expected wire type 2, found 0");
  refused(std::string(11, '\xff'), "10 bytes");
  refused(std::string("\x0a\x02\x0a\x00", 4), "expected a piece in UTF-8");
  refused("\x0a\x03\x0a\x01\xff", "expected a piece in UTF-8");
  refused(
      "\x0a\x05\x0a\x01"
      "a\x18\x09",
      "expected a type 1 to 6, found 9");
  refused(std::string("\x0a\x08\x0a\x01"
                      "a\x15\x00\x00\xc0\x7f",
                      10),
          "expected a finite score");
  refused(
      "\x0a\x03\x0a\x01"
      "a",
      "a trainer_spec");
  refused(std::string("\x02\x00", 2), "field number");
}

TEST(SentencePiece, LongTextsTakeNoQuadraticTime) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text.push_back("etaoinshr"[i * 7 % 9]);
  const auto start = std::chrono::steady_clock::now();
  for (const char* name : {"t5_like", "llama_like", "clip_like"}) {
    EXPECT_GT(load_tokenizer(text_golden(name))->encode(text).size(), 1000u);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace blip2
