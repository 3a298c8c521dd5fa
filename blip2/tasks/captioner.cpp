// Encodes pictures, runs the search, and turns ids into captions; reads a model's defaults of
// generation.
#include "blip2/tasks/captioner.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/random.h"
#include "blip2/generate/search.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;

/// `max_length` where nobody has set it: transformers reads it as 20 new tokens.
constexpr int64_t kUnsetMaxLength = 20;

/// Fills the fields that a text model's configuration names; the others stay.
struct JsonReader {
  const JsonFields& fields;

  void read(const char* name, int64_t& field, const Limit& limit) const {
    field = fields.integer(name, limit);
  }
  void read(const char* name, double& field, const Limit& limit) const {
    field = fields.number(name, limit);
  }
  void read(const char* name, bool& field, const Limit&) const { field = fields.flag(name, field); }
  void read(const char* name, std::string& early_stopping, const Limit&) const {
    const Json& value = fields.need(name);
    if (value != "never" && !value.is_boolean()) fields.fail_at(name, "true, false or \"never\"");
    early_stopping = value.is_boolean() ? value.dump() : "never";
  }
  void read(const char*, std::vector<std::string>&, const Limit&) const {}  // none of the keys
  template <typename T>
  void read(const char* name, std::optional<T>& field, const Limit& limit) const {
    read(name, field.emplace(), limit);
  }

  template <typename T>
  void operator()(const char* name, T& field, const char*, const Limit& limit = {}) const {
    const auto& keys = generation_keys();
    const bool is_key = std::find(keys.begin(), keys.end(), name) != keys.end();
    if (is_key && fields.has(name)) read(name, field, limit);
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
  GenerationOptions options;
  if (bundle.text_json.empty()) return options;
  const std::string where = (directory / "config.json").string() + ": text_config";
  const Json json = parse_json_object<Json>(bundle.text_json, where);
  const JsonFields fields(json, where);
  visit(options, JsonReader{fields});
  if (options.max_length == kUnsetMaxLength) options.max_length.reset();
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
  const at::Tensor image_embeds = encode_pictures(bundle_, pixels_of(pictures));
  std::vector<uint64_t> streams;  // by what is asked, so that no draw depends on its neighbours
  for (const Question& question : questions) {
    streams.push_back(mix_bits(pictures[question.picture].content) ^ hash_text(question.text));
  }
  return write_captions(start_writing(bundle_, image_embeds, prompts), options_, streams, seed_);
}

std::vector<std::vector<Caption>> write_captions(const StartedTexts& started,
                                                 const GenerationOptions& options,
                                                 std::span<const uint64_t> streams, uint64_t seed) {
  BLIP2_CHECK(streams.size() == started.prompt_ids.size());
  SearchRequest request;
  request.options = options;
  request.eos_ids = started.eos_ids;
  request.seed = seed;
  for (size_t i = 0; i < streams.size(); ++i) {
    request.inputs.push_back({.prompt_ids = started.prompt_ids[i],
                              .stream = streams[i],
                              .positions_left = started.positions_left[i]});
    if (!started.trained_positions_left.empty()) {
      request.inputs.back().trained_positions_left = started.trained_positions_left[i];
    }
  }
  const Tokenizer& tokenizer = *started.tokenizer;
  if (!options.stop.empty()) {
    request.stop = [&](std::span<const int64_t> ids) {
      const std::string text = tokenizer.decode(ids);
      return std::any_of(options.stop.begin(), options.stop.end(), [&](const std::string& stop) {
        return text.find(stop) != std::string::npos;
      });
    };
  }
  std::vector<std::vector<Caption>> captions;
  for (const auto& sequences : generate(*started.decoder, request)) {
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
  return can_write(bundle) ? bundle.writer->facts().question_template : "{}";
}

}  // namespace blip2
