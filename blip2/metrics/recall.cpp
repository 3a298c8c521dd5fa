// Ranks of the first right answer in a similarity matrix.
#include "blip2/metrics/recall.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

void check(const RetrievalProblem& problem, bool with_scores) {
  const auto expect = [](const char* what, int64_t expected, size_t found) {
    if (expected <= 0 || static_cast<uint64_t>(expected) != found) {
      fail(ErrorCode::kInvalidArgument, "retrieval scores: expected {} {}, found {}", expected,
           what, found);
    }
  };
  expect("groups of images", problem.num_images, problem.image_groups.size());
  expect("groups of texts", problem.num_texts, problem.text_groups.size());
  if (!problem.words.empty()) expect("words of texts", problem.num_texts, problem.words.size());
  if (with_scores) {
    expect("similarities", problem.num_images * problem.num_texts, problem.similarity.size());
  }
}

/// One side asks, the other answers; the strides say how to walk the matrix.
struct Direction {
  std::span<const int64_t> query_groups;
  std::span<const int64_t> answer_groups;
  std::span<const int64_t> answer_words;  // may be empty
  size_t query_stride;
  size_t answer_stride;
  const char* query_name;
};

Direction texts_for_images(const RetrievalProblem& problem) {
  return {problem.image_groups,
          problem.text_groups,
          problem.words,
          static_cast<size_t>(problem.num_texts),
          1,
          "image"};
}

Direction images_for_texts(const RetrievalProblem& problem) {
  return {problem.text_groups,
          problem.image_groups,
          {},
          1,
          static_cast<size_t>(problem.num_texts),
          "text"};
}

std::vector<int64_t> ranks(std::span<const float> similarity, const Direction& direction) {
  std::vector<int64_t> result;
  for (size_t q = 0; q < direction.query_groups.size(); ++q) {
    const int64_t group = direction.query_groups[q];
    const auto score = [&](size_t a) {
      return similarity[q * direction.query_stride + a * direction.answer_stride];
    };
    bool has_answer = false;
    float best = -std::numeric_limits<float>::infinity();
    for (size_t a = 0; a < direction.answer_groups.size(); ++a) {
      if (direction.answer_groups[a] != group) continue;
      has_answer = true;
      if (score(a) > best) best = score(a);  // false for NaN
    }
    if (!has_answer) {
      fail(ErrorCode::kInvalidArgument, "retrieval scores: {} {} has no right answer (group {})",
           direction.query_name, q, group);
    }
    std::set<int64_t> best_words;  // of the right answers with the best score
    for (size_t a = 0; a < direction.answer_words.size(); ++a) {
      if (direction.answer_groups[a] == group && score(a) == best) {
        best_words.insert(direction.answer_words[a]);
      }
    }
    int64_t rank = 0;
    for (size_t a = 0; a < direction.answer_groups.size(); ++a) {
      if (direction.answer_groups[a] == group || score(a) < best) continue;
      const bool says_the_same = score(a) == best && !direction.answer_words.empty() &&
                                 best_words.contains(direction.answer_words[a]);
      if (!says_the_same) ++rank;
    }
    result.push_back(rank);
  }
  return result;
}

/// The share of ranks below k, in percent.
double recall_at(const std::vector<int64_t>& ranks, int64_t k) {
  int64_t hits = 0;
  for (const int64_t rank : ranks) hits += rank < k ? 1 : 0;
  return 100.0 * static_cast<double>(hits) / static_cast<double>(ranks.size());
}

/// 1 - C(n - m, k) / C(n, k), the chance that k of n answers drawn at random hold one of m right
/// ones.
double chance_at(const Direction& direction, int64_t k) {
  std::unordered_map<int64_t, int64_t> num_right;
  for (const int64_t group : direction.answer_groups) ++num_right[group];
  const auto total = static_cast<int64_t>(direction.answer_groups.size());
  double sum = 0;
  for (const int64_t group : direction.query_groups) {
    const auto found = num_right.find(group);
    const int64_t right = found == num_right.end() ? 0 : found->second;
    double miss = 1;
    for (int64_t i = 0; i < k; ++i) {
      if (total - right - i <= 0) {
        miss = 0;
        break;
      }
      miss *= static_cast<double>(total - right - i) / static_cast<double>(total - i);
    }
    sum += 1 - miss;
  }
  return 100.0 * sum / static_cast<double>(direction.query_groups.size());
}

template <typename AtK>
RetrievalScores summarise(const AtK& text_recall, const AtK& image_recall) {
  RetrievalScores scores;
  scores.txt_r1 = text_recall(1);
  scores.txt_r5 = text_recall(5);
  scores.txt_r10 = text_recall(10);
  scores.txt_r_mean = (scores.txt_r1 + scores.txt_r5 + scores.txt_r10) / 3;
  scores.img_r1 = image_recall(1);
  scores.img_r5 = image_recall(5);
  scores.img_r10 = image_recall(10);
  scores.img_r_mean = (scores.img_r1 + scores.img_r5 + scores.img_r10) / 3;
  scores.r_mean = (scores.txt_r_mean + scores.img_r_mean) / 2;
  return scores;
}

}  // namespace

std::vector<int64_t> text_ranks(const RetrievalProblem& problem) {
  check(problem, true);
  return ranks(problem.similarity, texts_for_images(problem));
}

std::vector<int64_t> image_ranks(const RetrievalProblem& problem) {
  check(problem, true);
  return ranks(problem.similarity, images_for_texts(problem));
}

RetrievalScores retrieval_scores(const RetrievalProblem& problem) {
  const auto recall = [](const std::vector<int64_t>& all) {
    return [&all](int64_t k) { return recall_at(all, k); };
  };
  const std::vector<int64_t> texts = text_ranks(problem);
  const std::vector<int64_t> images = image_ranks(problem);
  return summarise(recall(texts), recall(images));
}

RetrievalScores chance_scores(const RetrievalProblem& problem) {
  check(problem, false);
  const auto chance = [](const Direction& direction) {
    return [direction](int64_t k) { return chance_at(direction, k); };
  };
  return summarise(chance(texts_for_images(problem)), chance(images_for_texts(problem)));
}

std::vector<std::pair<std::string_view, double>> named_scores(const RetrievalScores& scores) {
  return {{"txt_r1", scores.txt_r1},   {"txt_r5", scores.txt_r5},
          {"txt_r10", scores.txt_r10}, {"txt_r_mean", scores.txt_r_mean},
          {"img_r1", scores.img_r1},   {"img_r5", scores.img_r5},
          {"img_r10", scores.img_r10}, {"img_r_mean", scores.img_r_mean},
          {"r_mean", scores.r_mean}};
}

}  // namespace blip2
