// The demo's models at work, in samples (pictures, tokens) a second: a training step of each stage,
// the frozen image encoder, greedy decoding. They need the assets (tools/fetch_assets); inputs are
// random, of the demo's sizes.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/nn/token_batch.h"
#include "blip2/train/objectives.h"
#include "blip2/train/run.h"
#include "blip2/train/stage1.h"
#include "blip2/train/stage2.h"
#include "blip2/workflows/demo/demo.h"
#include "blip2/workflows/demo/plan.h"

namespace blip2 {
namespace {

constexpr int64_t kImageTokens = 49, kImageWidth = 1280;

std::string caption(int64_t row) {
  constexpr std::array<const char*, 4> captions = {
      "a red apple on a wooden table", "grinning face with big eyes", "mountain railway", "a fish"};
  return captions[static_cast<size_t>(row) % captions.size()];
}

/// Arguments: percent of the batch that ITM is computed for.
void stage1_step(benchmark::State& state) {
  const TrainConfig config = demo_stage1({}, "unused", default_assets());
  const Bundle bundle = assemble(config);
  std::vector<NamedTensor> tensors = named_tensors(const_cast<Stage1&>(*bundle.stage1));
  set_trainable(tensors, true);
  std::vector<std::vector<int64_t>> ids;
  for (int64_t row = 0; row < DemoPlan::kStage1Batch; ++row) {
    ids.push_back(bundle.qformer_tokenizer->encode(caption(row)));
  }
  const TokenBatch texts = pad_ids(ids);
  const at::Tensor embeds = at::randn({DemoPlan::kStage1Batch, kImageTokens, kImageWidth});
  SingleProcess communicator;
  Stage1Options options;
  options.itm_share = static_cast<double>(state.range(0)) / 100;
  options.dec_id = bundle.qformer_tokenizer->special_ids().dec;
  for (auto _ : state) {
    const Stage1Losses losses =
        stage1_losses(*bundle.stage1, embeds, {texts.ids, texts.mask}, {}, communicator, options);
    (losses.itc + losses.itm + losses.itg).backward();
  }
  state.SetItemsProcessed(state.iterations() * DemoPlan::kStage1Batch);
}
BENCHMARK(stage1_step)->Arg(100)->Arg(50)->Unit(benchmark::kMillisecond)->UseRealTime();

void stage2_step(benchmark::State& state) {
  const TrainConfig config = demo_ablation({}, "unused", default_assets(), Stage1Use::kWithout);
  Bundle bundle = assemble(config);
  set_trainable(bundle.language_model->tensors(), false);
  set_trainable(named_tensors(*bundle.stage2), true);
  std::vector<std::string> captions;
  for (int64_t row = 0; row < DemoPlan::kStage2Batch; ++row) captions.push_back(caption(row));
  const at::Tensor embeds = at::randn({DemoPlan::kStage2Batch, kImageTokens, kImageWidth});
  for (auto _ : state) {
    const LanguageModelText text = language_model_text(*bundle.text_tokenizer, captions,
                                                       bundle.prompt, bundle.max_text_length);
    const LanguageModelLogits result = language_model_logits(
        *bundle.language_model, language_inputs(*bundle.stage2, embeds), text);
    language_modelling_loss(result.logits, result.targets, 0.0).backward();
  }
  state.SetItemsProcessed(state.iterations() * DemoPlan::kStage2Batch);
}
BENCHMARK(stage2_step)->Unit(benchmark::kMillisecond)->UseRealTime();

void encode_pictures(benchmark::State& state) {
  const ImageEncoderPart part =
      open_image_encoder(default_assets() / "models" / "efficientnet_lite0");
  const at::Tensor pixels = at::randn({state.range(0), 3, 224, 224});
  for (auto _ : state) benchmark::DoNotOptimize(part.encoder->encode(pixels));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode_pictures)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Arguments: rows. Items are new tokens, ten a row.
void greedy_tokens(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  const LanguageModelPart part =
      open_language_model(default_assets() / "models" / "smollm2_135m_instruct");
  const int64_t rows = state.range(0);
  const at::Tensor prompt = at::randn({rows, 12, part.width}) * 0.1356;  // its embeddings' spread
  const at::Tensor mask = at::ones({rows, 12}, at::kLong);
  for (auto _ : state) {
    const std::unique_ptr<Decoder> decoder = part.model->decode(prompt, mask);
    at::Tensor logits = decoder->start();
    for (int token = 0; token < 10; ++token) logits = decoder->step(logits.argmax(-1));
  }
  state.SetItemsProcessed(state.iterations() * rows * 10);
}
BENCHMARK(greedy_tokens)->Arg(1)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace blip2

BENCHMARK_MAIN();
