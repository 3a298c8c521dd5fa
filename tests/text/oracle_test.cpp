// Everything at once against PyPI tokenizers: hard strings, real and small vocabularies.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

// tools/compare_tokenizers.py sets BLIP2_TOKENIZER_CASES to a file of many more strings.
TEST(Oracle, RealVocabulariesGiveItsIdsAndText) {
  const char* other = std::getenv("BLIP2_TOKENIZER_CASES");
  const auto wordpiece = load_minilm();
  const auto smollm2 = make_byte_bpe(smollm2_parts());
  EXPECT_EQ(count_differences(other ? std::filesystem::path(other) : text_golden("strings.jsonl"),
                              {{"wordpiece", wordpiece.get()}, {"smollm2", smollm2.get()}}),
            0u);
}

TEST(Oracle, SmallVocabulariesGiveItsIdsAndText) {
  std::map<std::string, std::unique_ptr<Tokenizer>> owned;
  std::map<std::string, const Tokenizer*> tokenizers;
  for (const char* name : {"opt_like", "llama3_like", "qwen2_like", "roberta_like",
                           "cased_wordpiece", "lowered_wordpiece"}) {
    owned[name] = load_tokenizer(text_golden(name));
    tokenizers[name] = owned[name].get();
  }
  EXPECT_EQ(count_differences(text_golden("small_vocabularies.jsonl"), tokenizers), 0u);
}

// Directories that hold tokenizer.json and tokenizer_config.json alone, the first in that library's
// own words.
TEST(Oracle, DirectoriesThatTransformers5SavedGiveItsIdsAndText) {
  std::map<std::string, std::unique_ptr<Tokenizer>> owned;
  std::map<std::string, const Tokenizer*> tokenizers;
  for (const char* name : {"bert", "clip", "llama", "opt", "qwen2"}) {
    owned[name] = load_tokenizer(text_golden("newer") / name);
    tokenizers[name] = owned[name].get();
  }
  EXPECT_EQ(count_differences(text_golden("newer.jsonl"), tokenizers), 0u);
}

// The tokenizers of SentencePiece models and CLIP's; compare_tokenizers.py sets BLIP2_MORE_CASES.
const char* const kMoreVocabularies[] = {"t5_like",     "t5_published", "llama_like", "llama_json",
                                         "llama_newer", "clip_like",    "clip_json"};

TEST(Oracle, MoreVocabulariesGiveItsIdsAndText) {
  const char* other = std::getenv("BLIP2_MORE_CASES");
  std::map<std::string, std::unique_ptr<Tokenizer>> owned;
  std::map<std::string, const Tokenizer*> tokenizers;
  for (const char* name : kMoreVocabularies) {
    owned[name] = load_tokenizer(text_golden(name));
    tokenizers[name] = owned[name].get();
  }
  for (const char* name : {"opt_like", "llama3_like", "qwen2_like"}) {
    if (!other) continue;  // those are in small_vocabularies.jsonl
    owned[name] = load_tokenizer(text_golden(name));
    tokenizers[name] = owned[name].get();
  }
  EXPECT_EQ(count_differences(
                other ? std::filesystem::path(other) : text_golden("more_vocabularies.jsonl"),
                tokenizers),
            0u);
}

TEST(Oracle, MoreVocabulariesDecodeArbitraryIds) {
  for (const char* name : kMoreVocabularies) {
    const auto tokenizer = load_tokenizer(text_golden(name));
    std::ifstream file(text_golden("more_decode.jsonl"));
    size_t lines = 0;
    for (std::string row; std::getline(file, row); ++lines) {
      const auto line = nlohmann::json::parse(row);
      const auto ids = line.at("ids").get<std::vector<int64_t>>();
      EXPECT_EQ(tokenizer->decode(ids), line.at(name)[0].get<std::string>()) << name << ": " << row;
      EXPECT_EQ(tokenizer->decode(ids, Specials::kWith), line.at(name)[1].get<std::string>())
          << name << ": " << row;
    }
    EXPECT_GT(lines, 100u);
  }
}

TEST(Oracle, DecodingOfArbitraryIds) {
  const auto wordpiece = load_minilm();
  const auto smollm2 = make_byte_bpe(smollm2_parts());
  std::ifstream file(text_golden("decode.jsonl"));
  size_t lines = 0;
  for (std::string row; std::getline(file, row); ++lines) {
    const auto line = nlohmann::json::parse(row);
    const auto ids = line.at("ids").get<std::vector<int64_t>>();
    EXPECT_EQ(wordpiece->decode(ids), line.at("wordpiece")[0].get<std::string>()) << row;
    EXPECT_EQ(wordpiece->decode(ids, Specials::kWith), line.at("wordpiece")[1].get<std::string>())
        << row;
    EXPECT_EQ(smollm2->decode(ids), line.at("smollm2")[0].get<std::string>()) << row;
    EXPECT_EQ(smollm2->decode(ids, Specials::kWith), line.at("smollm2")[1].get<std::string>())
        << row;
  }
  EXPECT_GT(lines, 100u);
}

}  // namespace
}  // namespace blip2
