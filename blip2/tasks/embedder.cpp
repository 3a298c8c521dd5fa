// Computes each feature that was asked for, and checks first that the model has it.
#include "blip2/tasks/embedder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <optional>

#include "blip2/base/config.h"
#include "blip2/base/error.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/pixel_batch.h"

namespace blip2 {
namespace {

/// What the features of a call are read from; parts that are not asked for stay undefined.
struct Parts {
  at::Tensor pixels;  // [N, 3, H, W]
  at::Tensor raw;     // [N, P, Dv], the encoder's output
  std::optional<TextFeatures> texts;
};

/// The picture that each input's text follows: a picture of its own or the one for all.
std::vector<Prompt> prompts_of(const Bundle& bundle, const Parts& parts,
                               const std::vector<std::string>& texts, int64_t inputs) {
  std::vector<Prompt> prompts;
  for (int64_t i = 0; i < inputs; ++i) {
    prompts.push_back({parts.raw.size(0) == 1 ? 0 : i,
                       texts.empty() ? bundle.prompt : texts[static_cast<size_t>(i)]});
  }
  return prompts;
}

/// One row for all inputs becomes a row for each.
at::Tensor repeated(const at::Tensor& rows, int64_t inputs) {
  if (rows.size(0) == inputs) return rows;
  std::vector<int64_t> shape = rows.sizes().vec();
  shape[0] = inputs;
  return rows.expand(shape);
}

/// Queries that look at the picture and the text of each input. [N, Q, D]
at::Tensor multimodal(const Bundle& bundle, const Parts& parts, int64_t inputs) {
  const at::Tensor embeds = repeated(norm_images(bundle, parts.raw), inputs);
  const Text text = pack_text(parts.texts->ids, parts.texts->mask);
  const QFormer& model = *qformer(bundle);
  return encode_joint(model, project_image(model, embeds), text);
}

/// The Q-Former's output of each input's picture, which an InstructBLIP makes with the text.
at::Tensor query_rows(const Bundle& bundle, const Parts& parts,
                      const std::vector<std::string>& texts, int64_t inputs) {
  return prompted_queries(bundle, parts.raw, prompts_of(bundle, parts, texts, inputs));
}

/// Logits of the first generated position. Inputs with one text are run together. [N, V]
at::Tensor first_logits(const Bundle& bundle, const Parts& parts,
                        const std::vector<std::string>& texts, int64_t inputs) {
  const std::vector<Prompt> prompts = prompts_of(
      bundle, parts, can_be_prompted(bundle) ? texts : std::vector<std::string>(), inputs);
  std::vector<at::Tensor> rows;
  for (size_t first = 0, end = 0; first < prompts.size(); first = end) {
    while (end < prompts.size() && prompts[end].text == prompts[first].text) ++end;
    const std::vector<Prompt> alike(prompts.begin() + static_cast<std::ptrdiff_t>(first),
                                    prompts.begin() + static_cast<std::ptrdiff_t>(end));
    rows.push_back(start_writing(bundle, parts.raw, alike).decoder->start());
  }
  return at::cat(rows);
}

at::Tensor feature(const std::string& name, const Bundle& bundle, const Parts& parts,
                   const std::vector<std::string>& texts, int64_t inputs) {
  if (name == "itc_text") return parts.texts->projected;               // [N, E]
  if (name == "multimodal") return multimodal(bundle, parts, inputs);  // [N, Q, D]
  if (name == "logits") return first_logits(bundle, parts, texts, inputs);
  if (name == "pixel_values") return repeated(parts.pixels, inputs);
  if (name == "image_embeds") return repeated(norm_images(bundle, parts.raw), inputs);
  if (name == "itc_image") return repeated(image_features(bundle, parts.raw), inputs);
  const at::Tensor queries = query_rows(bundle, parts, texts, inputs);
  if (name == "query_output") return queries;
  BLIP2_CHECK(name == "language_inputs");
  return apply(bundle.stage2->language_projection, queries);
}

/// Whether the model has a feature; else what it would need.
const char* lacking(const Bundle& bundle, const std::string& name) {
  if (name == "itc_image" || name == "itc_text") {
    return has_similarity(bundle) ? nullptr : "a model for image-text retrieval (stage 1)";
  }
  if (name == "multimodal") {
    return bundle.stage1 ? nullptr : "a BLIP-2 for image-text retrieval (stage 1)";
  }
  if (name == "language_inputs") {
    return bundle.stage2 ? nullptr : "a model with a language model (stage 2)";
  }
  if (name == "query_output") {
    return qformer(bundle) != nullptr ? nullptr : "a model with a Q-Former";
  }
  if (name == "logits") return can_write(bundle) ? nullptr : "a model that writes";
  return nullptr;
}

FeatureRows to_rows(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor whole = tensor.to(at::kCPU, at::kFloat).contiguous();
  FeatureRows rows;
  rows.name = name;
  rows.row_shape.assign(whole.sizes().begin() + 1, whole.sizes().end());
  const float* data = whole.const_data_ptr<float>();
  rows.values.assign(data, data + whole.numel());
  return rows;
}

}  // namespace

const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names = {"pixel_values",    "image_embeds", "query_output",
                                                 "itc_image",       "itc_text",     "multimodal",
                                                 "language_inputs", "logits"};
  return names;
}

