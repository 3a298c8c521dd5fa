// The list of language model families. A new family is its own file and a line here.
#include "blip2/models/language/families.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/language/opt_language_model.h"
#include "blip2/models/language/qwen2.h"
#include "blip2/models/language/t5_language_model.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

const LanguageModelFamily* find_family(std::string_view model_type) {
  for (const LanguageModelFamily& family : language_model_families()) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

/// "a, b or c".
std::string known_types() {
  const std::vector<LanguageModelFamily>& families = language_model_families();
  std::string text = families.front().model_type;
  for (size_t i = 1; i < families.size(); ++i) {
    text += (i + 1 == families.size() ? " or " : ", ") + families[i].model_type;
  }
  return text;
}

/// The end tokens that a file names, one or several, must be words.
void check_end_tokens(const ConfigFields& fields, int64_t num_words) {
  const Json* value = fields.find("eos_token_id");
  if (value == nullptr) return;
  const Json ids = value->is_array() ? *value : Json::array({*value});
  const bool are_words = std::all_of(ids.begin(), ids.end(), [&](const Json& id) {
    return id.is_number_integer() && id >= 0 && id < num_words;
  });
  if (!are_words) {
    fields.fail_at("eos_token_id", fmt::format("ids from 0 to {}", num_words - 1));
  }
}

}  // namespace

const std::vector<LanguageModelFamily>& language_model_families() {
  static const std::vector<LanguageModelFamily> families = {
      llama_family(),
      opt_family(),
      qwen2_family(),
      t5_family(),
  };
  return families;
}

bool is_language_model(std::string_view model_type) { return find_family(model_type) != nullptr; }

LanguageModelShape parse_language_model(std::string_view json, const std::string& where) {
  const Json object = parse_json_object<nlohmann::ordered_json>(json, where);
  const ConfigFields fields(object, where);
  const std::string type = fields.text("model_type", "opt");
  const LanguageModelFamily* family = find_family(type);
  if (family == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: model_type: expected {}, found {}", where, known_types(),
         quote(type));
  }
  const LanguageModelShape shape = family->parse(fields);
  check_end_tokens(fields, shape.vocab_size);
  return shape;
}

}  // namespace blip2
