// Encodes a data set once, and computes all its scores from the encoded set.
#include "blip2/tasks/evaluator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/random.h"
#include "blip2/metrics/bleu.h"
#include "blip2/metrics/caption_sample.h"
#include "blip2/metrics/cider.h"
#include "blip2/metrics/noun_accuracy.h"
#include "blip2/metrics/rouge.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/autocast.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {
namespace {

/// Calls f(pictures) for every batch of the source's pictures, in order. A picture that cannot be
/// read throws.
template <typename F>
void for_each_batch(const Bundle& bundle, const Source& source, const EvaluationOptions& options,
                    F f) {
  std::vector<std::string> paths;
  for (int64_t i = 0; i < source.size(); ++i) paths.push_back(source.record(i).image.string());
  PictureReader reader(paths, bundle.transform, {options.decode, options.batch_size});
  for (PictureBatch batch; reader.next(batch);) {
    if (!batch.failures.empty()) fail(ErrorCode::kCorruptData, "{}", batch.failures[0].reason);
    f(batch.pictures);
    if (options.progress) options.progress(static_cast<int64_t>(batch.pictures.size()));
    throw_if_interrupted();
  }
}

/// Gives pictures that share a caption one group (union-find over equal captions).
void assign_groups(const Source& source, RetrievalEvaluation& result) {
  std::vector<int64_t> parent(static_cast<size_t>(source.size()));
  std::iota(parent.begin(), parent.end(), int64_t{0});
  const auto root = [&](int64_t i) {
    while (parent[static_cast<size_t>(i)] != i) i = parent[static_cast<size_t>(i)];
    return i;
  };
  std::map<std::string, int64_t> first_with;
  for (int64_t i = 0; i < source.size(); ++i) {
    for (const std::string& caption : source.record(i).captions) {
      const auto [place, is_new] = first_with.emplace(caption, i);
      if (!is_new) parent[static_cast<size_t>(root(i))] = root(place->second);
    }
  }
  for (int64_t i = 0; i < source.size(); ++i) {
    const Record record = source.record(i);
    result.images.push_back(record.image.string());
    result.image_groups.push_back(root(i));
    result.first_texts.push_back(static_cast<int64_t>(result.texts.size()));
    for (const std::string& caption : record.captions) {
      result.texts.push_back(caption);
      result.text_groups.push_back(root(i));
    }
  }
}

/// What retrieval needs of a whole set.
struct EncodedSet {
  at::Tensor embeds;  // [N, P, Dv] raw
  TextFeatures texts;
  at::Tensor similarity;  // [N, M] cosines
};

RetrievalProblem problem_of(const RetrievalEvaluation& result, std::span<const float> similarity) {
  return {result.num_images, result.num_texts, similarity, result.image_groups, result.text_groups};
}

/// The columns of the k greatest values of a row, best first.
std::vector<int64_t> best_columns(std::span<const float> row, int64_t k) {
  std::vector<int64_t> order(row.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto end = order.begin() + std::min<int64_t>(k, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    return row[static_cast<size_t>(a)] > row[static_cast<size_t>(b)];
  });
  order.resize(static_cast<size_t>(end - order.begin()));
  return order;
}

/// Cosines with the best k texts of each picture, and the best k pictures of each text, replaced by
/// ITM logit + cosine; the others far below.
struct Reranked {
  std::vector<float> by_image, by_text;  // [N, M] each
};

/// The cells (row * M + column) of the k best candidates of each picture, or of each text.
std::vector<int64_t> candidate_cells(const at::Tensor& similarity, int64_t k, bool by_text) {
  const at::Tensor scores = (by_text ? similarity.t() : similarity).contiguous();
  const int64_t columns = scores.size(1), num_texts = similarity.size(1);
  std::vector<int64_t> cells;
  for (int64_t row = 0; row < scores.size(0); ++row) {
    const std::span<const float> values(scores.const_data_ptr<float>() + row * columns,
                                        static_cast<size_t>(columns));
    for (const int64_t column : best_columns(values, k)) {
      cells.push_back(by_text ? column * num_texts + row : row * num_texts + column);
    }
  }
  std::ranges::sort(cells);
  return cells;
}

Reranked rerank(const Bundle& bundle, const EncodedSet& set, int64_t k) {
  const std::vector<int64_t> of_images = candidate_cells(set.similarity, k, false);
  const std::vector<int64_t> of_texts = candidate_cells(set.similarity, k, true);
  std::vector<int64_t> pairs;  // a pair that both directions ask for is matched once
  std::ranges::set_union(of_images, of_texts, std::back_inserter(pairs));
  const int64_t num_texts = set.similarity.size(1);
  std::vector<int64_t> images, texts;
  for (const int64_t cell : pairs) {
    images.push_back(cell / num_texts);
    texts.push_back(cell % num_texts);
  }
  const at::Tensor logits = pair_logits(bundle, set.embeds, set.texts, images, texts);
  const auto scores_of = [&](const std::vector<int64_t>& cells) {
    std::vector<float> scores(static_cast<size_t>(set.similarity.numel()), -100.0F);
    size_t pair = 0;
    for (const int64_t cell : cells) {  // sorted, as the pairs are
      while (pairs[pair] != cell) ++pair;
      scores[static_cast<size_t>(cell)] = logits[static_cast<int64_t>(pair)][1].item<float>() +
                                          set.similarity.const_data_ptr<float>()[cell];
    }
    return scores;
  };
  return {scores_of(of_images), scores_of(of_texts)};
}

/// Percent right over one positive and one negative text for each picture that has a negative.
double itm_accuracy(const Bundle& bundle, const RetrievalEvaluation& result, const EncodedSet& set,
                    bool hard, uint64_t seed) {
  const double temperature = feature_facts(bundle).temperature;
  std::vector<int64_t> images, texts;
  for (int64_t i = 0; i < result.num_images; ++i) {
    const int64_t group = result.image_groups[static_cast<size_t>(i)];
    std::vector<int64_t> negatives;
    std::vector<double> scores;
    for (int64_t t = 0; t < result.num_texts; ++t) {
      if (result.text_groups[static_cast<size_t>(t)] == group) continue;
      negatives.push_back(t);
      scores.push_back(hard ? set.similarity[i][t].item<double>() / temperature : 0.0);
    }
    if (negatives.empty()) continue;
    const double best = *std::ranges::max_element(scores);
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - best);
    Random random(seed, hard ? "hard pair" : "random pair", static_cast<uint64_t>(i));
    double left = random.uniform() * total;
    size_t drawn = 0;
    while (drawn + 1 < negatives.size() && (left -= scores[drawn]) >= 0) ++drawn;
    images.insert(images.end(), {i, i});
    texts.insert(texts.end(), {result.first_texts[static_cast<size_t>(i)], negatives[drawn]});
  }
  if (images.empty()) return 0;
  const at::Tensor logits = pair_logits(bundle, set.embeds, set.texts, images, texts);
  int64_t right = 0;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const bool says_match = logits[i][1].item<float>() > logits[i][0].item<float>();
    right += says_match == (i % 2 == 0);
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(logits.size(0));
}

