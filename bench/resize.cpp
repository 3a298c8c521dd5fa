// How long resizing and the transforms take on one core. Beside it, Pillow:
//   python -m timeit -s "from PIL import Image; i = Image.new('RGB', (640, 480))" "i.resize((224,
//   224), 3)"
#include "blip2/image/resize.h"

#include <benchmark/benchmark.h>

#include "blip2/image/augment.h"
#include "blip2/image/transforms.h"

namespace blip2 {
namespace {

std::vector<uint8_t> pattern(int64_t count) {
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 2654435761U >> 24);
  return bytes;
}

/// Arguments: width, height, side of the result.
void resize_rgb(benchmark::State& state) {
  const auto width = static_cast<int>(state.range(0)), height = static_cast<int>(state.range(1));
  const auto side = static_cast<int>(state.range(2));
  const Image image{width, height, pattern(int64_t{3} * width * height)};
  for (auto _ : state) benchmark::DoNotOptimize(resize(image, side, side).rgb.data());
}
BENCHMARK(resize_rgb)
    ->Args({640, 480, 224})
    ->Args({1920, 1080, 224})
    ->Args({72, 72, 224})
    ->Unit(benchmark::kMicrosecond);

void normalise_224(benchmark::State& state) {
  const Image image{224, 224, pattern(224 * 224 * 3)};
  const ImageTransform transform = blip2_transform();
  for (auto _ : state) benchmark::DoNotOptimize(normalise(image, transform).data());
}
BENCHMARK(normalise_224)->Unit(benchmark::kMicrosecond);

void augmented_view_128(benchmark::State& state) {
  const ImageRgba image{128, 128, pattern(128 * 128 * 4)};
  Random random(1, "bench");
  for (auto _ : state) benchmark::DoNotOptimize(augmented_view(image, {}, random).rgb.data());
}
BENCHMARK(augmented_view_128)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace blip2

BENCHMARK_MAIN();
