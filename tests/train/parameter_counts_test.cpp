// The numbers of parameters of the published sizes, counted over the real structs, whose memory is
// never touched. LAVIS logs those of ViT-g with OPT-2.7B itself: stage 1, stage 2 and caption
// fine-tuning (github.com/yiren-jian/BLIText, training_logs/BLIP2); the others follow from LAVIS's
// shapes.
#include <gtest/gtest.h>

#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/vision/vit.h"

namespace blip2 {
namespace {

constexpr int64_t kEvaWidth = 1408, kClipWidth = 1024;
constexpr int64_t kOpt2b7Width = 2560, kOpt6b7Width = 4096, kFlanT5XlWidth = 2048;

int64_t stage1_parameters(int64_t image_width) {
  Stage1 model = make_stage1({.qformer = {.encoder_hidden_size = image_width}});
  return count_parameters(named_tensors(model));
}

int64_t stage2_parameters(int64_t image_width, int64_t language_width) {
  Stage2 model = make_stage2({.encoder_hidden_size = image_width}, 1e-6, language_width);
  return count_parameters(named_tensors(model));
}

/// Of EVA-CLIP g/14, whose keys have no bias: here they are the zero part of a fused one.
int64_t eva_parameters(int64_t image_size) {
  VitConfig config;
  config.image_size = image_size;
  Vit model = make_vit(config);
  return count_parameters(named_tensors(model)) - config.num_hidden_layers * config.hidden_size;
}

TEST(ParameterCounts, OfStage1) {
  EXPECT_EQ(stage1_parameters(kEvaWidth), 186'705'470);
  EXPECT_EQ(stage1_parameters(kClipWidth), 183'165'758);
}

TEST(ParameterCounts, OfStage2) {
  EXPECT_EQ(stage2_parameters(kEvaWidth, kOpt2b7Width), 107'133'696);
  EXPECT_EQ(stage2_parameters(kEvaWidth, kOpt6b7Width), 108'314'880);
  EXPECT_EQ(stage2_parameters(kEvaWidth, kFlanT5XlWidth), 106'739'968);
  EXPECT_EQ(stage2_parameters(kClipWidth, kOpt2b7Width), 103'593'984);
  EXPECT_EQ(stage2_parameters(kClipWidth, kFlanT5XlWidth), 103'200'256);
}

TEST(ParameterCounts, OfTheImageEncoders) {
  EXPECT_EQ(eva_parameters(224), 985'894'528);
  EXPECT_EQ(eva_parameters(364), 986'485'888);
  EXPECT_EQ(eva_parameters(490), 987'258'880);
  VitConfig clip = clip_vit_config();
  clip.hidden_size = kClipWidth;
  clip.intermediate_size = 4096;
  clip.num_hidden_layers = 23;
  clip.num_attention_heads = 16;
  clip.patch_size = 14;
  clip.has_post_layernorm = false;
  Vit model = make_vit(clip);
  EXPECT_EQ(count_parameters(named_tensors(model)), 290'581'504);
}

TEST(ParameterCounts, OfCaptionFinetuning) {
  EXPECT_EQ(stage2_parameters(kEvaWidth, kOpt2b7Width) + eva_parameters(364), 1'093'619'584);
}

}  // namespace
}  // namespace blip2
