// Reading a tokenizer out of the metadata of a GGUF file.
#include "blip2/models/directory/gguf_tokenizer.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/text/byte_bpe.h"

namespace blip2 {
namespace {

/// The id of a token, -1 where the file names none.
int64_t id_or_none(const GgufFile& file, const std::string& key, size_t num_tokens) {
  if (!file.has_key(key)) return -1;
  const int64_t id = file.get_int(key);
  if (id < -1 || id >= static_cast<int64_t>(num_tokens)) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected the id of a token below {}, found {}",
         file.describe(), key, num_tokens, id);
  }
  return id;
}

bool flag(const GgufFile& file, const std::string& key) {
  return file.has_key(key) && file.get_bool(key);
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufFile& file) {
  const std::string model = file.get_string("tokenizer.ggml.model");
  if (model != "gpt2") {
    fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.model: this program knows \"gpt2\", found {}",
         file.describe(), quote(model));
  }
  ByteBpeParts parts;
  parts.frame.source = file.describe();
  parts.tokens = file.get_string_array("tokenizer.ggml.tokens");
  const size_t num_tokens = parts.tokens.size();
  parts.merges = file.get_string_array("tokenizer.ggml.merges");
  for (const int64_t type : file.get_int_array("tokenizer.ggml.token_type")) {
    if (type < 0 || type > std::numeric_limits<int32_t>::max()) {
      fail(ErrorCode::kCorruptData, "{}: tokenizer.ggml.token_type: found {}", file.describe(),
           type);
    }
    parts.token_types.push_back(static_cast<int32_t>(type));
  }
  if (parts.token_types.size() != num_tokens) {
    fail(ErrorCode::kCorruptData,
         "{}: tokenizer.ggml.token_type: expected {}, one a token, found {}", file.describe(),
         num_tokens, parts.token_types.size());
  }
  const std::string pre = "tokenizer.ggml.pre";
  parts.pre_tokenizer =
      parse_byte_pre_tokenizer(file.get_string(pre), file.describe() + ": " + pre);
  SpecialIds& ids = parts.frame.special_ids;
  ids.bos = id_or_none(file, "tokenizer.ggml.bos_token_id", num_tokens);
  ids.eos = id_or_none(file, "tokenizer.ggml.eos_token_id", num_tokens);
  ids.unk = id_or_none(file, "tokenizer.ggml.unknown_token_id", num_tokens);
  ids.pad = id_or_none(file, "tokenizer.ggml.padding_token_id", num_tokens);
  if (flag(file, "tokenizer.ggml.add_bos_token") && ids.bos >= 0)
    parts.frame.prefix_ids = {ids.bos};
  if (flag(file, "tokenizer.ggml.add_eos_token") && ids.eos >= 0)
    parts.frame.suffix_ids = {ids.eos};
  parts.add_prefix_space = flag(file, "tokenizer.ggml.add_space_prefix");
  const std::string chat_template = "tokenizer.chat_template";
  if (file.has_key(chat_template)) {
    parts.frame.config_json =
        nlohmann::json{{"chat_template", file.get_string(chat_template)}}.dump(
            -1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return make_byte_bpe(std::move(parts));
}

}  // namespace blip2
