// A tiny frozen image encoder and what transformers computed with it, for the laws that all such
// families keep and for the tests of each family.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/vision/families.h"
#include "tests/models/support.h"

namespace blip2::testing {

/// The encoder of tests/golden/NAME.{safetensors,json}; NAME is "dinov2/tiny", for example.
struct TinyFrozenEncoder {
  explicit TinyFrozenEncoder(const std::string& name)
      : source(open_source(golden(name + ".safetensors"))) {
    const std::string config = read_file(testing::golden(name + ".json"));
    const ImageEncoderWeights weights = parse_image_encoder(config, name).make();
    std::vector<Slot> slots;
    for (const NamedTensor& named : weights.tensors) slots.push_back({named.name, named.tensor});
    load(*source, slots, {.ignore_unused = {"golden.**"}});
    encoder = weights.finish(0);
  }

  at::Tensor expected(const std::string& name) const { return source->read("golden." + name); }

  std::unique_ptr<TensorSource> source;
  std::unique_ptr<ImageEncoder> encoder;
};

}  // namespace blip2::testing
