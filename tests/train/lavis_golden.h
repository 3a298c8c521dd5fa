// The files of one case of LAVIS's own optimiser steps (tools/make_lavis_step_goldens.py), and its
// parts as the program holds them.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/edits.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/part_names.h"
#include "blip2/models/language/families.h"
#include "blip2/models/lavis/shapes.h"
#include "blip2/models/lavis/source.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/vision/families.h"
#include "tests/train/support.h"

namespace blip2::testing {

namespace fs = std::filesystem;
using Json = nlohmann::json;

inline double relative_error(double found, double expected) {
  return std::abs(found - expected) / std::abs(expected);
}

/// |found - expected| / |expected|, of norms.
inline double relative_error(const at::Tensor& found, const at::Tensor& expected) {
  const auto norm = [](const at::Tensor& x) {
    return x.detach().to(at::kDouble).norm().item<double>();
  };
  return norm(found.detach() - expected.detach()) / norm(expected);
}

/// The largest of the errors seen, for a report (--gtest_output=json:FILE).
class Largest {
 public:
  explicit Largest(std::string name) : name_(std::move(name)) {}
  ~Largest() { ::testing::Test::RecordProperty(name_, fmt::format("{:.1e}", value_)); }
  Largest(const Largest&) = delete;
  Largest& operator=(const Largest&) = delete;

  double of(double error) {
    value_ = std::max(value_, error);
    return error;
  }

 private:
  std::string name_;
  double value_ = 0;
};

/// The goldens' tokenizer: texts are numbers with spaces between, a number is its own id.
class NumberTokenizer final : public Tokenizer {
 public:
  struct Frame {
    std::vector<int64_t> prefix, suffix;
    int64_t line_feed = -1;
    SpecialIds ids;
  };
  explicit NumberTokenizer(Frame frame) : frame_(std::move(frame)) {
    for (int64_t id = 0; id < 64; ++id) vocabulary_.add(std::to_string(id), id, "numbers");
    vocabulary_.set_special_ids(frame_.ids, "numbers");
  }

  std::vector<int64_t> encode(std::string_view text, Specials specials) const override {
    const bool framed = specials == Specials::kWith;
    std::vector<int64_t> ids;
    if (framed) ids = frame_.prefix;
    for (const char *at = text.data(), *end = at + text.size(); at < end;) {
      if (*at == '\n') ids.push_back(frame_.line_feed);
      int64_t id = 0;
      const auto [after, error] = std::from_chars(at, end, id);
      if (error == std::errc()) ids.push_back(id);
      at = std::max(after, at + 1);
    }
    if (framed) ids.insert(ids.end(), frame_.suffix.begin(), frame_.suffix.end());
    return ids;
  }
  std::string decode(std::span<const int64_t>, Specials) const override { return ""; }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void save(const fs::path&) const override {}

 private:
  Frame frame_;
  Vocabulary vocabulary_;
};

/// The files of a case.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : json(Json::parse(read_file(file(name, "steps.json")))),
        initial(from_lavis(open_source(file(name, "initial.safetensors")))),
        final(from_lavis(open_source(file(name, "final.safetensors")))),
        steps_(open_source(file(name, "steps.safetensors"))) {}

  at::Tensor tensor(const std::string& name, int64_t step) const {
    return steps_->read(fmt::format("{}.{}", name, step)).clone();
  }
  bool has(const std::string& name, int64_t step) const {
    return steps_->has(fmt::format("{}.{}", name, step));
  }
  const Json& row(int64_t step) const { return json.at("steps").at(static_cast<size_t>(step - 1)); }
  std::vector<std::string> captions(int64_t step) const { return row(step).at("captions"); }

  Json json;
  LavisFile initial, final;

 private:
  static fs::path file(const std::string& name, const char* part) {
    return golden("lavis_" + name) / part;
  }
  std::unique_ptr<TensorSource> steps_;
};

inline Blip2Config bundle_config(const Golden& golden) {
  QFormerConfig base;
  base.num_attention_heads = golden.json.at("qformer_heads");
  Blip2Config config;
  config.qformer = qformer_sizes(*golden.initial.source, base);
  config.image_norm_eps = 1e-5;  // LAVIS's ln_vision, whatever the encoder
  if (golden.initial.layout.model == LavisModel::kStage1) {
    config.image_text_hidden_size = joint_width(*golden.initial.source);
  } else {
    config.kind = DirectoryKind::kStage2;
  }
  return config;
}

/// The image encoder's weights out of `source`; the other parts' are ignored.
inline ImageEncoderWeights image_encoder_weights(const Golden& golden, const TensorSource& source) {
  ImageEncoderWeights weights =
      parse_image_encoder(golden.json.at("vision_config").dump(), "vision_config").make();
  load(source, slots_by(image_encoder_names(), weights.tensors, source), {.ignore_unused = {"**"}});
  return weights;
}

inline std::unique_ptr<ImageEncoder> image_encoder(const Golden& golden) {
  return image_encoder_weights(golden, *golden.initial.source).finish(0);
}

/// With the exact GELU, as training opens a T5.
inline std::unique_ptr<LanguageModel> language_model(const Golden& golden) {
  std::string json = golden.json.at("text_config").dump();
  if (golden.initial.layout.language == LavisLanguage::kT5) json = with_exact_gelu(json);
  const LanguageModelWeights weights = parse_language_model(json, "text_config").make();
  const TensorSource& source = *golden.initial.source;
  load(source, language_model_slots(weights, language_model_names(), source),
       {.ignore_unused = {"**"}});
  return weights.finish();
}

inline CaptionEnd caption_end(const Golden& golden) {
  return parse_language_model(golden.json.at("text_config").dump(), "text_config").caption_end;
}

inline std::unique_ptr<Tokenizer> tokenizer(LavisLanguage language) {
  switch (language) {
    case LavisLanguage::kOpt:
      return std::make_unique<NumberTokenizer>(
          NumberTokenizer::Frame{{2}, {}, 5, {.bos = 2, .eos = 2, .pad = 1}});
    case LavisLanguage::kT5:
      return std::make_unique<NumberTokenizer>(
          NumberTokenizer::Frame{{}, {1}, -1, {.eos = 1, .pad = 0}});
    default:
      return std::make_unique<NumberTokenizer>(
          NumberTokenizer::Frame{{1}, {}, -1, {.bos = 1, .eos = 2}});
  }
}

}  // namespace blip2::testing
