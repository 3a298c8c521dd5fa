#include "blip2/models/similarity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sort.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/bundle.h"
#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {

constexpr int64_t kChunk =
    64;  // rows of a pass: keeps a pass within the caches of a CPU and in bounded memory

/// f(first, count) over consecutive chunks of n rows, concatenated.
template <typename F>
at::Tensor in_chunks(int64_t n, F f) {
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < n; first += kChunk) {
    parts.push_back(f(first, std::min(kChunk, n - first)));
  }
  return at::cat(parts);
}

/// f(ids, mask) over chunks of texts of like lengths, so that a long text pads few others; rows in
/// the order of the texts.
template <typename F>
at::Tensor by_length(const TextFeatures& texts, F f) {
  const at::Tensor lengths = texts.mask.sum(1);                             // [M]
  const at::Tensor order = std::get<1>(at::sort(lengths, true, 0, false));  // shortest first
  const at::Tensor sorted = in_chunks(order.size(0), [&](int64_t first, int64_t n) {
    const at::Tensor rows = order.narrow(0, first, n);
    const int64_t longest = lengths[rows[n - 1].item<int64_t>()].item<int64_t>();
    return f(texts.ids.index_select(0, rows).narrow(1, 0, longest),
             texts.mask.index_select(0, rows).narrow(1, 0, longest));
  });
  return at::empty_like(sorted).index_copy_(0, order, sorted);
}

/// The ids of texts, right-padded.
TextFeatures tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                      int64_t max_length, int64_t most, at::Device device) {
  if (texts.empty()) fail(ErrorCode::kInvalidArgument, "expected at least one text");
  if (max_length < 2 || max_length > most) {
    fail(ErrorCode::kInvalidArgument, "text length: expected 2 to {} tokens, found {}", most,
         max_length);
  }
  std::vector<std::vector<int64_t>> rows;
  const bool has_image_token = tokenizer.token_to_id("<image>") >= 0;  // which is no word
  for (const std::string& text : texts) {
    if (has_image_token && text.find("<image>") != std::string::npos) {
      fail(ErrorCode::kInvalidArgument,
           "text {}: \"<image>\" stands for the picture and cannot be written", quote(text));
    }
    std::vector<int64_t>& ids = rows.emplace_back(tokenizer.encode(text));
    if (static_cast<int64_t>(ids.size()) > max_length) {
      ids[static_cast<size_t>(max_length) - 1] = ids.back();
      ids.resize(static_cast<size_t>(max_length));
    }
  }
  const TokenBatch padded =
      pad_ids(rows, device, {.pad_id = std::max<int64_t>(tokenizer.special_ids().pad, 0)});
  return {padded.ids, padded.mask, {}};
}

const BlipMatcher* blip_matcher(const Bundle& bundle) {
  return bundle.blip ? std::get_if<BlipMatcher>(&bundle.blip->model) : nullptr;
}

void require_similarity(const Bundle& bundle) {
  if (has_similarity(bundle)) return;
  fail(ErrorCode::kUnsupported,
       "this model has no image-text features: expected a BLIP-2 for retrieval (stage 1), a BLIP "
       "for retrieval or a CLIP");
}

/// Logits of texts about the pictures `embeds`: the same number about each, one after another.
at::Tensor chunk_logits(const Bundle& bundle, const at::Tensor& embeds, const Text& text) {
  if (const BlipMatcher* matcher = blip_matcher(bundle)) {
    return match_logits(*matcher,
                        project_context(matcher->text_encoder, norm_images(bundle, embeds)), text);
  }
  const Stage1& model = *bundle.stage1;
  const at::Tensor rows = at::arange(embeds.size(0), embeds.options().dtype(at::kLong))
                              .repeat_interleave(text.packing.batch / embeds.size(0));
  const ImageKeyValues keys = project_image(model.qformer, apply(model.image_norm, embeds));
  return match_logits(model, select_rows(keys, rows), text);
}

/// Pairs that run together: `count` about each picture, and the pictures.
struct PairChunk {
  std::vector<int64_t> pictures;
  int64_t count = 0;
};

/// Chunks of pairs, given the picture of each; those of a picture stand together.
std::vector<PairChunk> pair_chunks(const std::vector<int64_t>& pictures) {
  std::vector<PairChunk> chunks;
  for (size_t first = 0, end = 0; first < pictures.size(); first = end) {
    while (end < pictures.size() && pictures[end] == pictures[first] &&
           end - first < static_cast<size_t>(kChunk)) {
      ++end;
    }
    const int64_t count = static_cast<int64_t>(end - first);
    const auto fits = [&](const PairChunk& chunk) {
      return chunk.count == count && chunk.pictures.back() != pictures[first] &&
             (static_cast<int64_t>(chunk.pictures.size()) + 1) * count <= kChunk;
    };
    if (chunks.empty() || !fits(chunks.back())) chunks.push_back({{}, count});
    chunks.back().pictures.push_back(pictures[first]);
  }
  return chunks;
}

}  // namespace

bool has_similarity(const Bundle& bundle) {
  return bundle.stage1 || bundle.clip || blip_matcher(bundle) != nullptr;
}

bool has_matching(const Bundle& bundle) { return bundle.stage1 || blip_matcher(bundle) != nullptr; }

