#include "blip2/models/bundle.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/bundle_config.h"
#include "blip2/models/config_fields.h"
#include "blip2/models/families.h"
#include "blip2/models/parts.h"
#include "blip2/models/trained_part.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Every id that a model puts into a text by itself must be a row of its table.
void check_ids(const fs::path& directory, const Tokenizer& tokenizer, std::vector<int64_t> needed,
               int64_t num_words) {
  for (const int64_t id : needed) {
    if (id < 0 || id >= num_words) {
      fail(ErrorCode::kCorruptData,
           "{}: the tokenizer's special id {} is none of the {} words of the model ({} pieces)",
           directory.string(), id, num_words, tokenizer.vocabulary_size());
    }
  }
}

void load_retrieval(Bundle& bundle, const fs::path& directory, const BundleConfig& config,
                    const TensorSource& source, at::Device device) {
  bundle.stage1 = load_stage1(config, source, Storage::kMapped);
  move_to(named_tensors(*bundle.stage1), device);
  const std::vector<std::string> extra = {"[DEC]"};
  bundle.qformer_tokenizer = load_tokenizer(directory, extra);
  const SpecialIds& ids = bundle.qformer_tokenizer->special_ids();
  check_ids(directory, *bundle.qformer_tokenizer, {ids.cls, ids.sep, ids.pad, ids.dec},
            config.qformer.vocab_size);
  if (config.max_text_length > config.qformer.max_position_embeddings) {
    fail(ErrorCode::kCorruptData, "{}: max_text_length: expected at most {} positions, found {}",
         (directory / "config.json").string(), config.qformer.max_position_embeddings,
         config.max_text_length);
  }
  bundle.max_text_length =
      config.max_text_length > 0 ? config.max_text_length : config.qformer.max_position_embeddings;
}

void load_generation(Bundle& bundle, const fs::path& directory, const BundleConfig& config,
                     const TensorSource& source, at::Device device) {
  LanguageModelPart language = open_language_model(directory, device);
  bundle.generative = load_generative(config, source, language.width, Storage::kMapped);
  move_to(named_tensors(*bundle.generative), device);
  const int64_t most =
      std::max<int64_t>(language.max_positions - config.qformer.num_query_tokens, 1);
  bundle.max_text_length = config.max_text_length > 0 ? config.max_text_length : most;
  bundle.language_model = std::move(language.model);
  bundle.text_tokenizer = std::move(language.tokenizer);
  bundle.text_json = std::move(language.text_json);
  bundle.generation_json = std::move(language.generation_json);
  bundle.prompt = config.prompt;
}

}  // namespace

at::Tensor encode_images(const Bundle& bundle, const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  return bundle.image_encoder->encode(pixels);
}

Bundle load_bundle(const fs::path& directory, const BundleOptions& options) {
  const at::NoGradGuard no_grad;
  const double start_s = now_s();
  if (!fs::is_directory(directory)) {
    fail(ErrorCode::kNotFound, "{}: expected the directory of a model", directory.string());
  }
  const DirectoryKind kind = directory_kind(directory);
  if (kind != DirectoryKind::kRetrieval && kind != DirectoryKind::kGeneration) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a whole BLIP-2 model (model_type blip-2), found a part of one",
         directory.string());
  }
  const BundleConfig config = read_bundle_config(directory);
  read_config(directory / "preprocessor_config.json");  // a whole model needs it
  const std::unique_ptr<TensorSource> source = open_source(directory);
  Bundle bundle;
  ImageEncoderPart encoder = open_image_encoder(directory, options.device);
  bundle.image_encoder = std::move(encoder.encoder);
  bundle.transform = encoder.transform;
  bundle.vision_json = std::move(encoder.vision_json);
  if (kind == DirectoryKind::kRetrieval) {
    load_retrieval(bundle, directory, config, *source, options.device);
  } else {
    load_generation(bundle, directory, config, *source, options.device);
  }
  log_debug("{}: loaded in {:.2f} s", directory.string(), now_s() - start_s);
  return bundle;
}

}  // namespace blip2
