#include "blip2/checkpoint/load.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/log.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/bundle.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/directory/parts.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/directory/trained_part.h"
#include "blip2/models/language/opt_language_model.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/nn/narrowed.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// The cut for texts that a configuration asks for, else the table's.
int64_t text_limit(const fs::path& directory, int64_t asked, int64_t positions) {
  if (asked > positions) {
    fail(ErrorCode::kCorruptData, "{}: max_text_length: expected at most {} positions, found {}",
         (directory / "config.json").string(), positions, asked);
  }
  return asked > 0 ? asked : positions;
}

void load_retrieval(Bundle& bundle, const fs::path& directory, const BundleConfig& config,
                    const TensorSource& source, at::Device device) {
  bundle.stage1 = load_stage1(config, source, Storage::kMapped);
  move_to(named_tensors(*bundle.stage1), device);
  const std::vector<std::string> extra = {"[DEC]"};
  bundle.qformer_tokenizer = load_tokenizer(directory, extra);
  const SpecialIds& ids = bundle.qformer_tokenizer->special_ids();
  check_needed_ids(directory, *bundle.qformer_tokenizer, {ids.cls, ids.sep, ids.pad, ids.dec},
                   config.qformer.vocab_size);
  bundle.max_text_length =
      text_limit(directory, config.max_text_length, config.qformer.max_position_embeddings);
}

void load_generation(Bundle& bundle, const fs::path& directory, const BundleConfig& config,
                     const TensorSource& source, const PartOptions& options) {
  LanguageModelPart language = open_language_model(directory, options);
  const bool is_instruct = config.kind == DirectoryKind::kInstruct;
  bundle.generative = load_generative(config, source, language.width, Storage::kMapped);
  move_to(named_tensors(*bundle.generative), options.device);
  const int64_t most =
      std::max<int64_t>(language.max_positions - config.qformer.num_query_tokens, 1);
  bundle.max_text_length = config.max_text_length > 0 ? config.max_text_length : most;
  bundle.max_positions = language.max_positions;
  bundle.language_model = std::move(language.model);
  bundle.text_tokenizer = std::move(language.tokenizer);
  bundle.text_json = std::move(language.text_json);
  bundle.generation_json = std::move(language.generation_json);
  bundle.prompt = config.prompt;
  if (!is_instruct) return;
  const fs::path reader = directory / "qformer_tokenizer";
  bundle.qformer_tokenizer = load_tokenizer(reader);
  const SpecialIds& ids = bundle.qformer_tokenizer->special_ids();
  check_needed_ids(reader, *bundle.qformer_tokenizer, {ids.cls, ids.sep},
                   config.qformer.vocab_size);
}

template <typename Model>
void load_blip_model(Blip& blip, Model model, const BlipConfig& config,
                     const TensorSource& source) {
  std::vector<Slot> slots = named_slots(named_tensors(model), blip_names(), source);
  for (Slot& slot :
       prefixed_slots(named_tensors(blip.image_norm), "vision_model.post_layernorm.")) {
    slots.push_back(slot);
  }
  LoadOptions options{.copy = false, .ignore_unused = unused_blip_tensors(config.output)};
  options.ignore_unused.push_back("vision_model.**");
  options.ignore_unused.push_back("logit_scale");
  load(source, slots, options);
  blip.model = std::move(model);
}

void load_blip(Bundle& bundle, const fs::path& directory, const TensorSource& source,
               at::Device device) {
  const BlipConfig config = read_blip_config(directory);
  refuse_excess(claimed_parameters(config.text), source);
  Blip blip;
  blip.image_norm = make_layer_norm(config.text.encoder_hidden_size, config.image_norm_eps);
  if (config.kind == DirectoryKind::kBlipCaptioning) {
    load_blip_model(blip, make_blip_captioner(config.text, config.output), config, source);
  } else if (config.kind == DirectoryKind::kBlipMatching) {
    load_blip_model(blip, make_blip_matcher(config.text, config.image_text_hidden_size), config,
                    source);
  } else {
    load_blip_model(blip, make_blip_answerer(config.text, config.output), config, source);
  }
  bundle.blip = std::move(blip);
  std::visit([&](auto& model) { move_to(named_tensors(model), device); }, bundle.blip->model);
  move_to(named_tensors(bundle.blip->image_norm), device);
  bundle.text_tokenizer = load_tokenizer(directory);
  const SpecialIds& ids = bundle.text_tokenizer->special_ids();
  check_needed_ids(directory, *bundle.text_tokenizer,
                   {ids.cls, ids.sep, config.text.bos_token_id, config.text.sep_token_id},
                   config.text.vocab_size);
  bundle.max_text_length = config.text.max_position_embeddings;
  bundle.max_positions = config.text.max_position_embeddings;
}

