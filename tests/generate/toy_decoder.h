// A language model whose logits are a table keyed on the last two tokens: the one of
// tools/make_generate_goldens.py.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "blip2/nn/decoder.h"
#include "tests/support/tests_directory.h"

namespace blip2::testing {

inline const nlohmann::json& search_golden() {
  static const nlohmann::json golden = [] {
    std::ifstream file(testing::tests_directory() / "golden/generate/search.json");
    return nlohmann::json::parse(file);
  }();
  return golden;
}

class ToyDecoder : public Decoder {
 public:
  explicit ToyDecoder(std::vector<std::vector<int64_t>> prompts) : histories_(std::move(prompts)) {
    const auto& golden = search_golden();
    vocabulary_ = golden["vocabulary"].get<int64_t>();
    for (const int64_t value : golden["table_times_1e4"].get<std::vector<int64_t>>()) {
      table_.push_back(static_cast<float>(value) / 1e4F);
    }
  }

  void select(const at::Tensor& rows) override {
    std::vector<std::vector<int64_t>> next;
    for (int64_t i = 0; i < rows.numel(); ++i) {
      next.push_back(histories_.at(static_cast<size_t>(rows.const_data_ptr<int64_t>()[i])));
    }
    histories_ = std::move(next);
    ++num_selects_;
  }

  size_t rows_computed() const { return rows_computed_; }
  size_t num_selects() const { return num_selects_; }

 private:
  at::Tensor first_logits() override { return logits(); }

  at::Tensor next_logits(const at::Tensor& ids) override {
    EXPECT_EQ(ids.numel(), static_cast<int64_t>(histories_.size()));
    for (size_t i = 0; i < histories_.size(); ++i) {
      histories_[i].push_back(ids.const_data_ptr<int64_t>()[i]);
    }
    rows_computed_ += histories_.size();
    return logits();
  }

  at::Tensor logits() const {
    const size_t width = static_cast<size_t>(vocabulary_);
    at::Tensor all = at::empty({static_cast<int64_t>(histories_.size()), vocabulary_}, at::kFloat);
    float* out = all.mutable_data_ptr<float>();
    for (const auto& ids : histories_) {
      const size_t key = static_cast<size_t>(ids[ids.size() - 2]) * width +
                         static_cast<size_t>(ids[ids.size() - 1]);
      for (size_t v = 0; v < width; ++v) *out++ = table_[key * width + v];
    }
    return all;
  }

  int64_t vocabulary_ = 0;
  std::vector<float> table_;
  std::vector<std::vector<int64_t>> histories_;
  size_t rows_computed_ = 0;
  size_t num_selects_ = 0;
};

}  // namespace blip2::testing
