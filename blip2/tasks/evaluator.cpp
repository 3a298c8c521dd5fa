// Encodes a data set once, and computes all its scores from the encoded set.
#include "blip2/tasks/evaluator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>

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
#include "blip2/nn/token_batch.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/evaluation_set.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {
namespace {

/// Counts what fails, where failures are allowed.
FailedInput counted(const FailedInput& failed, int64_t& count) {
  if (!failed) return {};
  return [&failed, &count](const std::string& name, const std::string& reason) {
    ++count;
    failed(name, reason);
  };
}

/// Calls f(pictures) for every batch of the pictures that can be read, in order, and removes the
/// others from the list.
template <typename F>
void for_each_batch(const Bundle& bundle, std::vector<Record>& pictures,
                    const EvaluationOptions& options, const FailedInput& failed, F f) {
  std::vector<PictureInput> inputs;
  for (const Record& picture : pictures) inputs.push_back({picture.image.string(), picture.stored});
  PictureReader reader(std::move(inputs), bundle.transform, {options.decode, options.batch_size});
  std::vector<Record> read;
  for (PictureBatch batch; reader.next(batch);) {
    for (const PictureFailure& failure : batch.failures) {
      if (!failed) fail(ErrorCode::kCorruptData, "{}", failure.reason);
      failed(failure.path, failure.reason);
    }
    if (!batch.pictures.empty()) f(batch.pictures);
    for (const Picture& picture : batch.pictures)
      read.push_back(std::move(pictures[picture.input]));
    if (options.progress) {
      options.progress(static_cast<int64_t>(batch.pictures.size() + batch.failures.size()));
    }
    throw_if_interrupted();
  }
  pictures = std::move(read);
}

/// The pictures of a data set that is not empty; records that are no picture of their own count as
/// done.
std::vector<Record> open_set(const Source& source, const EvaluationOptions& options,
                             const FailedInput& failed) {
  if (source.size() == 0) fail(ErrorCode::kInvalidArgument, "the data set is empty");
  std::vector<Record> pictures = read_evaluation_set(source, failed);
  const int64_t others = source.size() - std::ssize(pictures);
  if (options.progress && others > 0) options.progress(others);
  return pictures;
}

void require_some(const std::vector<Record>& pictures, const Source& source) {
  if (!pictures.empty()) return;
  fail(ErrorCode::kNotFound, "no scores: none of the {} records could be used", source.size());
}

void list_texts(const std::vector<Record>& pictures, RetrievalEvaluation& result) {
  for (const Record& picture : pictures) {
    result.first_texts.push_back(std::ssize(result.texts));
    for (const std::string& caption : picture.captions) {
      result.texts.push_back(caption);
      result.text_images.push_back(std::ssize(result.images));
    }
    result.images.push_back(picture.image.string());
  }
  result.num_images = std::ssize(result.images);
  result.num_texts = std::ssize(result.texts);
}

/// What retrieval needs of a whole set.
struct EncodedSet {
  at::Tensor embeds;               // [N, P, Dv] raw
  TextFeatures texts;              // the different ones: equal texts have equal scores
  std::vector<int64_t> text_rows;  // [M], of each text in `texts`
  at::Tensor similarity;           // [N, M] cosines
};

/// Recalls of both ways, each with scores of its own. A text is right for the picture that it is
/// listed under, whatever other pictures' texts say (LAVIS 1.0.2, tasks/retrieval.py).
struct Recalls {
  Recalls(const RetrievalEvaluation& evaluation, const EncodedSet& set)
      : result(evaluation), words(set.text_rows) {
    images.resize(static_cast<size_t>(result.num_images));
    std::iota(images.begin(), images.end(), int64_t{0});
  }
  RetrievalProblem problem(std::span<const float> similarity) const {
    return {result.num_images, result.num_texts, similarity, images, result.text_images, words};
  }

