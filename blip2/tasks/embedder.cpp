#include "blip2/tasks/embedder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <optional>

#include "blip2/base/config.h"
#include "blip2/base/error.h"
#include "blip2/data/collate.h"
#include "blip2/models/blip2/qformer_decoder.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"

namespace blip2 {
namespace {

/// What the features of a call are read from; parts that nobody asked for stay undefined.
struct Parts {
  at::Tensor pixels;     // [N, 3, H, W]
  at::Tensor embeds;     // [N, P, Dv], after the layer norm
  QueryPass queries;     // hidden [N, Q, D]
  at::Tensor projected;  // [N, Q, E], of a stage-1 model
  std::optional<TextFeatures> texts;
};

bool is_stage2_only(const std::string& feature) { return feature == "language_inputs"; }
bool is_stage1_only(const std::string& feature) {
  return feature == "itc_image" || feature == "itc_text" || feature == "multimodal";
}

const LayerNorm& image_norm(const Bundle& bundle) {
  return bundle.stage1 ? bundle.stage1->image_norm : bundle.generative->image_norm;
}

const QFormer& qformer(const Bundle& bundle) {
  return bundle.stage1 ? bundle.stage1->qformer : bundle.generative->qformer;
}

void encode_pictures(const Bundle& bundle, const std::vector<Picture>& pictures, bool pixels_only,
                     Parts& parts) {
  const int64_t size = bundle.transform.image_size;
  parts.pixels = stack_pixels(pixels_of(pictures), size, size);
  if (pixels_only) return;
  const at::Tensor raw = encode_images(bundle, parts.pixels);  // [N, P, Dv]
  parts.embeds = apply(image_norm(bundle), raw);
  if (bundle.stage1) {
    ImageFeatures features = encode_image(*bundle.stage1, raw);
    parts.queries = std::move(features.queries);
    parts.projected = features.projected;
  } else {
    parts.queries = encode_queries(qformer(bundle), project_image(qformer(bundle), parts.embeds));
  }
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
  const at::Tensor embeds = repeated(parts.embeds, inputs);
  const Text text = pack_text(parts.texts->ids, parts.texts->mask);
  return encode_joint(qformer(bundle), project_image(qformer(bundle), embeds), text);
}

/// Logits of the first generated position behind [queries][prompt]. Rows with one prompt are run
/// together. [N, V]
at::Tensor language_logits(const Bundle& bundle, const at::Tensor& inputs,
                           const std::vector<std::string>& prompts) {
  std::vector<at::Tensor> parts;
  for (size_t first = 0, end = 0; first < prompts.size(); first = end) {
    while (end < prompts.size() && prompts[end] == prompts[first]) ++end;
    at::Tensor embeds = inputs.narrow(0, static_cast<int64_t>(first),
                                      static_cast<int64_t>(end - first));  // [M, Q, Dl]
    const std::vector<int64_t> ids = bundle.text_tokenizer->encode(prompts[first]);
    if (!ids.empty()) {
      const at::Tensor text =
          bundle.language_model->embed(at::tensor(at::ArrayRef<int64_t>(ids), at::kLong))
              .unsqueeze(0);  // [1, S, Dl]
      embeds = at::cat({embeds, text.expand({embeds.size(0), -1, -1})}, 1);
    }
    const at::Tensor mask = at::ones({embeds.size(0), embeds.size(1)}, at::kLong);
    parts.push_back(bundle.language_model->decode(embeds, mask)->start());
  }
  return at::cat(parts);
}

at::Tensor first_logits(const Bundle& bundle, const Parts& parts,
                        const std::vector<std::string>& texts, int64_t inputs) {
  if (bundle.stage1) {
    const int64_t dec_id = bundle.qformer_tokenizer->special_ids().dec;
    return repeated(QFormerDecoder(*bundle.stage1, parts.queries, dec_id).start(), inputs);
  }
  const at::Tensor soft_prompt =
      repeated(apply(bundle.generative->language_projection, parts.queries.hidden), inputs);
  const std::vector<std::string> own(static_cast<size_t>(inputs), bundle.prompt);
  return language_logits(bundle, soft_prompt, texts.empty() ? own : texts);
}

at::Tensor feature(const std::string& name, const Bundle& bundle, const Parts& parts,
                   const std::vector<std::string>& texts, int64_t inputs) {
  if (name == "itc_text") return parts.texts->projected;               // [N, E]
  if (name == "multimodal") return multimodal(bundle, parts, inputs);  // [N, Q, D]
  if (name == "logits") return first_logits(bundle, parts, texts, inputs);
  if (name == "pixel_values") return repeated(parts.pixels, inputs);
  if (name == "image_embeds") return repeated(parts.embeds, inputs);
  if (name == "query_output") return repeated(parts.queries.hidden, inputs);
  if (name == "itc_image") return repeated(parts.projected, inputs);
  BLIP2_CHECK(name == "language_inputs");
  return repeated(apply(bundle.generative->language_projection, parts.queries.hidden), inputs);
}

FeatureRows to_rows(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor whole = tensor.to(at::kFloat).contiguous();
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
      fail(ErrorCode::kInvalidArgument, "--features: unknown feature '{}'; did you mean '{}'?",
           name, nearest_name(name, known));
    }
    if (std::find(features_.begin(), features_.begin() + static_cast<std::ptrdiff_t>(i), name) !=
        features_.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail(ErrorCode::kInvalidArgument, "--features: '{}' is named twice", name);
    }
    if (is_stage1_only(name) && !bundle_.stage1) {
      fail(ErrorCode::kUnsupported,
           "--features: {} needs a model for image-text retrieval (stage 1)", name);
    }
    if (is_stage2_only(name) && !bundle_.generative) {
      fail(ErrorCode::kUnsupported, "--features: {} needs a model with a language model (stage 2)",
           name);
    }
  }
}

bool Embedder::needs_text() const {
  return std::any_of(features_.begin(), features_.end(), [](const std::string& name) {
    return name == "itc_text" || name == "multimodal";
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
    fail(ErrorCode::kInvalidArgument, "--text: itc_text and multimodal need a text for each input");
  }
  if (needs_picture() && pictures.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "expected pictures: of the features, itc_text alone needs none");
  }
  const int64_t inputs = static_cast<int64_t>(std::max(pictures.size(), texts.size()));
  if (inputs == 0) fail(ErrorCode::kInvalidArgument, "expected pictures or texts, found none");
  const at::NoGradGuard no_grad;
  Parts parts;
  const bool pixels_only = std::all_of(features_.begin(), features_.end(), [](const auto& name) {
    return name == "pixel_values" || name == "itc_text";
  });
  if (needs_picture()) encode_pictures(bundle_, pictures, pixels_only, parts);
  if (needs_text()) {
    parts.texts =
        text_features(*bundle_.stage1, *bundle_.qformer_tokenizer, texts, max_text_length_);
  }
  std::vector<FeatureRows> rows;
  for (const std::string& name : features_) {
    rows.push_back(to_rows(name, feature(name, bundle_, parts, texts, inputs)));
  }
  return rows;
}

}  // namespace blip2
