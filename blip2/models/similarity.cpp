// Features and matching logits of many pictures and texts, in chunks, by what a bundle offers.
#include "blip2/models/similarity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sort.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/models/blip2/stage1.h"
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
  for (const std::string& text : texts) {
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

const ImageTextFeatures& features_of(const Bundle& bundle) {
  if (bundle.features == nullptr) {
    fail(ErrorCode::kUnsupported,
         "this model has no image-text features: expected a BLIP-2 for retrieval (stage 1), a BLIP "
         "for retrieval or a CLIP");
  }
  return *bundle.features;
}

/// Pairs that run together: `count` about each picture, and the pictures.
struct PairChunk {
  std::vector<int64_t> pictures;
  int64_t count = 0;
};

/// Chunks of pairs, given the picture of each; those of a picture are adjacent.
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

bool has_similarity(const Bundle& bundle) { return bundle.features != nullptr; }

bool has_matching(const Bundle& bundle) {
  return has_similarity(bundle) && bundle.features->facts().has_matching;
}

FeatureFacts feature_facts(const Bundle& bundle) { return features_of(bundle).facts(); }

TextFeatures text_ids(const Bundle& bundle, const std::vector<std::string>& texts,
                      int64_t max_length) {
  const FeatureFacts facts = feature_facts(bundle);
  return tokenize(*facts.tokenizer, texts, max_length, facts.max_positions, bundle.device);
}

TextFeatures text_features(const Bundle& bundle, const std::vector<std::string>& texts,
                           int64_t max_length) {
  const at::NoGradGuard no_grad;
  TextFeatures features = text_ids(bundle, texts, max_length);
  features.projected = by_length(features, [&](const at::Tensor& ids, const at::Tensor& mask) {
    return bundle.features->texts(ids, mask);
  });
  return features;
}

at::Tensor image_features(const Bundle& bundle, const at::Tensor& image_embeds) {
  const ImageTextFeatures& features = features_of(bundle);
  const at::NoGradGuard no_grad;
  return in_chunks(image_embeds.size(0), [&](int64_t first, int64_t n) {
    return features.images(image_embeds.narrow(0, first, n));
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
    parts.push_back(bundle.features->pairs(
        image_embeds.index_select(0, to_tensor(chunk.pictures, bundle.device)), text));
    first += n;
  }
  const at::Tensor sorted = at::cat(parts);
  return at::empty_like(sorted).index_copy_(0, to_tensor(order, bundle.device), sorted);
}

}  // namespace blip2
