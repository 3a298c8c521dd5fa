// Scores every row of an index for a query, and re-ranks the best with ITM.
#include "blip2/tasks/retriever.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/autocast.h"
#include "blip2/tasks/matcher.h"
#include "blip2/tasks/picture_files.h"

namespace blip2 {
namespace {

constexpr int64_t kChunk = 1024;  // rows of the index at a time: bounds the memory of a query

/// [N, Q, E], a view of the mapped file.
at::Tensor features_of(const Index& index) {
  // from_blob takes a pointer to what may be written; search only reads.
  return at::from_blob(const_cast<float*>(index.features().data()),
                       {index.size(), index.num_queries(), index.embed_dim()},
                       at::TensorOptions().dtype(at::kFloat));
}

/// For every row of the index: the mean over the picture's queries of the cosine of the row's best
/// query. query [Q, E] -> [N].
std::vector<float> picture_scores(const Index& index, const at::Tensor& query) {
  const at::Tensor features = features_of(index);
  std::vector<float> scores;
  for (int64_t first = 0; first < index.size(); first += kChunk) {
    const int64_t count = std::min(kChunk, index.size() - first);
    const at::Tensor cosines =
        at::matmul(features.narrow(0, first, count), query.t());                     // [n, Q', Q]
    const at::Tensor means = std::get<0>(at::max(cosines, 1)).mean(1).contiguous();  // [n]
    scores.insert(scores.end(), means.const_data_ptr<float>(),
                  means.const_data_ptr<float>() + count);
  }
  return scores;
}

std::vector<float> text_scores(const Index& index, const at::Tensor& query) {
  const at::Tensor cosines = all_similarities(features_of(index), query).contiguous();  // [N, 1]
  return {cosines.const_data_ptr<float>(), cosines.const_data_ptr<float>() + cosines.numel()};
}

/// NaN (of a query; an index has none) comes last.
double comparable(double score) {
  return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
}

std::vector<FoundImage> best(const Index& index, const std::vector<float>& scores, int64_t top) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto score = [&](int64_t row) { return comparable(scores[static_cast<size_t>(row)]); };
  const auto end = order.begin() + std::min<int64_t>(top, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    return score(a) != score(b) ? score(a) > score(b) : a < b;
  });
  std::vector<FoundImage> found;
  for (auto row = order.begin(); row != end; ++row) {
    found.push_back({*row, index.image(*row), score(*row)});
  }
  return found;
}

}  // namespace

Retriever::Retriever(const Bundle& bundle, Index index, const RetrieverOptions& options)
    : bundle_(bundle), index_(std::move(index)), options_(options) {
  const int64_t width = feature_facts(bundle_).width;
  const int64_t queries = feature_facts(bundle_).num_image_features;
  if (queries != index_.num_queries() || width != index_.embed_dim()) {
    fail(ErrorCode::kInvalidArgument,
         "the index holds {} x {} features, and this model makes {} x {}: another model",
         index_.num_queries(), index_.embed_dim(), queries, width);
  }
  if (options_.top < 1) {
    fail(ErrorCode::kInvalidArgument, "--top: expected at least 1, found {}", options_.top);
  }
  if (options_.rerank > 0 && !has_matching(bundle_)) {
    fail(ErrorCode::kUnsupported, "--rerank: this model has no matching head");
  }
  if (options_.rerank < 0) {
    fail(ErrorCode::kInvalidArgument, "--rerank: expected at least 0, found {}", options_.rerank);
  }
  if (options_.max_text_length == 0) options_.max_text_length = bundle_.max_text_length;
}

std::vector<FoundImage> Retriever::search(const std::string& query,
                                          const FailedInput& failed) const {
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  if (names_picture(query)) {
    if (options_.rerank > 0) {
      fail(ErrorCode::kInvalidArgument, "--rerank: {} is a picture, and ITM matches texts", query);
    }
    const Picture picture = read_picture(query, bundle_.transform, options_.decode);
    const std::span<const float> pixels = picture.pixels;
    const at::Tensor embeds = encode_pictures(bundle_, {pixels});
    return best(index_, picture_scores(index_, image_features(bundle_, embeds)[0].cpu()),
                options_.top);
  }
  const TextFeatures text = text_features(bundle_, {query}, options_.max_text_length);
  const std::vector<float> scores = text_scores(index_, text.projected.cpu());
  if (options_.rerank == 0) return best(index_, scores, options_.top);
  return rerank(query, best(index_, scores, std::max(options_.rerank, options_.top)), failed);
}

std::vector<FoundImage> Retriever::rerank(const std::string& query, std::vector<FoundImage> found,
                                          const FailedInput& failed) const {
  const Matcher matcher(bundle_, {query}, options_.max_text_length);
  const auto cannot_be_ranked = [&](FoundImage& image) {
    Picture picture;
    try {
      picture =
          read_picture(index_.image_file(image.row).string(), bundle_.transform, options_.decode);
    } catch (const Error& error) {
      if (!failed || error.code() == ErrorCode::kInternal) throw;
      failed(image.image, error.what());
      return true;
    }
    image.score += matcher.match({picture}).at(0).at(0).itm.value().logits[1];
    return false;
  };
  std::erase_if(found, cannot_be_ranked);
  std::stable_sort(found.begin(), found.end(), [](const FoundImage& a, const FoundImage& b) {
    return comparable(a.score) != comparable(b.score) ? comparable(a.score) > comparable(b.score)
                                                      : a.row < b.row;
  });
  if (static_cast<int64_t>(found.size()) > options_.top) {
    found.resize(static_cast<size_t>(options_.top));
  }
  return found;
}

}  // namespace blip2
