// Models small enough for a test, one of each kind that tasks know apart, with random weights and a
// real tokenizer, and pictures for them.
#pragma once

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/base/random.h"
#include "blip2/image/encode.h"
#include "blip2/models/bundle.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/weights.h"

namespace blip2::testing {

/// Averages of the pixels: [B, 3, H, W] -> 9 image tokens [B, 9, 3].
class AveragingEncoder : public ImageEncoder {
 public:
  at::Tensor encode(const at::Tensor& pixels) const override {
    return at::adaptive_avg_pool2d(pixels, {3, 3}).flatten(2).transpose(1, 2).contiguous();
  }
  int64_t width() const override { return 3; }
  std::vector<NamedTensor> tensors() override { return {}; }
};

/// Twelve words, [DEC] the last. `folder` gets the vocabulary.
inline std::unique_ptr<Tokenizer> tiny_words(const TemporaryFolder& folder) {
  folder.write("tokenizer/vocab.txt",
               "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nred\ngreen\nblue\ncat\ndog\n");
  const std::vector<std::string> extra = {"[DEC]"};
  return load_tokenizer(folder / "tokenizer", extra);
}

/// `folder` gets the tokenizer's vocabulary.
inline Bundle tiny_stage1(const TemporaryFolder& folder) {
  Bundle bundle;
  bundle.qformer_tokenizer = tiny_words(folder);
  bundle.image_encoder = std::make_unique<AveragingEncoder>();
  bundle.transform.image_size = 24;
  bundle.transform.shorter_side = 24;
  Stage1Config config;
  config.qformer.hidden_size = 16;
  config.qformer.num_hidden_layers = 2;
  config.qformer.num_attention_heads = 2;
  config.qformer.intermediate_size = 32;
  config.qformer.vocab_size = 12;
  config.qformer.max_position_embeddings = 20;
  config.qformer.encoder_hidden_size = 3;
  config.qformer.num_query_tokens = 4;
  config.embed_dim = 5;
  bundle.stage1 = make_stage1(config);
  Random random(7, "tiny model");
  initialise(*bundle.stage1, random);
  for (const NamedTensor& named : named_tensors(*bundle.stage1)) {
    // Large weights: what a query becomes depends on the picture, and each query on its own.
    if (named.tensor->dim() >= 2) named.tensor->mul_(25);
  }
  bundle.max_text_length = 20;
  return bundle;
}

inline BlipTextConfig tiny_blip_config() {
  BlipTextConfig config;
  config.vocab_size = 12;
  config.hidden_size = 16;
  config.encoder_hidden_size = 3;
  config.intermediate_size = 24;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.max_position_embeddings = 30;
  config.bos_token_id = 11;
  return config;
}

/// A BLIP-1 around `model`, made of tiny_blip_config().
template <typename Model>
Bundle tiny_blip(const TemporaryFolder& folder, Model model) {
  fill_distinct(named_tensors(model), 8, 0.6);
  Blip blip;
  blip.image_norm = make_layer_norm(3, 1e-5);
  fill_distinct(named_tensors(blip.image_norm), 9);
  blip.model = std::move(model);
  Bundle bundle;
  bundle.text_tokenizer = tiny_words(folder);
  bundle.image_encoder = std::make_unique<AveragingEncoder>();
  bundle.transform.image_size = 21;
  bundle.transform.shorter_side = 21;
  bundle.blip = std::move(blip);
  bundle.max_text_length = 30;
  bundle.max_positions = 30;
  return bundle;
}

inline Bundle tiny_blip_captioner(const TemporaryFolder& folder) {
  return tiny_blip(folder, make_blip_captioner(tiny_blip_config(), OutputMatrix::kTied));
}

inline Bundle tiny_blip_matcher(const TemporaryFolder& folder) {
  return tiny_blip(folder, make_blip_matcher(tiny_blip_config(), 5));
}

inline Bundle tiny_clip(const TemporaryFolder& folder) {
  ClipConfig config;
  config.text = {.vocab_size = 12,
                 .hidden_size = 12,
                 .intermediate_size = 20,
                 .num_hidden_layers = 2,
                 .num_attention_heads = 3,
                 .max_position_embeddings = 25,
                 .bos_token_id = 2,
                 .eos_token_id = 3,
                 .pad_token_id = 0};
  config.vision.hidden_size = 16;
  config.vision.intermediate_size = 24;
  config.vision.num_hidden_layers = 2;
  config.vision.num_attention_heads = 2;
  config.vision.image_size = 18;
  config.vision.patch_size = 6;
  config.vision.has_post_layernorm = true;
  config.projection_dim = 7;
  Bundle bundle;
  bundle.clip = make_clip(config);
  fill_distinct(named_tensors(*bundle.clip), 10, 0.4);
  bundle.text_tokenizer = tiny_words(folder);
  bundle.transform.image_size = 18;
  bundle.transform.shorter_side = 18;
  bundle.max_text_length = 25;
  return bundle;
}

/// Pictures with random blocks of colour, written as PNG; their paths.
inline std::vector<std::string> write_pictures(const TemporaryFolder& folder, int count) {
  std::vector<std::string> paths;
  Random random(3, "pictures");
  for (int i = 0; i < count; ++i) {
    Image image{30, 30, std::vector<uint8_t>(size_t{30} * 30 * 3)};
    uint8_t colours[27];
    for (uint8_t& value : colours) value = static_cast<uint8_t>(random.below(256));
    for (size_t p = 0; p < image.rgb.size(); ++p) {
      const size_t x = p / 3 % 30 / 10, y = p / 90 / 10;
      image.rgb[p] = colours[(y * 3 + x) * 3 + p % 3];
    }
    paths.push_back(folder.write("pictures/" + std::to_string(i) + ".png", encode_png(image)));
  }
  return paths;
}

}  // namespace blip2::testing
