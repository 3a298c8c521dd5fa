// Reading the files that hold a vocabulary and nothing else: vocab.txt, vocab.json, merges.txt.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/quote.h"
#include "blip2/text/byte_bpe.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

/// Lines without their ends (\n or \r\n); an empty last line is none.
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::vector<std::string> lines;
  for (size_t start = 0; start < bytes.size();) {
    const size_t stop = std::min(bytes.find('\n', start), bytes.size());
    lines.push_back(bytes.substr(start, stop - start));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    start = stop + 1;
  }
  return lines;
}

}  // namespace

std::vector<std::string> read_vocabulary_object(const nlohmann::json& vocabulary,
                                                const std::string& where) {
  const JsonFields place(vocabulary, where);
  std::vector<std::string> pieces;
  pieces.reserve(vocabulary.size());
  for (const auto& [piece, value] : place.json().items()) {
    const int64_t id = as_integer(value, where + ": \"" + piece + "\"");
    if (id < 0 || id >= Vocabulary::kMaxSize) {
      fail(ErrorCode::kCorruptData, "{}: {}: expected an id from 0 to {}, found {}", where,
           quote(piece), Vocabulary::kMaxSize - 1, id);
    }
    const auto index = static_cast<size_t>(id);
    if (index >= pieces.size()) pieces.resize(index + 1);
    if (!pieces[index].empty()) {
      fail(ErrorCode::kCorruptData, "{}: id {} has two tokens, {} and {}", where, id,
           quote(pieces[index]), quote(piece));
    }
    pieces[index] = piece;
  }
  return pieces;
}

TokenizerParts read_vocab_txt(const std::filesystem::path& path) {
  TokenizerParts parts;
  parts.pieces = read_lines(path);
  parts.frame.source = path.string();
  parts.components = {.normalizer = R"({"type": "BertNormalizer"})",
                      .pre_tokenizer = R"({"type": "BertPreTokenizer"})",
                      .decoder = R"({"type": "WordPiece"})"};
  parts.model = WordPieceParts{};
  return parts;
}

TokenizerParts read_clip_vocab_json_and_merges(const std::filesystem::path& vocab_path,
                                               const std::filesystem::path& merges_path) {
  constexpr size_t kMaxMerges = 48894;
  TokenizerParts parts;
  parts.frame.source = vocab_path.parent_path().string();
  parts.pieces =
      read_vocabulary_object(read_json_object<nlohmann::json>(vocab_path), vocab_path.string());
  std::vector<std::string> merges = read_lines(merges_path);
  while (!merges.empty() && merges.back().empty()) merges.pop_back();
  if (!merges.empty()) merges.erase(merges.begin());
  if (merges.size() > kMaxMerges) merges.resize(kMaxMerges);
  parts.model =
      BpeParts{.merges = parse_merges(merges, merges_path.string()), .end_of_word = "</w>"};
  parts.components = byte_components(BytePreTokenizer::kClip, false);
  parts.components.normalizer = R"({"type": "Sequence", "normalizers": [{"type": "NFC"},
      {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]})";
  parts.decodes_as_clip = true;
  return parts;
}

TokenizerParts read_vocab_json_and_merges(const std::filesystem::path& vocab_path,
                                          const std::filesystem::path& merges_path) {
  TokenizerParts parts;
  parts.frame.source = vocab_path.parent_path().string();
  parts.pieces =
      read_vocabulary_object(read_json_object<nlohmann::json>(vocab_path), vocab_path.string());
  std::vector<std::string> merges;
  for (std::string& line : read_lines(merges_path)) {
    if (line.starts_with("#version") || line.empty()) continue;
    merges.push_back(std::move(line));
  }
  parts.model = BpeParts{.merges = parse_merges(merges, merges_path.string())};
  parts.components = byte_components(BytePreTokenizer::kGpt2, false);
  return parts;
}

}  // namespace blip2
