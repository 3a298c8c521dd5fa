// Encodes pictures, runs the search, and turns ids into captions; reads generation_config.json.
#include "blip2/tasks/captioner.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/data/collate.h"
#include "blip2/generate/search.h"
#include "blip2/models/bundle.h"
#include "blip2/models/writing.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;

/// What a number within `limit` is called.
std::string in_words(std::string number, const Limit& limit) {
  if (std::isfinite(limit.low)) {
    number += fmt::format(" {} {}", limit.above_low ? "above" : "of at least", limit.low);
  }
  if (std::isfinite(limit.high)) number += fmt::format(" and at most {}", limit.high);
  return number;
}

bool keeps(const Limit& limit, double number) {
  return (limit.above_low ? number > limit.low : number >= limit.low) && number <= limit.high;
}

// How a value of a generation_config.json becomes a field of a type: what is expected, or "" where
// it could be read. What get() would cut off or wrap is refused.
std::string read(const Json& value, bool& field, const Limit&) {
  if (!value.is_boolean()) return "true or false";
  field = value.get<bool>();
  return "";
}
std::string read(const Json& value, int64_t& field, const Limit& limit) {
  if (value.is_number_integer()) {
    field = value.get<int64_t>();
    const bool fits = !value.is_number_unsigned() || field >= 0;
    if (fits && keeps(limit, static_cast<double>(field))) return "";
  }
  return in_words("a whole number", limit);
}
std::string read(const Json& value, double& field, const Limit& limit) {
  if (value.is_number()) {
    field = value.get<double>();
    if (keeps(limit, field)) return "";
  }
  return in_words("a number", limit);
}
std::string read(const Json& value, std::string& early_stopping, const Limit&) {
  if (value != "never" && !value.is_boolean()) return "true, false or \"never\"";
  early_stopping = value.is_boolean() ? value.dump() : "never";
  return "";
}
std::string read(const Json& value, std::vector<std::string>& texts, const Limit&) {
  const bool are_texts =
      value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& text) {
        return text.is_string() && text != "";
      });
  if (!are_texts) return "a list of texts";
  texts = value.get<std::vector<std::string>>();
  return "";
}
template <typename T>
std::string read(const Json& value, std::optional<T>& field, const Limit& limit) {
  return read(value, field.emplace(), limit);
}

/// Fills fields from a generation_config.json; what it does not name stays.
struct JsonReader {
  const Json& json;
  const std::string& where;

  template <typename T>
  void operator()(const char* name, T& field, const char*, const Limit& limit = {}) const {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return;
    const std::string expected = read(*found, field, limit);
    if (expected.empty()) return;
    fail(ErrorCode::kCorruptData, "{}: {}: expected {}, found {}", where, name, expected,
         found->dump(-1, ' ', true, Json::error_handler_t::replace));
  }
};

std::string stripped(const std::string& text) {
  const char* space = " \t\r\n";
  const size_t begin = text.find_first_not_of(space);
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace

void check_prompt(const Bundle& bundle, const std::string& prompt, const char* what) {
  if (prompt.find("<image>") != std::string::npos) {
    fail(ErrorCode::kInvalidArgument,
         "{}: \"<image>\" stands for the picture and cannot be written", what);
  }
  if (!prompt.empty() && !can_be_prompted(bundle)) {
    fail(ErrorCode::kInvalidArgument, "{}: a stage-1 model writes without a prompt", what);
  }
}

GenerationOptions default_generation_options(const Bundle& bundle,
                                             const std::filesystem::path& directory) {
  const std::string where = (directory / "generation_config.json").string();
  const Json json = Json::parse(bundle.generation_json, nullptr, false);
  if (!json.is_object()) {
    fail(ErrorCode::kCorruptData, "{}: expected an object", where);
  }
  GenerationOptions options;
  visit(options, JsonReader{json, where});
  return options;
}

Captioner::Captioner(const Bundle& bundle, GenerationOptions options, std::string prompt,
                     uint64_t seed)
    : bundle_(bundle), options_(std::move(options)), prompt_(std::move(prompt)), seed_(seed) {
  validate(options_);
  if (!can_write(bundle_)) {
    fail(ErrorCode::kUnsupported, "this model has no part that writes texts");
  }
  check_prompt(bundle_, prompt_, "--prompt");
}

std::vector<std::vector<Caption>> Captioner::caption(const std::vector<Picture>& pictures) const {
  std::vector<Question> questions;
  for (size_t i = 0; i < pictures.size(); ++i) questions.push_back({i, prompt_});
  return answer(pictures, questions);
}

std::vector<std::vector<Caption>> Captioner::answer(const std::vector<Picture>& pictures,
                                                    const std::vector<Question>& questions) const {
  if (pictures.empty() || questions.empty()) return {};
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  std::vector<Prompt> prompts;
  for (const Question& question : questions) {
    check_prompt(bundle_, question.text, "the text");
    prompts.push_back({static_cast<int64_t>(question.picture), question.text});
  }
  const int64_t size = bundle_.transform.image_size;
  const at::Tensor image_embeds =
      encode_images(bundle_, stack_pixels(pixels_of(pictures), size, size));
  std::vector<uint64_t> streams;  // by what is asked, so that no draw depends on its neighbours
  for (const Question& question : questions) {
    streams.push_back(mix_bits(pictures[question.picture].content) ^ hash_text(question.text));
  }
  return write_captions(start_writing(bundle_, image_embeds, prompts), options_, streams, seed_);
}

std::vector<std::vector<Caption>> write_captions(const Writing& writing,
                                                 const GenerationOptions& options,
                                                 std::span<const uint64_t> streams, uint64_t seed) {
  BLIP2_CHECK(streams.size() == writing.prompt_ids.size());
  SearchRequest request;
  request.options = options;
  request.eos_ids = writing.eos_ids;
  request.seed = seed;
  for (size_t i = 0; i < streams.size(); ++i) {
    request.inputs.push_back(
        {.prompt_ids = writing.prompt_ids[i], .stream = streams[i], .room = writing.room[i]});
  }
  const Tokenizer& tokenizer = *writing.tokenizer;
  if (!options.stop.empty()) {
    request.stop = [&](std::span<const int64_t> ids) {
      const std::string text = tokenizer.decode(ids);
      return std::any_of(options.stop.begin(), options.stop.end(), [&](const std::string& stop) {
        return text.find(stop) != std::string::npos;
      });
    };
  }
  std::vector<std::vector<Caption>> captions;
  for (const auto& sequences : generate(*writing.decoder, request)) {
    captions.emplace_back();
    for (const GeneratedSequence& sequence : sequences) {
      captions.back().push_back(
          {stripped(tokenizer.decode(sequence.ids)), sequence.score, sequence.ids});
    }
  }
  return captions;
}

std::string default_question_template(const Bundle& bundle) {
  if (bundle.prompt.find("{}") != std::string::npos) return bundle.prompt;  // trained with it
  if (!bundle.generative || is_instruct(bundle)) return "{}";
  const bool is_decoder_only =
      dynamic_cast<const CausalLanguageModel*>(bundle.language_model.get()) != nullptr;
  return is_decoder_only ? "Question: {} Answer:" : "Question: {} Short answer:";
}

}  // namespace blip2
