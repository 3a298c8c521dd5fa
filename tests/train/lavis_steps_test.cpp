// Five optimiser steps of both stages, and of fine-tuning, against LAVIS's own, through the losses,
// the schedule, the optimiser and the loop that `train` runs (goldens:
// tools/make_lavis_step_goldens.py, which says what they hold). Losses and rates within 1e-4;
// gradient norms, and what training did to every tensor (w - w0, not w), within 1e-3.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blip2/models/blip2_model.h"
#include "blip2/models/directory/trained_part.h"
#include "blip2/train/stage1.h"
#include "blip2/train/stage2.h"
#include "blip2/train/trained_tensors.h"
#include "blip2/train/trainer.h"
#include "tests/train/lavis_golden.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::bundle_config;
using testing::caption_end;
using testing::Golden;
using testing::image_encoder;
using testing::language_model;
using testing::Largest;
using testing::relative_error;
using testing::tokenizer;

constexpr double kLossTolerance = 1e-4, kUpdateTolerance = 1e-3;

using NamedValues = std::map<std::string, at::Tensor>;

NamedValues values_of(const std::vector<NamedTensor>& tensors) {
  NamedValues values;
  for (const NamedTensor& named : tensors) {
    values[named.name] = named.tensor->detach().clone();
  }
  return values;
}

/// Replays the recorded batches; what no golden needs of a stage does nothing. `bundle` holds the
/// image encoder, which a fine-tuning trains.
class ReplayedStage : public Stage {
 public:
  ReplayedStage(const Golden& of, bool is_tuned) : golden(of) {
    keys_.freeze_vit = !is_tuned;
    bundle.image_encoder = image_encoder(of);
  }
  void seek(const DataPosition&) override {}
  void save_model(const fs::path&) override {}

  std::vector<NamedTensor> trained_tensors() override {
    return blip2::trained_tensors(bundle, keys_);
  }

  Bundle bundle;

 protected:
  at::Tensor image_embeds(int64_t step) const {
    const at::Tensor pixels = golden.tensor("pixels", step);
    if (!keys_.freeze_vit)
      return bundle.image_encoder->encode_with_graph(pixels, Activations::kKept);
    const at::NoGradGuard no_grad;
    return bundle.image_encoder->encode(pixels);
  }
  const Golden& golden;

 private:
  ModelConfig keys_;
};

class ReplayedStage1 final : public ReplayedStage {
 public:
  ReplayedStage1(const Golden& of, bool is_tuned) : ReplayedStage(of, is_tuned) {
    put_stage1(bundle, load_stage1(bundle_config(of), *of.initial.source, Storage::kOwned));
    set_trainable(trained_tensors(), true);
  }

  StepOutput run_batch(const StepContext& context) override {
    const int64_t step = context.step;
    const Stage1& model = *bundle.stage1;
    const TokenBatch texts{golden.tensor("ids", step), golden.tensor("mask", step)};
    const at::Tensor embeds = image_embeds(step);
    RelatedPairs related;
    if (golden.has("same_image", step)) {
      related.positives = golden.tensor("same_image", step).to(at::kBool);
    }
    expect_negative_weights(embeds, texts, {0, {}, related.positives}, step);
    Stage1Options options;
    options.dec_id = golden.json.at("dec_id");
    options.negatives = {golden.tensor("negative_images", step),
                         golden.tensor("negative_texts", step)};
    const Stage1Losses losses =
        stage1_losses(model, embeds, texts, related, communicator_, options);
    StepOutput output;
    output.loss = total_loss(losses, {});
    output.values = {{"loss_itc", losses.itc.item<double>()},
                     {"loss_itm", losses.itm.item<double>()},
                     {"loss_itg", losses.itg.item<double>()},
                     {"temperature", model.temperature.item<double>()}};
    return output;
  }

 private:
  /// The weights that LAVIS drew its negatives by are those that this program draws by.
  void expect_negative_weights(const at::Tensor& embeds, const TokenBatch& texts,
                               const PairTable& pairs, int64_t step) {
    const at::NoGradGuard no_grad;
    const Stage1& model = *bundle.stage1;
    const at::Tensor image = encode_image(model, embeds).projected;
    const at::Tensor text = encode_text(model, pack_text(texts.ids, texts.mask));
    const at::Tensor similarity = best_query_similarity(image, text) / model.temperature;
    EXPECT_LT(relative_error(negative_weights(similarity, pairs, Negatives::kHard),
                             golden.tensor("text_weights", step)),
              kUpdateTolerance);
    EXPECT_LT(relative_error(negative_weights(similarity.t(), pairs, Negatives::kHard),
                             golden.tensor("image_weights", step)),
              kUpdateTolerance);
  }

  SingleProcess communicator_;
};

