// LAVIS's own defaults: the presets of its models (lavis/configs/models/blip2) and the paths of its
// data sets (lavis/configs/datasets). Only constants.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

/// A model_type of an arch. "" where LAVIS has no value.
struct LavisPreset {
  const char* arch;
  const char* model_type;
  const char* vit_model;
  const char* image_size;
  const char* freeze_vit;
  const char* use_grad_checkpoint;
  bool load_finetuned;
  const char* pretrained;      ///< the file that LAVIS downloads
  const char* finetuned;       ///< the same
  const char* language_model;  ///< its name on Hugging Face
  const char* prompt;
};

/// nullptr for a pair that is not in LAVIS.
const LavisPreset* find_lavis_preset(std::string_view arch, std::string_view model_type);

/// A data set of LAVIS: its format here, and its paths relative to LAVIS's cache root.
struct LavisBuilder {
  const char* name;
  const char* format;
  const char* annotations;  ///< of the training split
  const char* images;
};

/// nullptr for a name that is not in LAVIS.
const LavisBuilder* find_lavis_builder(std::string_view name);

/// For messages: "blip2 pretrain, ..." and "coco_caption, ...".
std::string lavis_preset_names();
std::string lavis_builder_names();

}  // namespace blip2
