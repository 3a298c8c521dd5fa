// Tokenizers of every component in random combination, against PyPI tokenizers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/text/tokenizer.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/text_assets.h"

namespace blip2 {
namespace {

using nlohmann::json;

/// Compares one line of tools/tokenizer_pipelines.py; returns how many texts and lists it held.
size_t compare_pipeline(const json& line, const std::filesystem::path& folder) {
  write_file_atomic(folder / "tokenizer.json", line.at("tokenizer").get<std::string>());
  const auto tokenizer = load_tokenizer(folder);
  size_t compared = 0;
  for (const json& entry : line.at("texts")) {
    const std::string text = entry.at(0);
    ++compared;
    EXPECT_EQ(json(tokenizer->encode(text)), entry.at(1)) << json(text);
    EXPECT_EQ(json(tokenizer->encode(text, Specials::kWithout)), entry.at(2)) << json(text);
  }
  for (const json& entry : line.at("decoded")) {
    const auto ids = entry.at(0).get<std::vector<int64_t>>();
    ++compared;
    EXPECT_EQ(tokenizer->decode(ids), entry.at(1).get<std::string>()) << entry;
    EXPECT_EQ(tokenizer->decode(ids, Specials::kWith), entry.at(2).get<std::string>()) << entry;
  }
  return compared;
}

// tests/parity/tokenizers_live.py sets BLIP2_PIPELINE_CASES to a file of many more.
TEST(Pipelines, RandomOnesGiveTheReferencesIdsAndText) {
  const char* other = std::getenv("BLIP2_PIPELINE_CASES");
  const testing::TemporaryFolder folder;
  // As transformers 5 writes it for a tokenizer of no class: tokenizer.json says all.
  write_file_atomic(folder.path() / "tokenizer_config.json",
                    R"({"tokenizer_class": "TokenizersBackend", "backend": "tokenizers"})");
  std::ifstream file(other ? std::filesystem::path(other) : text_golden("pipelines.jsonl"));
  size_t compared = 0, failed = 0;
  for (std::string row; failed < 20 && std::getline(file, row);) {
    const int before =
        ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
    try {
      compared += compare_pipeline(json::parse(row), folder.path());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    const bool fails =
        ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count() >
        before;
    if (fails) ADD_FAILURE() << "of the tokenizer " << row.substr(0, 8000);
    failed += fails;
  }
  EXPECT_GT(compared, 100u);
}

}  // namespace
}  // namespace blip2
