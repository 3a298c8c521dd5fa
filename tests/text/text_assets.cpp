#include "tests/text/text_assets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "blip2/base/files.h"
#include "tests/support/assets.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

using nlohmann::json;

// Walks the key-value part of a GGUF that is known to be sound; the real reader is in another room.
class GgufWalk {
 public:
  explicit GgufWalk(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, bytes_.subspan(at_, sizeof(T)).data(), sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string text() {
    const auto size = number<uint64_t>();
    const auto view = bytes_.subspan(at_, size);
    at_ += size;
    return {reinterpret_cast<const char*>(view.data()), size};
  }
  void skip(uint32_t type) {
    static constexpr size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (type == 8) {
      text();
    } else if (type == 9) {
      const auto element = number<uint32_t>();
      for (auto n = number<uint64_t>(); n > 0; --n) skip(element);
    } else {
      at_ += kSizes[type];
    }
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string case_text(const json& line) {
  if (line.contains("text")) return line["text"];
  if (line.contains("hex")) return from_hex(line["hex"]);
  std::string text;
  for (int i = 0; i < line["repeat"][1].get<int>(); ++i)
    text += line["repeat"][0].get<std::string>();
  return text;
}

// FNV-1a, 64 bits, as tools/text_oracle.py writes it.
std::string digest(std::string_view bytes) {
  uint64_t value = 0xcbf29ce484222325u;
  for (const char byte : bytes) value = (value ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  return fmt::format("{:016x}", value);
}

std::string digest(const std::vector<int64_t>& ids) {
  std::string bytes;
  for (const int64_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>(id >> shift & 0xff));
  }
  return digest(bytes);
}

}  // namespace

std::filesystem::path text_golden(const std::string& name) {
  return testing::tests_directory() / "golden/text" / name;
}

std::unique_ptr<Tokenizer> load_minilm() {
  return load_tokenizer(testing::asset("models/all_minilm_l6_v2"),
                        std::vector<std::string>{"[DEC]"});
}

ByteBpeParts smollm2_parts() {
  const MappedFile file(testing::asset("models/smollm2_135m_instruct/smollm2.gguf"));
  GgufWalk walk(file.bytes());
  ByteBpeParts parts;
  parts.frame.source = "smollm2.gguf";
  walk.number<uint64_t>();  // magic and version
  walk.number<uint64_t>();  // tensors
  for (auto keys = walk.number<uint64_t>(); keys > 0; --keys) {
    const std::string key = walk.text();
    const auto type = walk.number<uint32_t>();
    const bool tokens = key == "tokenizer.ggml.tokens", merges = key == "tokenizer.ggml.merges";
    if (tokens || merges) {
      walk.number<uint32_t>();
      for (auto n = walk.number<uint64_t>(); n > 0; --n) {
        (tokens ? parts.tokens : parts.merges).push_back(walk.text());
      }
    } else if (key == "tokenizer.ggml.token_type") {
      walk.number<uint32_t>();
      for (auto n = walk.number<uint64_t>(); n > 0; --n) {
        parts.token_types.push_back(walk.number<int32_t>());
      }
    } else if (key == "tokenizer.ggml.pre") {
      parts.pre_tokenizer = parse_byte_pre_tokenizer(walk.text(), parts.frame.source);
    } else {
      walk.skip(type);
    }
  }
  parts.frame.special_ids = {.bos = 1, .eos = 2, .pad = 2, .unk = 0};
  return parts;
}

size_t count_differences(const std::filesystem::path& cases,
                         const std::map<std::string, const Tokenizer*>& tokenizers) {
  std::ifstream file(cases);
  if (!file) throw std::runtime_error("cannot read " + cases.string());
  size_t differences = 0, compared = 0;
  for (std::string row; std::getline(file, row);) {
    const json line = json::parse(row);
    const std::string text = case_text(line);
    for (const auto& [name, tokenizer] : tokenizers) {
      const json& wanted = line.at(name);
      const std::vector<int64_t> ids = tokenizer->encode(text);
      const std::string decoded = tokenizer->decode(ids);
      const bool in_full = wanted[0].is_array();
      const json found = in_full ? json{ids, decoded} : json{digest(ids), digest(decoded)};
      ++compared;
      if (found == wanted) continue;
      if (++differences <= 20) {
        ADD_FAILURE() << name << ": " << row.substr(0, 2000) << "\n found "
                      << json{ids, decoded}.dump().substr(0, 2000);
      }
    }
  }
  EXPECT_GT(compared, 100u);
  return differences;
}

}  // namespace blip2
