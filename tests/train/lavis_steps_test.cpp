// Five optimiser steps of both stages against LAVIS's own, through the losses, the schedule, the
// optimiser and the loop that `train` runs (goldens: tools/make_lavis_step_goldens.py, which says
// what they hold). Losses and rates within 1e-4; gradient norms, and what training did to every
// tensor (w - w0, not w), within 1e-3.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/models/bundle_config.h"
#include "blip2/models/families.h"
#include "blip2/models/lavis_shapes.h"
#include "blip2/models/lavis_source.h"
#include "blip2/models/names_hugging_face.h"
#include "blip2/models/parts.h"
#include "blip2/models/trained_part.h"
#include "blip2/train/stage1.h"
#include "blip2/train/stage2.h"
#include "blip2/train/trainer.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kLossTolerance = 1e-4, kUpdateTolerance = 1e-3;

double relative_error(double found, double expected) {
  return std::abs(found - expected) / std::abs(expected);
}

/// |found - expected| / |expected|, of norms.
double relative_error(const at::Tensor& found, const at::Tensor& expected) {
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
  const Json& row(int64_t step) const { return json.at("steps").at(static_cast<size_t>(step - 1)); }
  std::vector<std::string> captions(int64_t step) const { return row(step).at("captions"); }

  Json json;
  LavisFile initial, final;

 private:
  static fs::path file(const std::string& name, const char* part) {
    return testing::golden("lavis_" + name) / part;
  }
  std::unique_ptr<TensorSource> steps_;
};

BundleConfig bundle_config(const Golden& golden) {
  QFormerConfig base;
  base.num_attention_heads = golden.json.at("qformer_heads");
  BundleConfig config;
  config.qformer = qformer_sizes(*golden.initial.source, base);
  config.image_norm_eps = 1e-5;  // LAVIS's ln_vision, whatever the encoder
  if (golden.initial.layout.model == LavisModel::kStage1) {
    config.image_text_hidden_size = joint_width(*golden.initial.source);
  } else {
    config.kind = DirectoryKind::kGeneration;
  }
  return config;
}

std::unique_ptr<ImageEncoder> image_encoder(const Golden& golden) {
  VisionWeights weights =
      make_vision_weights(parse_vision(golden.json.at("vision_config").dump(), "vision_config"));
  load(*golden.initial.source, prefixed_slots(weight_tensors(weights), kVisionPrefix),
       {.ignore_unused = tensors_beside_vision()});
  return make_image_encoder(std::move(weights));
}

/// With the exact GELU, as training opens a T5.
std::unique_ptr<LanguageModel> language_model(const Golden& golden) {
  std::string json = golden.json.at("text_config").dump();
  if (golden.initial.layout.language == LavisLanguage::kT5) json = with_exact_gelu(json);
  const LanguageConfig config = parse_language(json, "text_config");
  LanguageWeights weights = make_language_weights(config);
  load(*golden.initial.source, language_slots(weights, config, kLanguagePrefix),
       {.ignore_unused = tensors_beside_language()});
  return make_language_model(std::move(weights));
}

