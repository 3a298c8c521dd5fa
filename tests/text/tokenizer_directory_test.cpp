// Loading and saving of tokenizer directories, good and bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/text/tokenizer.h"
#include "tests/support/assets.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A folder that goes away with the test. BLIP2_TOKENIZER_SAVE names one that stays, for
// tools/compare_tokenizers.py to read what was saved.
class TokenizerDirectory : public ::testing::Test {
 protected:
  TokenizerDirectory() {
    const char* kept = std::getenv("BLIP2_TOKENIZER_SAVE");
    keep_ = kept != nullptr;
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = keep_ ? fs::path(kept) : fs::path(::testing::TempDir()) / ("blip2_text_" + name);
    fs::remove_all(root_ / name);
    directory_ = root_ / name;
    fs::create_directories(directory_);
  }
  ~TokenizerDirectory() override {
    if (!keep_) fs::remove_all(root_);
  }

  void write(const std::string& name, const std::string& text) {
    write_file_atomic(directory_ / name, text);
  }
  void write_json(const std::string& name, const json& document) { write(name, document.dump()); }

  void expect_refused(ErrorCode code, const std::string& part_of_message) {
    try {
      load_tokenizer(directory_);
      ADD_FAILURE() << "accepted, but: " << part_of_message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(part_of_message));
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
    }
  }

  fs::path root_, directory_;
  bool keep_ = false;
};

const std::vector<std::string> kTexts{"A photo of a cat, isn't it?",
                                      "  12 naïve\ncafés [SEP] [DEC]<mask>",
                                      "中文 <|im_start|>x<|im_end|> 'LL cat the cat", ""};

void expect_same(const Tokenizer& a, const Tokenizer& b) {
  EXPECT_EQ(a.vocabulary_size(), b.vocabulary_size());
  EXPECT_EQ(a.special_ids(), b.special_ids());
  for (const std::string& text : kTexts) {
    const auto ids = a.encode(text);
    EXPECT_EQ(ids, b.encode(text)) << text;
    EXPECT_EQ(a.encode(text, Specials::kWithout), b.encode(text, Specials::kWithout));
    EXPECT_EQ(a.decode(ids), b.decode(ids));
  }
}

TEST_F(TokenizerDirectory, VocabTxtEqualsTokenizerJson) {
  fs::copy(testing::asset("models/all_minilm_l6_v2/vocab.txt"), directory_);
  const auto bare = load_tokenizer(directory_, std::vector<std::string>{"[DEC]"});
  expect_same(*load_minilm(), *bare);
  EXPECT_EQ(count_differences(text_golden("strings.jsonl"), {{"wordpiece", bare.get()}}), 0u);
}

TEST_F(TokenizerDirectory, SavedMiniLm) {
  const auto tokenizer = load_minilm();
  tokenizer->save(directory_);
  const auto loaded = load_tokenizer(directory_);
  expect_same(*tokenizer, *loaded);
  EXPECT_EQ(loaded->special_ids().dec, 30522);
  EXPECT_EQ(loaded->special_ids().bos, 30522);
  EXPECT_TRUE(read_file(directory_ / "vocab.txt") ==
              read_file(testing::asset("models/all_minilm_l6_v2/vocab.txt")));
  // What the configuration said beside tokens stays.
  const json config = json::parse(read_file(directory_ / "tokenizer_config.json"));
  EXPECT_EQ(config.at("model_max_length"), 512);
  EXPECT_EQ(config.at("bos_token"), "[DEC]");
  EXPECT_TRUE(config.at("eos_token").is_null());  // silence would mean the class's default
}

TEST_F(TokenizerDirectory, SavedSmolLm2) {
  const auto tokenizer = make_byte_bpe(smollm2_parts());
  tokenizer->save(directory_);
  const auto loaded = load_tokenizer(directory_);
  expect_same(*tokenizer, *loaded);
  EXPECT_EQ(count_differences(text_golden("strings.jsonl"), {{"smollm2", loaded.get()}}), 0u);
}

