// Loading a whole model: load_bundle() of bundle.h, a walk over the directory's layout.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/blip_model.h"
#include "blip2/models/bundle.h"
#include "blip2/models/clip_model.h"
#include "blip2/models/directory/fill.h"
#include "blip2/models/directory/found_directory.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/opened_directory.h"
#include "blip2/nn/bfloat16_storage.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// The length limit of texts that a configuration sets, else the table's.
int64_t text_limit(const ConfigFields& config, int64_t asked, int64_t positions) {
  if (asked > positions) {
    fail(ErrorCode::kCorruptData, "{}: max_text_length: expected at most {} positions, found {}",
         config.where(), positions, asked);
  }
  return asked > 0 ? asked : positions;
}

void take_retrieval(Bundle& bundle, Layout& layout, const OpenedDirectory& directory) {
  const Blip2Config& config = *layout.blip2;
  bundle.qformer_tokenizer = open_tokenizer(directory.path(), layout.tokenizers.at(0));
  bundle.max_text_length = text_limit(directory.config(), config.max_text_length,
                                      config.qformer.max_position_embeddings);
  put_stage1(bundle, std::move(*layout.stage1));
}

void take_generation(Bundle& bundle, Layout& layout, const OpenedDirectory& directory) {
  const Blip2Config& config = *layout.blip2;
  const LanguageModelShape& language = *layout.language_model;
  const int64_t most =
      std::max<int64_t>(language.max_positions - config.qformer.num_query_tokens, 1);
  bundle.max_text_length = config.max_text_length > 0 ? config.max_text_length : most;
  bundle.max_positions = language.max_positions;
  bundle.positions_go_on = language.positions_go_on;
  bundle.caption_end = language.caption_end;
  bundle.language_family = language.family;
  bundle.text_json = std::move(layout.text_json);
  bundle.generation_json = read_generation_json(directory.path());
  bundle.prompt = config.prompt;
  bundle.text_tokenizer = open_tokenizer(directory.path(), layout.tokenizers.at(0));
  if (layout.kind == DirectoryKind::kInstruct) {
    bundle.qformer_tokenizer = open_tokenizer(directory.path(), layout.tokenizers.at(1));
  }
  put_stage2(bundle, std::move(*layout.stage2));
}

void take_blip(Bundle& bundle, Layout& layout, const OpenedDirectory& directory) {
  const BlipTextConfig& config = layout.blip->text;
  bundle.text_json = layout.blip->text_json;
  bundle.text_tokenizer = open_tokenizer(directory.path(), layout.tokenizers.at(0));
  bundle.max_text_length = config.max_position_embeddings;
  bundle.max_positions = config.max_position_embeddings;
  put_blip(bundle, std::move(*layout.blip_model));
}

void take_clip(Bundle& bundle, Layout& layout, const OpenedDirectory& directory) {
  bundle.text_tokenizer = open_tokenizer(directory.path(), layout.tokenizers.at(0));
  bundle.max_text_length = layout.clip->config.text.max_position_embeddings;
  put_clip(bundle, std::move(*layout.clip));
}

/// Makes the frozen parts that are models of their own.
void take_frozen(Bundle& bundle, Layout& layout) {
  if (layout.image_encoder) {
    bundle.image_encoder = layout.image_encoder_weights.finish(0);
    bundle.vision_json = std::move(layout.vision_json);
  }
  if (layout.language_model) {
    bundle.language_model = layout.language_model_weights.finish();
    set_trainable(bundle.language_model->tensors(), false);
  }
}

/// All tensors of all parts.
std::vector<NamedTensor> all_tensors(Bundle& bundle, const Layout& layout) {
  std::vector<NamedTensor> all;
  const auto add = [&](const std::vector<NamedTensor>& tensors) {
    all.insert(all.end(), tensors.begin(), tensors.end());
  };
  if (bundle.image_encoder) add(bundle.image_encoder->tensors());
  if (bundle.language_model) add(bundle.language_model->tensors());
  for (const LayoutPart& part : layout.parts) {
    const bool was_taken = (part.role == PartRole::kImageEncoder && bundle.image_encoder) ||
                           (part.role == PartRole::kLanguageModel && bundle.language_model);
    if (!was_taken) add(part.tensors);
  }
  return all;
}

Bundle load_directory(const OpenedDirectory& directory, const BundleOptions& options) {
  if (class_name(directory.kind()).empty()) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a whole model (BLIP-2, InstructBLIP, BLIP or CLIP), found a part of one",
         directory.path().string());
  }
  Bundle bundle;
  bundle.device = options.device;
  Layout layout = blip2::layout(directory);
  bundle.transform = read_transform(directory, encoder_size(layout));
  fill(layout, directory.weights(), options.device, {.check_finite = true});
  take_frozen(bundle, layout);
  if (options.has_bfloat16_matrices) store_in_bfloat16(all_tensors(bundle, layout));
  if (layout.blip2) bundle.image_token_id = layout.blip2->image_token_id;
  if (layout.stage1) {
    take_retrieval(bundle, layout, directory);
  } else if (layout.stage2) {
    take_generation(bundle, layout, directory);
  } else if (layout.blip_model) {
    take_blip(bundle, layout, directory);
  } else {
    take_clip(bundle, layout, directory);
  }
  return bundle;
}

}  // namespace

Bundle load_bundle(const fs::path& directory, const BundleOptions& options) {
  const at::NoGradGuard no_grad;
  const double start_s = now_s();
  const fs::path found = model_directory(directory);
  if (!fs::is_directory(found)) {
    fail(ErrorCode::kNotFound, "{}: expected the directory of a model", directory.string());
  }
  Bundle bundle = load_directory(OpenedDirectory(found), options);
  bundle.arithmetic = options.arithmetic;
  bundle.transform.resize_order = options.resize_order;
  log_debug("{}: loaded in {:.2f} s", directory.string(), now_s() - start_s);
  return bundle;
}

}  // namespace blip2