  const RetrievalEvaluation& result;
  const std::vector<int64_t>& words;
  std::vector<int64_t> images;
};

/// The columns of the k greatest values of a row, best first. Of equal values the column comes
/// first whose `place` is smaller.
template <typename Place>
std::vector<int64_t> best_columns(std::span<const float> row, int64_t k, const Place& place) {
  std::vector<int64_t> order(row.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto end = order.begin() + std::min<int64_t>(k, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    const float left = row[static_cast<size_t>(a)], right = row[static_cast<size_t>(b)];
    return left != right ? left > right : place(a) < place(b);
  });
  order.resize(static_cast<size_t>(end - order.begin()));
  return order;
}

/// Cosines with the best k texts of each picture, and the best k pictures of each text, replaced by
/// ITM logit + cosine; the others far below.
struct Reranked {
  std::vector<float> by_image, by_text;  // [N, M] each
};

std::span<const float> row_of(const at::Tensor& scores, int64_t row) {
  const auto columns = static_cast<size_t>(scores.size(1));
  return {scores.const_data_ptr<float>() + static_cast<size_t>(row) * columns, columns};
}

/// The cells (image * M + text) of the k best texts of each picture. Of equal texts the picture's
/// own comes first.
std::vector<int64_t> text_candidates(const EncodedSet& set, const std::vector<int64_t>& text_images,
                                     int64_t k) {
  const int64_t num_texts = set.similarity.size(1);
  std::vector<int64_t> cells;
  for (int64_t image = 0; image < set.similarity.size(0); ++image) {
    const auto place = [&](int64_t text) {
      const auto at = static_cast<size_t>(text);
      return std::tuple(set.text_rows[at], text_images[at] != image, text);
    };
    for (const int64_t text : best_columns(row_of(set.similarity, image), k, place)) {
      cells.push_back(image * num_texts + text);
    }
  }
  std::ranges::sort(cells);
  return cells;
}

/// The cells of the k best pictures of each text.
std::vector<int64_t> image_candidates(const EncodedSet& set, int64_t k) {
  const at::Tensor by_text = set.similarity.t().contiguous();  // [M, N]
  const int64_t num_texts = by_text.size(0);
  std::vector<int64_t> cells;
  for (int64_t text = 0; text < num_texts; ++text) {
    for (const int64_t image : best_columns(row_of(by_text, text), k, std::identity())) {
      cells.push_back(image * num_texts + text);
    }
  }
  std::ranges::sort(cells);
  return cells;
}

Reranked rerank(const Bundle& bundle, const EncodedSet& set,
                const std::vector<int64_t>& text_images, int64_t k) {
  const std::vector<int64_t> of_images = text_candidates(set, text_images, k);
  const std::vector<int64_t> of_texts = image_candidates(set, k);
  std::vector<int64_t> pairs;  // a pair that both directions ask for is matched once
  std::ranges::set_union(of_images, of_texts, std::back_inserter(pairs));
  const int64_t num_texts = set.similarity.size(1);
  std::vector<int64_t> images, texts;
  for (const int64_t cell : pairs) {
    images.push_back(cell / num_texts);
    texts.push_back(set.text_rows[static_cast<size_t>(cell % num_texts)]);
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
    std::set<std::string_view> own;
    for (auto t = static_cast<size_t>(result.first_texts[static_cast<size_t>(i)]);
         t < result.texts.size() && result.text_images[t] == i; ++t) {
      own.insert(result.texts[t]);
    }
    std::vector<int64_t> negatives;
    std::vector<double> scores;
    for (int64_t t = 0; t < result.num_texts; ++t) {
      if (own.contains(result.texts[static_cast<size_t>(t)])) continue;
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
    for (const int64_t text : {result.first_texts[static_cast<size_t>(i)], negatives[drawn]}) {
      texts.push_back(set.text_rows[static_cast<size_t>(text)]);
    }
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

/// Fills embeds and similarity of the pictures that can be read.
EncodedSet encode_set(const Bundle& bundle, std::vector<Record>& pictures,
                      const EvaluationOptions& options, const FailedInput& failed) {
  EncodedSet set;
  std::vector<at::Tensor> embeds;
  for_each_batch(bundle, pictures, options, failed, [&](const std::vector<Picture>& batch) {
    embeds.push_back(encode_pictures(bundle, pixels_of(batch)));
  });
  if (!embeds.empty()) set.embeds = at::cat(embeds);
  return set;
}

void compare(const Bundle& bundle, const std::vector<std::string>& texts, int64_t max_text_length,
             EncodedSet& set) {
  std::vector<std::string> different;
  std::unordered_map<std::string_view, int64_t> rows;
  for (const std::string& text : texts) {
    const auto [row, is_new] = rows.emplace(text, std::ssize(different));
    if (is_new) different.push_back(text);
    set.text_rows.push_back(row->second);
  }
  set.texts = text_features(bundle, different, max_text_length);
  set.similarity = all_similarities(image_features(bundle, set.embeds), set.texts.projected)
                       .to(at::kCPU, at::kFloat)
                       .index_select(1, to_tensor(set.text_rows, at::kCPU))
                       .contiguous();
}

void add_reranked(const Bundle& bundle, const EncodedSet& set, int64_t candidates,
                  RetrievalEvaluation& result) {
  const Recalls recalls(result, set);
  const Reranked scores = rerank(bundle, set, result.text_images, candidates);
  const RetrievalScores texts = retrieval_scores(recalls.problem(scores.by_image));
  RetrievalScores both = retrieval_scores(recalls.problem(scores.by_text));
  both.txt_r1 = texts.txt_r1;
  both.txt_r5 = texts.txt_r5;
  both.txt_r10 = texts.txt_r10;
  both.txt_r_mean = texts.txt_r_mean;
  both.r_mean = (both.txt_r_mean + both.img_r_mean) / 2;
  result.reranked = both;
}

}  // namespace

RetrievalEvaluation evaluate_retrieval(const Bundle& bundle, const Source& source,
                                       const EvaluationOptions& options) {
  if (!has_similarity(bundle)) {
    fail(ErrorCode::kUnsupported,
         "retrieval is scored by ITC: expected a BLIP-2 of stage 1, a BLIP for retrieval or a "
         "CLIP");
  }
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle.arithmetic);
  RetrievalEvaluation result;
  const FailedInput failed = counted(options.failed, result.num_failed);
  std::vector<Record> pictures = open_set(source, options, failed);
  remove_unreadable_texts(bundle, options.max_text_length, pictures, failed);
  EncodedSet set = encode_set(bundle, pictures, options, failed);
  require_some(pictures, source);
  list_texts(pictures, result);
  result.has_matching = has_matching(bundle);
  compare(bundle, result.texts, options.max_text_length, set);
  result.similarity.assign(set.similarity.const_data_ptr<float>(),
                           set.similarity.const_data_ptr<float>() + set.similarity.numel());
  const Recalls recalls(result, set);
  result.itc = retrieval_scores(recalls.problem(result.similarity));
  result.chance = chance_scores(recalls.problem(result.similarity));
  if (!result.has_matching) return result;
  if (options.rerank > 0) add_reranked(bundle, set, options.rerank, result);
  result.itm_accuracy_random = itm_accuracy(bundle, result, set, false, options.seed);
  result.itm_accuracy_hard = itm_accuracy(bundle, result, set, true, options.seed);
  return result;
}

CaptionEvaluation evaluate_captions(const Bundle& bundle, const Source& source,
                                    const GenerationOptions& generation, const std::string& prompt,
                                    const EvaluationOptions& options) {
  CaptionEvaluation result;
  const FailedInput failed = counted(options.failed, result.num_failed);
  result.pictures = open_set(source, options, failed);
  const Captioner captioner(bundle, generation, prompt, options.seed);
  for_each_batch(bundle, result.pictures, options, failed, [&](const std::vector<Picture>& batch) {
    for (const std::vector<Caption>& captions : captioner.caption(batch)) {
      result.captions.push_back(captions.front().text);
    }
  });
  require_some(result.pictures, source);
  std::vector<std::string> first_references;
  for (const Record& picture : result.pictures) {
    result.images.push_back(picture.image.string());
    result.references.push_back(picture.captions);
    first_references.push_back(picture.captions.front());
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