TEST_F(TokenizerDirectory, SavedSmallOnes) {
  for (const char* name : {"opt_like", "llama3_like", "qwen2_like", "roberta_like",
                           "cased_wordpiece", "lowered_wordpiece", "t5_like", "t5_published",
                           "llama_like", "llama_json", "llama_newer", "clip_like", "clip_json"}) {
    const auto tokenizer = load_tokenizer(text_golden(name));
    tokenizer->save(directory_ / name);
    // AutoTokenizer takes a missing add_prefix_space for false; save says it.
    expect_same(*tokenizer, *load_tokenizer(directory_ / name));
    const json config = json::parse(read_file(directory_ / name / "tokenizer_config.json"));
    const std::map<std::string, std::string> classes{
        {"opt_like", "GPT2Tokenizer"},          {"cased_wordpiece", "BertTokenizer"},
        {"lowered_wordpiece", "BertTokenizer"}, {"t5_like", "T5Tokenizer"},
        {"t5_published", "T5Tokenizer"},        {"llama_like", "LlamaTokenizer"},
        {"llama_json", "LlamaTokenizer"},       {"clip_like", "CLIPTokenizer"},
        {"clip_json", "CLIPTokenizer"},         {"qwen2_like", "Qwen2Tokenizer"}};
    const auto wanted = classes.find(name);
    EXPECT_EQ(config.at("tokenizer_class"),
              wanted == classes.end() ? "PreTrainedTokenizerFast" : wanted->second);
  }
}

TEST_F(TokenizerDirectory, StartTokenOfOpt) {
  const auto tokenizer = load_tokenizer(text_golden("opt_like"));
  EXPECT_EQ(tokenizer->encode("a").front(), 2);
  EXPECT_EQ(tokenizer->encode("a", Specials::kWithout).size() + 1, tokenizer->encode("a").size());
  EXPECT_EQ(tokenizer->special_ids().bos, 2);
  EXPECT_EQ(tokenizer->special_ids().pad, 1);
}

TEST_F(TokenizerDirectory, SideFilesAddTokens) {
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\r\n##b\nzz\n");
  write_json(
      "tokenizer_config.json",
      json{{"do_lower_case", false}, {"bos_token", {{"content", "<bos>"}, {"lstrip", true}}}});
  write_json("special_tokens_map.json",
             json{{"pad_token", "zz"}, {"additional_special_tokens", {"<x>"}}});
  write_json("added_tokens.json", json{{"<plain>", 7}, {"<x>", 8}});
  const auto tokenizer = load_tokenizer(directory_);
  EXPECT_EQ(tokenizer->vocabulary_size(), 10);
  EXPECT_EQ(tokenizer->special_ids().pad, 6);
  EXPECT_EQ(tokenizer->special_ids().bos, 9);
  EXPECT_THAT(tokenizer->encode("A ab <bos><plain><x>", Specials::kWithout),
              ElementsAre(1, 4, 5, 9, 7, 8));
  EXPECT_EQ(tokenizer->decode(std::vector<int64_t>{7, 8, 9}), "<plain>");
}

TEST_F(TokenizerDirectory, NoFiles) {
  expect_refused(ErrorCode::kNotFound, "tokenizer.json, vocab.txt, vocab.json with merges.txt");
  write_json("vocab.json", json{{"a", 0}});
  expect_refused(ErrorCode::kNotFound, "merges.txt");
}

