#include "blip2/tasks/captioner.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/data/collate.h"
#include "blip2/generate/search.h"
#include "blip2/models/bundle.h"
#include "blip2/models/writing.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;

/// Fills fields from a generation_config.json; what it does not name stays.
struct JsonReader {
  const Json& json;

  template <typename T>
  void operator()(const char* name, T& field, const char*) const {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return;
    try {
      read(*found, field);
    } catch (const Json::exception&) {
      fail(ErrorCode::kCorruptData, "generation_config.json: {}: found {}", name, found->dump());
    }
  }
  template <typename T>
  static void read(const Json& value, T& field) {
    field = value.get<T>();
  }
  template <typename T>
  static void read(const Json& value, std::optional<T>& field) {
    field = value.get<T>();
  }
  static void read(const Json& value,
                   std::string& field) {  // early_stopping: true, false or "never"
    field = value.is_boolean() ? (value.get<bool>() ? "true" : "false") : value.get<std::string>();
  }
};

std::string stripped(const std::string& text) {
  const char* space = " \t\r\n";
  const size_t begin = text.find_first_not_of(space);
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// Refuses a text that this model cannot go on from.
void check_prompt(const Bundle& bundle, const std::string& prompt, const char* what) {
  if (prompt.find("<image>") != std::string::npos) {
    fail(ErrorCode::kInvalidArgument,
         "{}: \"<image>\" stands for the picture and cannot be written", what);
  }
  if (!prompt.empty() && !can_be_prompted(bundle)) {
    fail(ErrorCode::kInvalidArgument, "{}: a stage-1 model writes without a prompt", what);
  }
}

}  // namespace

GenerationOptions default_generation_options(const Bundle& bundle) {
  const Json json = Json::parse(bundle.generation_json, nullptr, false);
  if (!json.is_object()) {
    fail(ErrorCode::kCorruptData, "generation_config.json: expected an object");
  }
  GenerationOptions options;
  visit(options, JsonReader{json});
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
  std::vector<Prompt> prompts;
  for (const Question& question : questions) {
    check_prompt(bundle_, question.text, "the text");
    prompts.push_back({static_cast<int64_t>(question.picture), question.text});
  }
  const int64_t size = bundle_.transform.image_size;
  const at::Tensor image_embeds =
      encode_images(bundle_, stack_pixels(pixels_of(pictures), size, size));
  const Writing writing = start_writing(bundle_, image_embeds, prompts);
  SearchRequest request;
  request.options = options_;
  request.eos_ids = writing.eos_ids;
  request.seed = seed_;
  for (size_t i = 0; i < questions.size(); ++i) {
    request.inputs.push_back({.prompt_ids = writing.prompt_ids[i],
                              .stream = pictures[questions[i].picture].input,
                              .room = writing.room[i]});
  }
  const Tokenizer& tokenizer = *writing.tokenizer;
  if (!options_.stop.empty()) {
    request.stop = [&](std::span<const int64_t> ids) {
      const std::string text = tokenizer.decode(ids);
      return std::any_of(options_.stop.begin(), options_.stop.end(), [&](const std::string& stop) {
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