EncodedSet encode_set(const Bundle& bundle, const Source& source,
                      const std::vector<std::string>& texts, const EvaluationOptions& options) {
  EncodedSet set;
  std::vector<at::Tensor> embeds;
  for_each_batch(bundle, source, options, [&](const std::vector<Picture>& pictures) {
    embeds.push_back(encode_pictures(bundle, pixels_of(pictures)));
  });
  set.embeds = at::cat(embeds);
  set.texts = text_features(bundle, texts, options.max_text_length);
  set.similarity = all_similarities(image_features(bundle, set.embeds), set.texts.projected)
                       .to(at::kCPU, at::kFloat)
                       .contiguous();
  return set;
}

}  // namespace

RetrievalEvaluation evaluate_retrieval(const Bundle& bundle, const Source& source,
                                       const EvaluationOptions& options) {
  if (!has_similarity(bundle)) {
    fail(ErrorCode::kUnsupported,
         "retrieval is scored by ITC: expected a BLIP-2 of stage 1, a BLIP for retrieval or a "
         "CLIP");
  }
  if (source.size() == 0) fail(ErrorCode::kInvalidArgument, "the data set is empty");
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle.arithmetic);
  RetrievalEvaluation result;
  assign_groups(source, result);
  result.has_matching = has_matching(bundle);
  result.num_images = source.size();
  result.num_texts = static_cast<int64_t>(result.texts.size());
  const EncodedSet set = encode_set(bundle, source, result.texts, options);
  result.similarity.assign(set.similarity.const_data_ptr<float>(),
                           set.similarity.const_data_ptr<float>() + set.similarity.numel());
  result.itc = retrieval_scores(problem_of(result, result.similarity));
  result.chance = chance_scores(problem_of(result, result.similarity));
  if (!result.has_matching) return result;
  if (options.rerank > 0) {
    const Reranked scores = rerank(bundle, set, options.rerank);
    const RetrievalScores texts = retrieval_scores(problem_of(result, scores.by_image));
    result.reranked = retrieval_scores(problem_of(result, scores.by_text));
    result.reranked.txt_r1 = texts.txt_r1;
    result.reranked.txt_r5 = texts.txt_r5;
    result.reranked.txt_r10 = texts.txt_r10;
    result.reranked.txt_r_mean = texts.txt_r_mean;
    result.reranked.r_mean = (result.reranked.txt_r_mean + result.reranked.img_r_mean) / 2;
  }
  result.itm_accuracy_random = itm_accuracy(bundle, result, set, false, options.seed);
  result.itm_accuracy_hard = itm_accuracy(bundle, result, set, true, options.seed);
  return result;
}

CaptionEvaluation evaluate_captions(const Bundle& bundle, const Source& source,
                                    const GenerationOptions& generation, const std::string& prompt,
                                    const EvaluationOptions& options) {
  if (source.size() == 0) fail(ErrorCode::kInvalidArgument, "the data set is empty");
  CaptionEvaluation result;
  const Captioner captioner(bundle, generation, prompt, options.seed);
  for_each_batch(bundle, source, options, [&](const std::vector<Picture>& pictures) {
    for (const std::vector<Caption>& captions : captioner.caption(pictures)) {
      result.captions.push_back(captions.front().text);
    }
  });
  std::vector<std::string> first_references;
  for (int64_t i = 0; i < source.size(); ++i) {
    const Record record = source.record(i);
    result.images.push_back(record.image.string());
    result.references.push_back(record.captions);
    first_references.push_back(record.captions.front());
  }
  const std::vector<CaptionSample> samples = caption_samples(result.captions, result.references);
  const BleuScores bleu_scores = bleu(samples);
  std::copy(bleu_scores.corpus.begin(), bleu_scores.corpus.end(), result.bleu);
  result.rouge_l = rouge_l(samples).corpus;
  result.cider = cider(samples).corpus;
  result.noun_accuracy = noun_accuracy(result.captions, first_references);
  result.distinct = static_cast<int64_t>(num_distinct(result.captions));
  return result;
}

}  // namespace blip2