Embedder::Embedder(const Bundle& bundle, std::vector<std::string> features, int64_t max_text_length)
    : bundle_(bundle), features_(std::move(features)), max_text_length_(max_text_length) {
  if (features_.empty()) fail(ErrorCode::kInvalidArgument, "--features: expected at least one");
  for (size_t i = 0; i < features_.size(); ++i) {
    const std::string& name = features_[i];
    const std::vector<std::string>& known = feature_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail(ErrorCode::kInvalidArgument, "--features: unknown feature '{}'{}", name,
           did_you_mean(name, known));
    }
    if (std::find(features_.begin(), features_.begin() + static_cast<std::ptrdiff_t>(i), name) !=
        features_.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail(ErrorCode::kInvalidArgument, "--features: '{}' is named twice", name);
    }
    if (const char* needed = lacking(bundle_, name)) {
      fail(ErrorCode::kUnsupported, "--features: {} needs {}", name, needed);
    }
  }
}

bool Embedder::needs_text() const {
  const bool reads_prompt = is_instruct(bundle_);
  return std::any_of(features_.begin(), features_.end(), [&](const std::string& name) {
    return name == "itc_text" || name == "multimodal" ||
           (reads_prompt && name != "pixel_values" && name != "image_embeds");
  });
}

bool Embedder::needs_picture() const {
  return std::any_of(features_.begin(), features_.end(),
                     [](const std::string& name) { return name != "itc_text"; });
}

std::vector<FeatureRows> Embedder::embed(const std::vector<Picture>& pictures,
                                         const std::vector<std::string>& texts) const {
  const bool pairs =
      texts.empty() || pictures.empty() || pictures.size() == 1 || pictures.size() == texts.size();
  if (!pairs) {
    fail(ErrorCode::kInvalidArgument,
         "--text: expected as many texts as pictures ({}), or one picture; found {} texts",
         pictures.size(), texts.size());
  }
  if (needs_text() && texts.empty()) {
    fail(ErrorCode::kInvalidArgument, "--text: {} need a text for each input",
         is_instruct(bundle_) ? "an InstructBLIP's features" : "itc_text and multimodal");
  }
  if (needs_picture() && pictures.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "expected pictures: of the features, itc_text alone needs none");
  }
  const int64_t inputs = static_cast<int64_t>(std::max(pictures.size(), texts.size()));
  if (inputs == 0) fail(ErrorCode::kInvalidArgument, "expected pictures or texts, found none");
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  Parts parts;
  const bool pixels_only = std::all_of(features_.begin(), features_.end(), [](const auto& name) {
    return name == "pixel_values" || name == "itc_text";
  });
  if (needs_picture()) {
    const int64_t size = bundle_.transform.image_size;
    parts.pixels = stack_pixels(pixels_of(pictures), size, size);
    if (!pixels_only) parts.raw = encode_images(bundle_, parts.pixels);
  }
  if (has_similarity(bundle_) && needs_text()) {
    parts.texts = text_features(bundle_, texts, max_text_length_);
  }
  std::vector<FeatureRows> rows;
  for (const std::string& name : features_) {
    rows.push_back(to_rows(name, feature(name, bundle_, parts, texts, inputs)));
  }
  return rows;
}

}  // namespace blip2