Bundle load_clip(const fs::path& directory, const TensorSource& source, at::Device device) {
  const ClipConfig config = read_clip_config(directory);
  refuse_excess(claimed_parameters(VisionConfig(config.vision)), source);
  Clip clip = make_clip(config);
  load(source, prefixed_slots(named_tensors(clip), ""),
       {.copy = false, .ignore_unused = unused_buffers()});
  move_to(named_tensors(clip), device);
  Bundle bundle;
  bundle.clip = std::move(clip);
  const fs::path transform = directory / "preprocessor_config.json";
  bundle.transform = parse_transform(read_file(transform), transform.string());
  bundle.text_tokenizer = load_tokenizer(directory);
  const SpecialIds& ids = bundle.text_tokenizer->special_ids();
  check_needed_ids(directory, *bundle.text_tokenizer, {ids.bos, ids.eos}, config.text.vocab_size);
  bundle.max_text_length = config.text.max_position_embeddings;
  return bundle;
}

Bundle load_directory(const fs::path& directory, const BundleOptions& options) {
  const DirectoryKind kind = directory_kind(directory);
  if (class_name(kind).empty()) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a whole model (BLIP-2, InstructBLIP, BLIP or CLIP), found a part of one",
         directory.string());
  }
  read_json_object<nlohmann::ordered_json>(directory /
                                           "preprocessor_config.json");  // a whole model needs it
  const std::unique_ptr<TensorSource> source = open_source(directory);
  if (kind == DirectoryKind::kClip) return load_clip(directory, *source, options.device);
  const PartOptions part_options{.device = options.device, .finiteness = Finiteness::kTrusted};
  Bundle bundle;
  ImageEncoderPart encoder = open_image_encoder(directory, part_options);
  bundle.image_encoder = std::move(encoder.encoder);
  bundle.transform = encoder.transform;
  bundle.vision_json = std::move(encoder.vision_json);
  if (is_blip1(kind)) {
    load_blip(bundle, directory, *source, options.device);
    return bundle;
  }
  const BundleConfig config = read_bundle_config(directory);
  bundle.image_token_id = config.image_token_id;
  if (kind == DirectoryKind::kRetrieval) {
    load_retrieval(bundle, directory, config, *source, options.device);
  } else {
    load_generation(bundle, directory, config, *source, part_options);
  }
  return bundle;
}

std::vector<NamedTensor> all_tensors(Bundle& bundle) {
  std::vector<NamedTensor> all;
  const auto add = [&](std::vector<NamedTensor> part) {
    all.insert(all.end(), std::make_move_iterator(part.begin()),
               std::make_move_iterator(part.end()));
  };
  if (bundle.image_encoder) add(bundle.image_encoder->tensors());
  if (bundle.language_model) add(bundle.language_model->tensors());
  if (bundle.stage1) add(named_tensors(*bundle.stage1));
  if (bundle.generative) add(named_tensors(*bundle.generative));
  if (bundle.clip) add(named_tensors(*bundle.clip));
  if (bundle.blip) std::visit([&](auto& model) { add(named_tensors(model)); }, bundle.blip->model);
  return all;
}

}  // namespace

bool is_instruct(const Bundle& bundle) {
  return bundle.generative && bundle.generative->qformer.word_embeddings.has_value();
}

at::Tensor encode_images(const Bundle& bundle, const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  if (bundle.clip) return encode(bundle.clip->vision_model, pixels);
  return bundle.image_encoder->encode(pixels);
}

at::Tensor norm_images(const Bundle& bundle, const at::Tensor& image_embeds) {
  const at::NoGradGuard no_grad;
  if (bundle.clip) return image_embeds;
  const LayerNorm& norm = bundle.stage1 ? bundle.stage1->image_norm
                          : bundle.blip ? bundle.blip->image_norm
                                        : bundle.generative->image_norm;
  return apply(norm, image_embeds);
}

const CausalLanguageModel& causal_language_model(const Bundle& bundle) {
  const auto* causal = dynamic_cast<const CausalLanguageModel*>(bundle.language_model.get());
  if (causal == nullptr) {
    fail(ErrorCode::kUnsupported, "expected a model with a decoder-only language model");
  }
  return *causal;
}

int64_t caption_end_id(const Bundle& bundle) {
  BLIP2_CHECK(bundle.text_tokenizer != nullptr);
  if (dynamic_cast<const OptLanguageModel*>(bundle.language_model.get()) != nullptr) {
    const std::vector<int64_t> ids = bundle.text_tokenizer->encode("\n", Specials::kWithout);
    if (!ids.empty()) return ids.back();
  }
  return bundle.text_tokenizer->special_ids().eos;
}

Bundle load_bundle(const fs::path& directory, const BundleOptions& options) {
  const at::NoGradGuard no_grad;
  const double start_s = now_s();
  if (!fs::is_directory(directory)) {
    fail(ErrorCode::kNotFound, "{}: expected the directory of a model", directory.string());
  }
  Bundle bundle = load_directory(directory, options);
  bundle.device = options.device;
  if (options.has_bfloat16_matrices) narrow(all_tensors(bundle));
  log_debug("{}: loaded in {:.2f} s", directory.string(), now_s() - start_s);
  return bundle;
}

}  // namespace blip2