std::unique_ptr<Tokenizer> tokenizer(LavisLanguage language) {
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

using NamedValues = std::map<std::string, at::Tensor>;

template <typename Model>
NamedValues values_of(Model& model) {
  NamedValues values;
  for (const NamedTensor& named : named_tensors(model)) {
    values[named.name] = named.tensor->detach().clone();
  }
  return values;
}

/// Replays the recorded batches; what no golden needs of a stage does nothing.
class ReplayedStage : public Stage {
 public:
  explicit ReplayedStage(const Golden& of) : golden(of), encoder_(image_encoder(of)) {}
  void seek(const DataPosition&) override {}
  void save_model(const fs::path&) override {}

 protected:
  at::Tensor image_embeds(int64_t step) const {
    const at::NoGradGuard no_grad;
    return encoder_->encode(golden.tensor("pixels", step));
  }
  const Golden& golden;

 private:
  std::unique_ptr<ImageEncoder> encoder_;
};

class ReplayedStage1 final : public ReplayedStage {
 public:
  explicit ReplayedStage1(const Golden& of)
      : ReplayedStage(of),
        model(load_stage1(bundle_config(of), *of.initial.source, Storage::kOwned)) {
    set_trainable(trained_tensors(), true);
  }

  std::vector<NamedTensor> trained_tensors() override { return named_tensors(model); }

  StepOutput run_batch(const StepContext& context) override {
    const int64_t step = context.step;
    const Stage1Texts texts{golden.tensor("ids", step), golden.tensor("mask", step)};
    const at::Tensor embeds = image_embeds(step);
    expect_negative_weights(embeds, texts, step);
    Stage1Options options;
    options.dec_id = golden.json.at("dec_id");
    options.negatives = {golden.tensor("negative_images", step),
                         golden.tensor("negative_texts", step)};
    const Stage1Losses losses = stage1_losses(model, embeds, texts, {}, communicator_, options);
    StepOutput output;
    output.loss = total_loss(losses, {});
    output.values = {{"loss_itc", losses.itc.item<double>()},
                     {"loss_itm", losses.itm.item<double>()},
                     {"loss_itg", losses.itg.item<double>()},
                     {"temperature", model.temperature.item<double>()}};
    return output;
  }

  Stage1 model;

 private:
  /// The weights that LAVIS drew its negatives by are those that this program draws by.
  void expect_negative_weights(const at::Tensor& embeds, const Stage1Texts& texts, int64_t step) {
    const at::NoGradGuard no_grad;
    const at::Tensor image = encode_image(model, embeds).projected;
    const at::Tensor text = encode_text(model, pack_text(texts.ids, texts.mask));
    const at::Tensor similarity = best_query_similarity(image, text) / model.temperature;
    EXPECT_LT(relative_error(negative_weights(similarity, {}, Negatives::kHard),
                             golden.tensor("text_weights", step)),
              kUpdateTolerance);
    EXPECT_LT(relative_error(negative_weights(similarity.t(), {}, Negatives::kHard),
                             golden.tensor("image_weights", step)),
              kUpdateTolerance);
  }

  SingleProcess communicator_;
};

class ReplayedStage2 final : public ReplayedStage {
 public:
  explicit ReplayedStage2(const Golden& of) : ReplayedStage(of) {
    bundle.generative = load_generative(bundle_config(of), *of.initial.source,
                                        language_width(*of.initial.source), Storage::kOwned);
    bundle.language_model = language_model(of);
    bundle.text_tokenizer = tokenizer(of.initial.layout.language);
    bundle.prompt = of.json.at("prompt");
    bundle.max_text_length = of.json.at("max_text_length");
    set_trainable(trained_tensors(), true);
  }

  std::vector<NamedTensor> trained_tensors() override { return named_tensors(*bundle.generative); }

  StepOutput run_batch(const StepContext& context) override {
    const CaptionText text = read_text(context.step);
    const Stage2Losses losses =
        stage2_losses(*bundle.generative, *bundle.language_model, image_embeds(context.step), text);
    StepOutput output;
    output.loss = losses.lm;
    output.values = {{"loss_lm", losses.lm.item<double>()}};
    return output;
  }

  Bundle bundle;

 private:
  /// Made of the captions, and LAVIS's to the token.
  CaptionText read_text(int64_t step) const {
    const std::vector<std::string> captions = golden.captions(step);
    const auto expect_same = [&](const at::Tensor& found, const char* name) {
      EXPECT_TRUE(at::equal(found, golden.tensor(name, step))) << name << ", step " << step;
    };
    std::vector<int64_t> cuts(captions.size(), 0);
    const bool is_t5 = golden.initial.layout.language == LavisLanguage::kT5;
    if (is_t5) {
      const at::Tensor recorded = golden.tensor("cuts", step);
      for (size_t i = 0; i < cuts.size(); ++i) cuts[i] = recorded.const_data_ptr<int64_t>()[i];
    }
    const CaptionText text = caption_text(bundle, captions, cuts);
    if (is_t5) {
      const auto& prefixed = std::get<PrefixLanguageModelText>(text);
      expect_same(prefixed.prefix_ids, "prefix_ids");
      expect_same(prefixed.prefix_mask, "prefix_mask");
      expect_same(prefixed.target_ids, "target_ids");
      expect_same(prefixed.target_mask, "target_mask");
    } else {
      const auto& causal = std::get<LanguageModelText>(text);
      expect_same(causal.ids, "ids");
      expect_same(causal.mask, "mask");
      expect_same(causal.targets, "targets");
    }
    return text;
  }
};

RunConfig run_config(const Json& golden, int64_t num_steps, const fs::path& output) {
  RunConfig run;
  run.output_dir = output.string();
  run.recipe = golden.at("recipe");
  run.max_steps = num_steps;
  run.max_epoch = golden.at("max_epoch");
  run.init_lr = golden.at("init_lr");
  run.min_lr = golden.at("min_lr");
  run.warmup_lr = golden.at("warmup_lr");
  run.warmup_steps = golden.at("warmup_steps");
  run.weight_decay = golden.at("weight_decay");
  run.beta2 = golden.at("beta2");
  return run;
}

/// Trains, and compares every row of the log.
void run_steps(Stage& stage, const Golden& golden) {
  const testing::TemporaryFolder folder;
  const auto num_steps = static_cast<int64_t>(golden.json.at("steps").size());
  SingleProcess communicator;
  TrainerOptions options;
  options.batches_per_epoch = golden.json.at("run").at("batches_per_epoch");
  int64_t compared = 0;
  Largest losses("largest_loss_error"), norms("largest_gradient_norm_error");
  options.after_step = [&](const LogRow& row) {
    SCOPED_TRACE(fmt::format("step {}", row.step));
    const Json& expected = golden.row(row.step);
    const auto number = [&](const std::string& name) { return expected.at(name).get<double>(); };
    EXPECT_TRUE(row.applied);
    EXPECT_LT(losses.of(relative_error(row.loss, number("loss"))), kLossTolerance);
    EXPECT_LT(relative_error(row.lr, number("lr")), kLossTolerance);
    EXPECT_LT(norms.of(relative_error(row.grad_norm, number("grad_norm"))), kUpdateTolerance);
    for (const auto& [name, value] : row.values) {
      EXPECT_LT(losses.of(relative_error(value, number(name))), kLossTolerance) << name;
    }
    ++compared;
  };
  train(stage, run_config(golden.json.at("run"), num_steps, folder / "run"), communicator, options);
  EXPECT_EQ(compared, num_steps);
}

/// Compares what training did to each tensor. A bias of attention keys has a gradient of exactly 0:
/// Adam moves it by rounding noise alone.
void expect_same_updates(const NamedValues& before, const NamedValues& after,
                         const NamedValues& expected) {
  size_t compared = 0;
  Largest errors("largest_update_error");
  for (const auto& [name, start] : before) {
    if (name.ends_with("attention.key.bias")) continue;
    const double error = relative_error(after.at(name) - start, expected.at(name) - start);
    EXPECT_LT(errors.of(error), kUpdateTolerance) << name;
    ++compared;
  }
  EXPECT_GT(compared, 50U);
}

class LavisStage1 : public ::testing::TestWithParam<std::string> {};

TEST_P(LavisStage1, TrainsTheSame) {
  const Golden golden(GetParam());
  ReplayedStage1 stage(golden);
  const NamedValues before = values_of(stage.model);
  run_steps(stage, golden);
  Stage1 expected = load_stage1(bundle_config(golden), *golden.final.source, Storage::kOwned);
  expect_same_updates(before, values_of(stage.model), values_of(expected));
}

class LavisStage2 : public ::testing::TestWithParam<std::string> {};

TEST_P(LavisStage2, TrainsTheSame) {
  const Golden golden(GetParam());
  ReplayedStage2 stage(golden);
  const NamedValues before = values_of(*stage.bundle.generative);
  run_steps(stage, golden);
  Generative expected = load_generative(bundle_config(golden), *golden.final.source,
                                        language_width(*golden.final.source), Storage::kOwned);
  expect_same_updates(before, values_of(*stage.bundle.generative), values_of(expected));
}

std::string case_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Goldens, LavisStage1, ::testing::Values("stage1_eva", "stage1_clip"),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Goldens, LavisStage2,
                         ::testing::Values("opt_eva", "opt_prompt_clip", "t5_eva", "t5_split_clip",
                                           "llama_clip"),
                         case_name);

}  // namespace
}  // namespace blip2
