#include "blip2/tasks/captioner.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/data/collate.h"
#include "blip2/generate/search.h"
#include "blip2/models/blip2/qformer_decoder.h"
#include "blip2/models/bundle.h"

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

/// The end tokens: text_config's, else the tokenizer's; [SEP] for the Q-Former's own head.
std::vector<int64_t> end_ids(const Bundle& bundle) {
  if (!bundle.generative) return {bundle.qformer_tokenizer->special_ids().sep};
  const Json config = Json::parse(bundle.text_json, nullptr, false);
  const Json id = config.is_object() ? config.value("eos_token_id", Json()) : Json();
  if (id.is_number_integer()) return {id.get<int64_t>()};
  if (id.is_array()) return id.get<std::vector<int64_t>>();
  return {bundle.text_tokenizer->special_ids().eos};
}

struct Writing {
  std::unique_ptr<Decoder> decoder;
  std::vector<int64_t> prompt_ids;
};

Writing start_writing(const Bundle& bundle, const at::Tensor& image_embeds,
                      const std::string& prompt) {
  if (!bundle.generative) {
    const ImageFeatures image = encode_image(*bundle.stage1, image_embeds);
    return {std::make_unique<QFormerDecoder>(*bundle.stage1, image.queries,
                                             bundle.qformer_tokenizer->special_ids().dec),
            {}};
  }
  Writing writing;
  at::Tensor embeds = language_inputs(*bundle.generative, image_embeds);  // [N, Q, Dl]
  // An empty prompt still has the tokenizer's start token, where there is one.
  writing.prompt_ids = bundle.text_tokenizer->encode(prompt);
  if (!writing.prompt_ids.empty()) {
    const at::Tensor ids = at::tensor(at::ArrayRef<int64_t>(writing.prompt_ids), at::kLong);
    const at::Tensor text = bundle.language_model->embed(ids).unsqueeze(0);  // [1, S, Dl]
    embeds = at::cat({embeds, text.expand({embeds.size(0), -1, -1})}, 1);
  }
  writing.decoder =
      bundle.language_model->decode(embeds, at::ones({embeds.size(0), embeds.size(1)}, at::kLong));
  return writing;
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
  if (prompt_.find("<image>") != std::string::npos) {
    fail(ErrorCode::kInvalidArgument,
         "--prompt: \"<image>\" stands for the picture and cannot be written");
  }
  if (!bundle_.generative && !bundle_.stage1) {
    fail(ErrorCode::kUnsupported, "this model has no part that writes captions");
  }
  if (!bundle_.generative && !prompt_.empty()) {
    fail(ErrorCode::kInvalidArgument, "--prompt: a stage-1 model captions without a prompt");
  }
}

std::vector<std::vector<Caption>> Captioner::caption(const std::vector<Picture>& pictures) const {
  if (pictures.empty()) return {};
  const at::NoGradGuard no_grad;
  const int64_t size = bundle_.transform.image_size;
  const at::Tensor image_embeds =
      encode_images(bundle_, stack_pixels(pixels_of(pictures), size, size));
  const Writing writing = start_writing(bundle_, image_embeds, prompt_);
  const Tokenizer& tokenizer =
      bundle_.generative ? *bundle_.text_tokenizer : *bundle_.qformer_tokenizer;
  SearchRequest request;
  request.options = options_;
  request.eos_ids = end_ids(bundle_);
  request.seed = seed_;
  for (const Picture& picture : pictures) {
    request.inputs.push_back({.prompt_ids = {}, .stream = picture.input});
  }
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

}  // namespace blip2
