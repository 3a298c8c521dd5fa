#include "blip2/models/similarity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "blip2/base/error.h"

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

at::Tensor index_of(const std::vector<int64_t>& rows) {
  return at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
}

}  // namespace

TextFeatures text_features(const Stage1& model, const Tokenizer& tokenizer,
                           const std::vector<std::string>& texts, int64_t max_length) {
  if (texts.empty()) fail(ErrorCode::kInvalidArgument, "expected at least one text");
  if (max_length < 2 || max_length > model.config.qformer.max_position_embeddings) {
    fail(ErrorCode::kInvalidArgument, "text length: expected 2 to {} tokens, found {}",
         model.config.qformer.max_position_embeddings, max_length);
  }
  const at::NoGradGuard no_grad;
  std::vector<std::vector<int64_t>> rows;
  size_t longest = 0;
  for (const std::string& text : texts) {
    std::vector<int64_t>& ids = rows.emplace_back(tokenizer.encode(text));
    if (static_cast<int64_t>(ids.size()) > max_length) {
      ids[static_cast<size_t>(max_length) - 1] = ids.back();
      ids.resize(static_cast<size_t>(max_length));
    }
    longest = std::max(longest, ids.size());
  }
  const int64_t count = static_cast<int64_t>(rows.size());
  const int64_t length = static_cast<int64_t>(longest);
  TextFeatures features;
  features.ids =
      at::full({count, length}, std::max<int64_t>(tokenizer.special_ids().pad, 0), at::kLong);
  features.mask = at::zeros({count, length}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t>& ids = rows[static_cast<size_t>(i)];
    const int64_t n = static_cast<int64_t>(ids.size());
    features.ids[i].narrow(0, 0, n).copy_(at::tensor(at::ArrayRef<int64_t>(ids), at::kLong));
    features.mask[i].narrow(0, 0, n).fill_(1);
  }
  features.projected = in_chunks(count, [&](int64_t first, int64_t n) {
    return encode_text(
        model, pack_text(features.ids.narrow(0, first, n), features.mask.narrow(0, first, n)));
  });
  return features;
}

at::Tensor image_features(const Stage1& model, const at::Tensor& image_embeds) {
  const at::NoGradGuard no_grad;
  return in_chunks(image_embeds.size(0), [&](int64_t first, int64_t n) {
    return encode_image(model, image_embeds.narrow(0, first, n)).projected;
  });
}

at::Tensor all_similarities(const at::Tensor& image_features, const at::Tensor& text_features) {
  const at::NoGradGuard no_grad;
  return in_chunks(image_features.size(0), [&](int64_t first, int64_t n) {
    return best_query_similarity(image_features.narrow(0, first, n), text_features);
  });
}

at::Tensor pair_logits(const Stage1& model, const at::Tensor& image_embeds,
                       const TextFeatures& texts, const std::vector<int64_t>& images,
                       const std::vector<int64_t>& text_rows) {
  BLIP2_CHECK(images.size() == text_rows.size() && !images.empty());
  const at::NoGradGuard no_grad;
  // Pairs are taken picture by picture, so that a chunk projects each of its few pictures once.
  std::vector<int64_t> order(images.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return images[static_cast<size_t>(a)] < images[static_cast<size_t>(b)];
  });
  const at::Tensor sorted =
      in_chunks(static_cast<int64_t>(order.size()), [&](int64_t first, int64_t n) {
        std::vector<int64_t> pictures, picture_rows, rows;
        for (int64_t i = first; i < first + n; ++i) {
          const size_t pair = static_cast<size_t>(order[static_cast<size_t>(i)]);
          if (pictures.empty() || pictures.back() != images[pair]) pictures.push_back(images[pair]);
          picture_rows.push_back(static_cast<int64_t>(pictures.size()) - 1);
          rows.push_back(text_rows[pair]);
        }
        const at::Tensor index = index_of(rows);
        const Text text =
            pack_text(texts.ids.index_select(0, index), texts.mask.index_select(0, index));
        const at::Tensor embeds = image_embeds.index_select(0, index_of(pictures));
        const ImageKeyValues keys = project_image(model.qformer, apply(model.image_norm, embeds));
        return match_logits(model, select_rows(keys, index_of(picture_rows)), text);
      });
  return at::empty_like(sorted).index_copy_(0, index_of(order), sorted);
}

}  // namespace blip2