int64_t num_image_features(const Bundle& bundle) {
  return bundle.stage1 ? bundle.stage1->config.qformer.num_query_tokens : 1;
}

int64_t similarity_width(const Bundle& bundle) {
  require_similarity(bundle);
  if (bundle.clip) return bundle.clip->config.projection_dim;
  if (const BlipMatcher* matcher = blip_matcher(bundle)) {
    return matcher->vision_projection.weight.size(0);
  }
  return bundle.stage1->config.embed_dim;
}

double temperature(const Bundle& bundle) {
  if (bundle.stage1) return bundle.stage1->temperature.item<double>();
  if (bundle.clip) return std::exp(-bundle.clip->logit_scale.item<double>());
  return 0.07;
}

TextFeatures text_ids(const Bundle& bundle, const std::vector<std::string>& texts,
                      int64_t max_length) {
  require_similarity(bundle);
  const Tokenizer& tokenizer = bundle.stage1 ? *bundle.qformer_tokenizer : *bundle.text_tokenizer;
  const BlipMatcher* matcher = blip_matcher(bundle);
  const int64_t positions = matcher != nullptr
                                ? matcher->text_encoder.config.max_position_embeddings
                            : bundle.clip ? bundle.clip->config.text.max_position_embeddings
                                          : bundle.stage1->config.qformer.max_position_embeddings;
  return tokenize(tokenizer, texts, max_length, positions, bundle.device);
}

TextFeatures text_features(const Bundle& bundle, const std::vector<std::string>& texts,
                           int64_t max_length) {
  const at::NoGradGuard no_grad;
  TextFeatures features = text_ids(bundle, texts, max_length);
  const BlipMatcher* matcher = blip_matcher(bundle);
  features.projected = by_length(features, [&](const at::Tensor& ids, const at::Tensor& mask) {
    if (bundle.clip) return text_features(*bundle.clip, ids, mask);
    const Text text = pack_text(ids, mask);
    return matcher != nullptr ? text_features(*matcher, text) : encode_text(*bundle.stage1, text);
  });
  return features;
}

at::Tensor image_features(const Bundle& bundle, const at::Tensor& image_embeds) {
  require_similarity(bundle);
  const at::NoGradGuard no_grad;
  return in_chunks(image_embeds.size(0), [&](int64_t first, int64_t n) {
    const at::Tensor embeds = image_embeds.narrow(0, first, n);
    if (bundle.stage1) return encode_image(*bundle.stage1, embeds).projected;
    if (const BlipMatcher* matcher = blip_matcher(bundle)) {
      return image_features(*matcher, norm_images(bundle, embeds)).unsqueeze(1);
    }
    const Clip& clip = *bundle.clip;
    return normalize(apply(clip.visual_projection, normed_class(clip.vision_model, embeds)))
        .unsqueeze(1);
  });
}

at::Tensor all_similarities(const at::Tensor& image_features, const at::Tensor& text_features) {
  const at::NoGradGuard no_grad;
  return in_chunks(image_features.size(0), [&](int64_t first, int64_t n) {
    return best_query_similarity(image_features.narrow(0, first, n), text_features);
  });
}

at::Tensor pair_logits(const Bundle& bundle, const at::Tensor& image_embeds,
                       const TextFeatures& texts, const std::vector<int64_t>& images,
                       const std::vector<int64_t>& text_rows) {
  BLIP2_CHECK(images.size() == text_rows.size() && !images.empty());
  if (!has_matching(bundle)) {
    fail(ErrorCode::kUnsupported,
         "this model has no matching head: expected a BLIP-2 or a BLIP for retrieval");
  }
  const at::NoGradGuard no_grad;
  // Pairs are taken picture by picture, those with equally many texts together: each picture is
  // projected once, and in BLIP-1 nothing is repeated for its texts.
  std::vector<int64_t> counts(static_cast<size_t>(image_embeds.size(0)), 0);
  for (const int64_t image : images) ++counts.at(static_cast<size_t>(image));
  const auto place = [&](int64_t pair) {
    const int64_t image = images[static_cast<size_t>(pair)];
    return std::pair(counts[static_cast<size_t>(image)], image);
  };
  std::vector<int64_t> order(images.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return place(a) < place(b); });
  std::vector<int64_t> pictures, rows;
  for (const int64_t pair : order) {
    pictures.push_back(images[static_cast<size_t>(pair)]);
    rows.push_back(text_rows[static_cast<size_t>(pair)]);
  }
  const at::Tensor sorted_rows = to_tensor(rows, bundle.device);
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (const PairChunk& chunk : pair_chunks(pictures)) {
    const int64_t n = chunk.count * static_cast<int64_t>(chunk.pictures.size());
    const at::Tensor index = sorted_rows.narrow(0, first, n);
    const Text text =
        pack_text(texts.ids.index_select(0, index), texts.mask.index_select(0, index));
    parts.push_back(chunk_logits(
        bundle, image_embeds.index_select(0, to_tensor(chunk.pictures, bundle.device)), text));
    first += n;
  }
  const at::Tensor sorted = at::cat(parts);
  return at::empty_like(sorted).index_copy_(0, to_tensor(order, bundle.device), sorted);
}

}  // namespace blip2
