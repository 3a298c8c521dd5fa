// CapFilt's steps on a few pictures, in seconds: resizing, encoding by both
// models, writing one and ten captions of each, ranking; and the whole. bench/compare/capfilt.py
// starts it and holds it against transformers.
#include "blip2/tasks/capfilt.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "blip2/base/clock.h"
#include "blip2/base/files.h"
#include "blip2/image/prepare.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/pixel_batch.h"
#include "blip2/tasks/captioner.h"

namespace blip2 {
namespace {

using Json = nlohmann::ordered_json;
using Inputs = std::vector<CapFiltInput>;
using Texts = std::vector<std::string>;

/// Gives seconds: of the processor, all threads together, where the machine is shared, else
/// now_s().
using Clock = double (*)();

double processor_s() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// Seconds that f() takes.
template <typename F>
double seconds(Clock clock, F f) {
  const double start = clock();
  f();
  return clock() - start;
}

at::Tensor pixels_for(const Bundle& bundle, const Inputs& inputs) {
  std::vector<std::vector<float>> pixels;
  for (const CapFiltInput& input : inputs) {
    pixels.push_back(prepare_pixels(input.image, bundle.transform));
  }
  const int64_t size = bundle.transform.image_size;
  return stack_pixels({pixels.begin(), pixels.end()}, size, size);
}

CapFiltOptions options_for(const Bundle& captioner, int64_t num_captions) {
  CapFiltOptions options;
  options.generation = default_capfilt_generation(captioner);
  options.generation.num_return_sequences = num_captions;
  options.generation.min_length = *options.generation.max_length;  // random weights never end
  options.prompt = default_capfilt_prompt(captioner);
  return options;
}

/// Captions of every picture, one list after another; the seconds go into `result`.
Texts write(Clock clock, const Bundle& captioner, const at::Tensor& embeds, int64_t num_captions,
            Json& result) {
  const CapFiltOptions options = options_for(captioner, num_captions);
  std::vector<Prompt> prompts;
  std::vector<uint64_t> streams;
  for (int64_t i = 0; i < embeds.size(0); ++i) {
    prompts.push_back({i, options.prompt});
    streams.push_back(static_cast<uint64_t>(i));
  }
  Texts texts;
  size_t num_tokens = 0;
  result[fmt::format("decode_{}", num_captions)] = seconds(clock, [&] {
    for (const auto& captions : write_captions(start_writing(captioner, embeds, prompts),
                                               options.generation, streams, options.seed)) {
      for (const Caption& caption : captions) {
        texts.push_back(caption.text);
        num_tokens += caption.tokens.size();
      }
    }
  });
  result[fmt::format("tokens_{}", num_captions)] = num_tokens;
  return texts;
}

Json measure(Clock clock, const Bundle& captioner, const Bundle& ranker, const Inputs& inputs) {
  Json result;
  at::Tensor captioner_pixels, ranker_pixels, captioner_embeds, ranker_embeds;
  result["prepare"] = seconds(clock, [&] {
    captioner_pixels = pixels_for(captioner, inputs);
    ranker_pixels = pixels_for(ranker, inputs);
  });
  result["encode_captioner"] =
      seconds(clock, [&] { captioner_embeds = encode_images(captioner, captioner_pixels); });
  result["encode_ranker"] =
      seconds(clock, [&] { ranker_embeds = encode_images(ranker, ranker_pixels); });
  write(clock, captioner, captioner_embeds, 1, result);
  Texts texts = write(clock, captioner, captioner_embeds, 10, result);
  for (const CapFiltInput& input : inputs) {
    texts.insert(texts.end(), input.web_captions.begin(), input.web_captions.end());
  }
  result["rank"] = seconds(clock, [&] {
    const TextFeatures read = text_features(ranker, texts, ranker.max_text_length);
    all_similarities(image_features(ranker, ranker_embeds), read.projected);
  });
  const CapFilt capfilt({&captioner, &ranker}, options_for(captioner, 10));
  std::vector<CapFiltResult> results;
  result["all"] = seconds(clock, [&] { results = capfilt.run(inputs); });
  for (const CapFiltResult& picture : results) {
    Json candidates = Json::array();
    for (const CaptionCandidate& c : picture.candidates) {
      candidates.push_back({{"text", c.text}, {"score", c.score}});
    }
    result["candidates"].push_back(candidates);
  }
  return result;
}

}  // namespace
}  // namespace blip2

int main(int argc, char** argv) {
  if (argc < 7) {
    fmt::print("bench_capfilt: run bench/compare/capfilt.py, which makes its models\n");
    return 0;
  }
  using namespace blip2;
  const at::NoGradGuard no_grad;
  at::set_num_threads(std::atoi(argv[3]));
  const Clock clock = argv[4] == std::string("wall") ? now_s : processor_s;
  const bool is_bfloat16 = argv[5] == std::string("bfloat16");
  const BundleOptions options = bundle_options(is_bfloat16 ? "bfloat16" : "float32", at::kCPU);
  const Bundle captioner = load_bundle(argv[1], options), ranker = load_bundle(argv[2], options);
  const Autocast autocast(options.arithmetic);  // for the parts that no task measures
  Inputs inputs;
  for (int i = 6; i < argc; ++i) {
    const MappedFile file(argv[i]);
    inputs.push_back({argv[i], decode_rgba(file.bytes(), argv[i]), {"babebi bobubabi"}});
  }
  measure(clock, captioner, ranker, inputs);  // weights come from the disk, caches fill
  fmt::print("{}\n", measure(clock, captioner, ranker, inputs).dump());
}