// Each change to a sound file, and what the message must name.
TEST_F(TokenizerDirectory, LyingTokenizerJson) {
  struct Lie {
    const char* golden;
    const char* pointer;
    const char* value;
    ErrorCode code;
    const char* message;
  };
  const ErrorCode corrupt = ErrorCode::kCorruptData, unsupported = ErrorCode::kUnsupported;
  for (const Lie& lie : {
           Lie{"llama3_like", "/model", "7", corrupt, "model: expected an object"},
           Lie{"llama3_like", "/model/type", "\"Odd\"", unsupported, "Odd"},
           Lie{"llama3_like", "/model/vocab", "[]", corrupt, "vocab: expected an object"},
           Lie{"llama3_like", "/model/vocab/a", "\"1\"", corrupt, "expected an integer"},
           Lie{"llama3_like", "/model/vocab/a", "-1", corrupt, "expected an id"},
           Lie{"llama3_like", "/model/vocab/a", "1.5", corrupt, "expected an integer"},
           Lie{"llama3_like", "/model/vocab/a", "4000000000", corrupt, "expected an id"},
           Lie{"llama3_like", "/model/vocab/a", "18446744073709551615", corrupt,
               "expected an integer"},
           Lie{"llama3_like", "/model/vocab/a", "5", corrupt, "two tokens"},
           Lie{"llama3_like", "/model/merges", "{}", corrupt, "merges: expected an array"},
           Lie{"llama3_like", "/model/merges/0", "[\"a\"]", corrupt, "two tokens"},
           Lie{"llama3_like", "/model/merges/0", "[1, 2]", corrupt, "expected a string"},
           Lie{"llama3_like", "/model/merges/0", "\"qqqq a\"", corrupt, "\"qqqq\" is no token"},
           Lie{"llama3_like", "/model/ignore_merges", "\"yes\"", corrupt, "true or false"},
           Lie{"llama3_like", "/post_processor", R"({"type":"Odd"})", unsupported, "Odd"},
           Lie{"llama3_like", "/post_processor/processors/1/special_tokens", "{}", corrupt,
               "begin_of_text"},
           Lie{"llama3_like", "/post_processor/processors/1/single", "[]", unsupported, "template"},
           Lie{"llama3_like", "/post_processor/processors/1/single/0", "3", corrupt, "an object"},
           Lie{"llama3_like", "/added_tokens", "{}", corrupt, "added_tokens: expected an array"},
           Lie{"llama3_like", "/added_tokens/0/id", "77", corrupt, "two ids"},
           Lie{"llama3_like", "/added_tokens/0/id", "-5", corrupt, "expected an id"},
           Lie{"llama3_like", "/added_tokens/0/content", "null", corrupt, "content"},
           Lie{"t5_published", "/normalizer/precompiled_charsmap", "\"AAA\"", corrupt, "Base64"},
           Lie{"t5_published", "/normalizer/precompiled_charsmap", "\"AAAA\"", corrupt, "charsmap"},
           Lie{"t5_published", "/normalizer/precompiled_charsmap", "7", corrupt, "a string"},
           Lie{"t5_published", "/model/vocab/5", "[1, 2]", corrupt, "[piece, score]"},
           Lie{"t5_published", "/model/vocab/5", "[\"a\"]", corrupt, "[piece, score]"},
           Lie{"t5_published", "/model/vocab/5/0", "\"</s>\"", corrupt, "two ids"},
           Lie{"t5_published", "/model/vocab", "{}", corrupt, "expected an array"},
           Lie{"t5_published", "/model/unk_id", "700", corrupt, "unk_id"},
           Lie{"t5_published", "/pre_tokenizer/pretokenizers/1/prepend_scheme", "\"odd\"",
               unsupported, "odd"},
           Lie{"llama_newer", "/model/unk_token", "\"[unk]\"", corrupt, "[unk]"},
           Lie{"llama_newer", "/model/merges/0", "[\"qqqq\", \"a\"]", corrupt, "qqqq"},
           Lie{"cased_wordpiece", "/model/unk_token", "\"[unk]\"", corrupt, "[unk]"},
           Lie{"cased_wordpiece", "/post_processor/sep", "[\"[SEP]\"]", corrupt, "[token, id]"},
           Lie{"cased_wordpiece", "/post_processor/cls", "[\"[CLS]\", 123456]", corrupt, "123456"},
           Lie{"llama3_like", "/model/dropout", "0.1", unsupported, "dropout"},
           Lie{"llama3_like", "/model/odd", "1", unsupported, "odd"},
           Lie{"llama3_like", "/normalizer", R"({"type":"Odd"})", unsupported, "Odd"},
           Lie{"llama3_like", "/pre_tokenizer", R"({"type":"Odd"})", unsupported, "Odd"},
           Lie{"llama3_like", "/pre_tokenizer/pretokenizers/0/odd", "true", unsupported, "odd"},
           Lie{"llama3_like", "/pre_tokenizer/pretokenizers/0/behavior", "\"odd\"", unsupported,
               "odd"},
           Lie{"llama3_like", "/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"a(\"", unsupported,
               "end pattern with unmatched parenthesis"},
           Lie{"llama3_like", "/pre_tokenizer/pretokenizers/0/pattern/Odd", "\"a\"", unsupported,
               "Odd"},
           Lie{"llama3_like", "/decoder", R"({"type":"Odd"})", unsupported, "Odd"},
           Lie{"llama3_like", "/decoder", R"({"type":"Strip","content":"ab"})", corrupt,
               "one character"},
           Lie{"llama3_like", "/decoder", "7", corrupt, "decoder: expected an object"},
           Lie{"llama3_like", "/added_tokens/0/odd", "1", unsupported, "odd"},
           Lie{"t5_published", "/pre_tokenizer/pretokenizers/1/replacement", "\"__\"", corrupt,
               "one character"},
           Lie{"llama_newer", "/model/continuing_subword_prefix", "\"##\"", corrupt, "prefix"},
           Lie{"cased_wordpiece", "/model/max_input_chars_per_word", "-1", corrupt, "at least 0"},
           Lie{"cased_wordpiece", "/normalizer/type", "\"Odd\"", unsupported, "Odd"},
       }) {
    SCOPED_TRACE(std::string(lie.pointer) + " = " + lie.value);
    json document = json::parse(read_file(text_golden(lie.golden) / "tokenizer.json"));
    document[json::json_pointer(lie.pointer)] = json::parse(lie.value);
    write_json("tokenizer.json", document);
    expect_refused(lie.code, lie.message);
  }
}

TEST_F(TokenizerDirectory, SequencesAreReadInSomeDepthOnly) {
  json document = json::parse(read_file(text_golden("cased_wordpiece") / "tokenizer.json"));
  const auto nest = [&](int depth) {
    json splitter = {{"type", "BertPreTokenizer"}};
    for (int i = 0; i < depth; ++i) {
      splitter = {{"type", "Sequence"}, {"pretokenizers", json::array({splitter})}};
    }
    document["pre_tokenizer"] = splitter;
    write_json("tokenizer.json", document);
  };
  nest(3);
  EXPECT_EQ(load_tokenizer(directory_)->encode("a cat"),
            load_tokenizer(text_golden("cased_wordpiece"))->encode("a cat"));
  nest(100);
  expect_refused(ErrorCode::kUnsupported, "a Sequence in more than 32 others");
}

TEST_F(TokenizerDirectory, TruncatedTokenizerJson) {
  const std::string whole = read_file(text_golden("llama3_like") / "tokenizer.json");
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{100}, whole.size() / 2, whole.size() - 3}) {
    write("tokenizer.json", whole.substr(0, size));
    expect_refused(ErrorCode::kCorruptData, "tokenizer.json");
  }
  write("tokenizer.json", std::string(100'000, '['));  // depth
  expect_refused(ErrorCode::kCorruptData, "tokenizer.json");
  write("tokenizer.json", std::string("{\"model\": \"\xff\"}"));
  expect_refused(ErrorCode::kCorruptData, "tokenizer.json");
  write("tokenizer.json", std::string("[]"));
  expect_refused(ErrorCode::kCorruptData, "expected a JSON object, found []");
}

TEST_F(TokenizerDirectory, CutModelFiles) {
  for (const char* name : {"llama_like/tokenizer.model", "t5_like/spiece.model"}) {
    const std::string whole = read_file(text_golden(name));
    for (size_t size = 0; size < whole.size(); size += size < 200 ? 1 : whole.size() / 60) {
      write(fs::path(name).filename().string(), whole.substr(0, size));
      expect_refused(ErrorCode::kCorruptData, fs::path(name).filename().string());
    }
    fs::remove(directory_ / fs::path(name).filename());
  }
}

// A file without a configuration is taken by its name.
TEST_F(TokenizerDirectory, ModelFileAlone) {
  fs::copy(text_golden("t5_like/spiece.model"), directory_);
  const auto tokenizer = load_tokenizer(directory_);
  expect_same(*tokenizer, *load_tokenizer(text_golden("t5_like")));
  EXPECT_EQ(tokenizer->token_to_id("<extra_id_0>"), tokenizer->vocabulary_size() - 1);
  EXPECT_EQ(tokenizer->encode("cat").back(), tokenizer->special_ids().eos);
  tokenizer->save(directory_ / "saved");
  const json config = json::parse(read_file(directory_ / "saved/tokenizer_config.json"));
  EXPECT_EQ(config.at("tokenizer_class"), "T5Tokenizer");
  EXPECT_FALSE(config.contains("add_prefix_space"));
}

TEST_F(TokenizerDirectory, LyingSideFiles) {
  const std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n";
  write("vocab.txt", vocabulary + "a\n");
  expect_refused(ErrorCode::kCorruptData, "two ids");
  write("vocab.txt", std::string("a\nb\n"));
  expect_refused(ErrorCode::kCorruptData, "[CLS]");
  write("vocab.txt", vocabulary + "\xff\n");
  expect_refused(ErrorCode::kCorruptData, "UTF-8");
  write("vocab.txt", vocabulary);
  for (const auto& [config, code, message] :
       std::vector<std::tuple<const char*, ErrorCode, const char*>>{
           {"{", ErrorCode::kCorruptData,
            "tokenizer_config.json: expected a JSON object, found text that is not JSON"},
           {R"({"tokenizer_class": 1})", ErrorCode::kCorruptData, "tokenizer_class"},
           {R"({"tokenizer_class": "RobertaTokenizer"})", ErrorCode::kUnsupported,
            "RobertaTokenizer"},
           {R"({"do_lower_case": "no"})", ErrorCode::kCorruptData, "do_lower_case"},
           {R"({"pad_token": 3})", ErrorCode::kCorruptData, "pad_token"},
           {R"({"pad_token": {"special": true}})", ErrorCode::kCorruptData, "content"},
           {R"({"additional_special_tokens": "x"})", ErrorCode::kCorruptData, "additional_special"},
           {R"({"added_tokens_decoder": {"x": {"content": "<x>"}}})", ErrorCode::kCorruptData,
            "\"x\""},
           {R"({"added_tokens_decoder": {"2": {"content": "<x>"}}})", ErrorCode::kCorruptData,
            "two tokens"},
           {R"({"added_tokens_decoder": {"99999999999999999999": {"content": "<x>"}}})",
            ErrorCode::kCorruptData, "expected an id"},
       }) {
    write("tokenizer_config.json", std::string(config));
    expect_refused(code, message);
  }
  fs::remove(directory_ / "tokenizer_config.json");
  write_json("added_tokens.json", json{{"<x>", -4}});
  expect_refused(ErrorCode::kCorruptData, "expected an id");
  fs::remove_all(directory_ / "added_tokens.json");
  fs::remove(directory_ / "vocab.txt");
  write_json("vocab.json", json{{"a", 0}, {"b", 1}, {"ab", 2}});
  write("merges.txt", std::string("#version: 0.2\na b\nb c\n"));
  expect_refused(ErrorCode::kCorruptData, "\"c\" is no token");
}

}  // namespace
}  // namespace blip2
