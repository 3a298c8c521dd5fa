// Pictures a second of processor time through the training pipeline on one core: read from a shard
// or a file, decode, crop at random, resize, normalise. bench/compare/pictures.py makes the
// pictures and runs Pillow with PyTorch's DataLoader beside it:
//   bench_pictures webdataset|jsonl PATH PASSES
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "blip2/data/image_bytes.h"
#include "blip2/data/open_source.h"
#include "blip2/data/pipeline.h"
#include "blip2/image/prepare.h"

namespace blip2 {
namespace {

/// Of this process: what one thread takes, whoever else is on the machine.
double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

double pictures_per_second(const std::string& format, const std::string& path, int64_t passes) {
  std::vector<MixturePart> parts;
  parts.push_back({.name = "pictures",
                   .source = open_source(
                       {.name = "pictures", .format = format, .annotations = {path}, .images = {}}),
                   .sample_ratio = 1});
  const Mixture mixture(std::move(parts));
  PipelineConfig config;
  config.batch_size = 50;
  config.num_workers = 0;  // the DataLoader's num_workers=0: all in one thread
  config.max_skipped_fraction = 0;
  const ImageTransform transform = blip2_transform();
  Pipeline pipeline(mixture, config, [&](Sample& sample) {
    const ImageBytes file(sample.image, sample.stored);
    sample.pixels = prepare_view(file.bytes(), sample.image.string(), transform,
                                 {Augmentation::kRandomResizedCropFlip}, sample.augmentation);
  });
  pipeline.next();
  const int64_t batches = pipeline.batches_per_epoch() * passes;
  const double start = processor_seconds();
  for (int64_t i = 0; i < batches; ++i) pipeline.next();
  return static_cast<double>(batches * config.batch_size) / (processor_seconds() - start);
}

}  // namespace
}  // namespace blip2

int main(int argc, char** argv) {
  if (argc != 4) {  // as bench/run starts it
    fmt::print("bench_pictures: run bench/compare/pictures.py, which makes its pictures\n");
    return 0;
  }
  fmt::print("{:.2f}\n", blip2::pictures_per_second(argv[1], argv[2], std::atoi(argv[3])));
}