class ReplayedStage2 final : public ReplayedStage {
 public:
  ReplayedStage2(const Golden& of, bool is_tuned) : ReplayedStage(of, is_tuned) {
    bundle.language_model = language_model(of);
    bundle.text_tokenizer = tokenizer(of.initial.layout.language);
    bundle.caption_end = caption_end(of);
    put_stage2(bundle, load_stage2(bundle_config(of), *of.initial.source,
                                   language_width(*of.initial.source), Storage::kOwned));
    bundle.prompt = of.json.at("prompt");
    bundle.max_text_length = of.json.at("max_text_length");
    set_trainable(trained_tensors(), true);
  }

  StepOutput run_batch(const StepContext& context) override {
    const CaptionText text = read_text(context.step);
    const Stage2Losses losses =
        stage2_losses(*bundle.stage2, *bundle.language_model, image_embeds(context.step), text);
    StepOutput output;
    output.loss = losses.lm;
    output.values = {{"loss_lm", losses.lm.item<double>()}};
    return output;
  }

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
  options.shape = {.places = golden.json.at("run").at("batches_per_epoch"), .batch_size = 1};
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

/// |found - expected| / |expected| without one element in a hundred, none of which is off by more
/// than a fifth of the largest: where a gradient is little more than rounding, which is another on
/// each kind of processor, Adam makes a whole step of it.
double update_error(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor errors = std::get<0>((found - expected).detach().abs().flatten().sort());
  EXPECT_LE(errors[-1].item<double>(), 0.2 * expected.abs().max().item<double>());
  const int64_t kept = errors.numel() - errors.numel() / 100;
  return errors.narrow(0, 0, kept).norm().item<double>() / expected.norm().item<double>();
}

/// Compares what training did to each tensor. A bias of attention keys has a gradient of exactly 0:
/// Adam moves it by rounding noise alone.
void expect_same_updates(const NamedValues& before, const NamedValues& after,
                         const NamedValues& expected) {
  size_t compared = 0;
  Largest errors("largest_update_error");
  for (const auto& [name, start] : before) {
    if (name.ends_with("attention.key.bias") || name.ends_with("k_proj.bias")) continue;
    const double error = update_error(after.at(name) - start, expected.at(name) - start);
    // The two elements of a matching head's bias: one such gradient is half of the tensor.
    const double tolerance = start.numel() < 10 ? 5 * kUpdateTolerance : kUpdateTolerance;
    EXPECT_LT(errors.of(error), tolerance) << name;
    ++compared;
  }
  EXPECT_GT(compared, 50U);
}

/// The trained tensors as LAVIS left them, under our names. `model` gives the Q-Former's half.
template <typename Model>
NamedValues expected_values(const Golden& golden, Model model, bool is_tuned) {
  NamedValues expected = values_of(named_tensors(model));
  if (!is_tuned) return expected;
  const ImageEncoderWeights weights = image_encoder_weights(golden, *golden.final.source);
  for (const NamedTensor& named : weights.tensors) {
    expected[kVisionPrefix + named.name] = *named.tensor;
  }
  return expected;
}

/// A case, and whether it is a fine-tuning: whether the image encoder is trained.
struct Case {
  const char* name;
  bool is_tuned = false;
};

class LavisStage1 : public ::testing::TestWithParam<Case> {};

TEST_P(LavisStage1, TrainsTheSame) {
  const Golden golden(GetParam().name);
  ReplayedStage1 stage(golden, GetParam().is_tuned);
  const NamedValues before = values_of(stage.trained_tensors());
  run_steps(stage, golden);
  expect_same_updates(
      before, values_of(stage.trained_tensors()),
      expected_values(golden,
                      load_stage1(bundle_config(golden), *golden.final.source, Storage::kOwned),
                      GetParam().is_tuned));
}

class LavisStage2 : public ::testing::TestWithParam<Case> {};

TEST_P(LavisStage2, TrainsTheSame) {
  const Golden golden(GetParam().name);
  ReplayedStage2 stage(golden, GetParam().is_tuned);
  const NamedValues before = values_of(stage.trained_tensors());
  run_steps(stage, golden);
  expect_same_updates(
      before, values_of(stage.trained_tensors()),
      expected_values(golden,
                      load_stage2(bundle_config(golden), *golden.final.source,
                                  language_width(*golden.final.source), Storage::kOwned),
                      GetParam().is_tuned));
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Goldens, LavisStage1,
                         ::testing::Values(Case{"stage1_eva"}, Case{"stage1_clip"},
                                           Case{"retrieval_eva", true},
                                           Case{"retrieval_clip", true}),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Goldens, LavisStage2,
                         ::testing::Values(Case{"opt_eva"}, Case{"opt_prompt_clip"}, Case{"t5_eva"},
                                           Case{"t5_split_clip"}, Case{"llama_clip"},
                                           Case{"caption_opt_eva", true}),
                         case_name);

}  // namespace
}  // namespace blip2
