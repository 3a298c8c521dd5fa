// The tables, copied from LAVIS's files.
#include "blip2/train/config/lavis_presets.h"

#include <string>

namespace blip2 {
namespace {

constexpr const char* kEva = "eva_clip_g";
constexpr const char* kClip = "clip_L";

// lavis/configs/models/blip2/*.yaml; paths are relative to LAVIS/models/BLIP2 in its storage.
// clang-format off
constexpr LavisPreset kPresets[] = {
    {"blip2", "pretrain", kEva, "224", "true", "false", false, "blip2_pretrained.pth", "", "", ""},
    {"blip2", "pretrain_vitL", kClip, "224", "true", "false", false, "blip2_pretrained_vitL.pth", "", "", ""},
    {"blip2", "coco", kEva, "364", "false", "true", true, "blip2_pretrained.pth", "blip2_finetune_coco.pth", "", ""},
    {"blip2_opt", "pretrain_opt2.7b", kEva, "224", "true", "false", false,
     "blip2_pretrained_opt2.7b.pth", "", "facebook/opt-2.7b", ""},
    {"blip2_opt", "pretrain_opt6.7b", kEva, "224", "true", "false", false,
     "blip2_pretrained_opt6.7b.pth", "", "facebook/opt-6.7b", ""},
    {"blip2_opt", "caption_coco_opt2.7b", kEva, "364", "false", "false", true,
     "blip2_pretrained_opt2.7b.pth", "blip2_caption_opt2.7b.pth", "facebook/opt-2.7b", "a photo of"},
    {"blip2_opt", "caption_coco_opt6.7b", kEva, "364", "false", "false", true,
     "blip2_pretrained_opt6.7b.pth", "blip2_caption_opt6.7b.pth", "facebook/opt-6.7b", "a photo of"},
    {"blip2_t5", "pretrain_flant5xl", kEva, "224", "true", "false", false,
     "blip2_pretrained_flant5xl.pth", "", "google/flan-t5-xl", ""},
    {"blip2_t5", "pretrain_flant5xl_vitL", kClip, "224", "true", "false", false,
     "blip2_pretrained_flant5xl_vitL.pth", "", "google/flan-t5-xl", ""},
    {"blip2_t5", "pretrain_flant5xxl", kEva, "224", "true", "false", false,
     "blip2_pretrained_flant5xxl.pth", "", "google/flan-t5-xxl", ""},
    {"blip2_t5", "caption_coco_flant5xl", kEva, "364", "false", "false", true,
     "blip2_pretrained_flant5xl.pth", "blip2_caption_flant5xl.pth", "google/flan-t5-xl", "a photo of"},
};

// lavis/configs/datasets/*/*.yaml.
constexpr LavisBuilder kBuilders[] = {
    {"coco_caption", "coco_karpathy", "coco/annotations/coco_karpathy_train.json", "coco/images/"},
    {"coco_retrieval", "coco_karpathy", "coco/annotations/coco_karpathy_train.json", "coco/images/"},
    {"flickr30k", "coco_karpathy", "flickr30k/annotations/train.json", "flickr30k/images"},
    {"vg_caption", "visual_genome", "vg/annotations/vg_caption.json", "vg/images/"},
    {"conceptual_caption_3m", "blip_json", "conceptual_caption/annotations/cc3m.json",
     "conceptual_caption/images"},
    {"conceptual_caption_12m", "blip_json", "conceptual_caption/annotations/cc12m.json",
     "conceptual_caption/images_12m"},
    {"sbu_caption", "blip_json", "sbu_captions/annotations/sbu.json", "sbu_captions/images"},
    {"laion2B_multi", "webdataset", "/export/laion/laion2B-multi/part-00000/{00000..01743}.tar", ""},
};
// clang-format on

}  // namespace

const LavisPreset* find_lavis_preset(std::string_view arch, std::string_view model_type) {
  for (const LavisPreset& preset : kPresets) {
    if (arch == preset.arch && model_type == preset.model_type) return &preset;
  }
  return nullptr;
}

const LavisBuilder* find_lavis_builder(std::string_view name) {
  for (const LavisBuilder& builder : kBuilders) {
    if (name == builder.name) return &builder;
  }
  return nullptr;
}

std::string lavis_preset_names() {
  std::string names;
  for (const LavisPreset& preset : kPresets) {
    names += (names.empty() ? "" : ", ") + std::string(preset.arch) + " " + preset.model_type;
  }
  return names;
}

std::string lavis_builder_names() {
  std::string names;
  for (const LavisBuilder& builder : kBuilders) {
    names += (names.empty() ? "" : ", ") + std::string(builder.name);
  }
  return names;
}

}  // namespace blip2
