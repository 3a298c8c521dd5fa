// What LAVIS fills in by itself: the presets of its models (lavis/configs/models/blip2) and where
// its data sets lie (lavis/configs/datasets). Constants alone.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

/// A model_type of an arch.
struct LavisPreset {
  const char* arch;
  const char* model_type;
  const char* vit_model;
  const char* image_size;
  const char* freeze_vit;
  const char* use_grad_checkpoint;
  bool load_finetuned;
  const char* pretrained;      ///< the file that LAVIS downloads
  const char* finetuned;       ///< the same; "" where there is none
  const char* language_model;  ///< the name at Hugging Face; "" in stage 1
  const char* prompt;
};

/// nullptr for a pair that LAVIS does not have.
const LavisPreset* find_lavis_preset(std::string_view arch, std::string_view model_type);

/// A data set that LAVIS knows: its reader here, and the places below LAVIS's cache root.
struct LavisBuilder {
  const char* name;
  const char* format;
  const char* annotations;  ///< of the training split; "" where LAVIS's file does not say
  const char* images;
};

/// nullptr for a name that is none.
const LavisBuilder* find_lavis_builder(std::string_view name);

/// For messages: "blip2 pretrain, ..." and "coco_caption, ...".
std::string lavis_preset_names();
std::string lavis_builder_names();

}  // namespace blip2
