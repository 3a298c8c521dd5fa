// LAVIS's and BLIP's own names of tensors, as the published `.pth` files have them, against Hugging
// Face's: which kind of file a source is, the table of its names, and what in it is of no use. What
// differs beside names (biases in pieces, fused projections) is lavis/source.h's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "blip2/checkpoint/rename.h"
#include "blip2/checkpoint/source.h"

namespace blip2 {

enum class LavisModel {
  kStage1,          ///< blip2_pretrained.pth, blip2_pretrained_vitL.pth: Q-Former and three heads
  kStage2,          ///< blip2_pretrained_opt2.7b.pth, ..._flant5xl.pth: Q-Former and projection
  kInstruct,        ///< InstructBLIP: a stage 2 whose Q-Former reads text
  kImageEncoder,    ///< eva_vit_g.pth, clip_vit_L.pth: names without a prefix
  kBlipCaptioner,   ///< BLIP-1, model_large_caption.pth: image encoder, text decoder
  kBlipMatcher,     ///< BLIP-1 retrieval: image encoder, text encoder, heads
  kBlipAnswerer,    ///< BLIP-1 VQA: image encoder, text encoder, text decoder
  kBlipPretrained,  ///< BLIP-1, model_base.pth: all of them
};

/// The family of an image encoder, by its names.
enum class LavisVision {
  kAbsent,  ///< frozen: it is not in the file
  kEva,     ///< `blocks.N.attn.q_bias`, no bias of the keys
  kClip,    ///< OpenAI's, `transformer.resblocks.N.attn.in_proj_weight`
  kBlip,    ///< timm's, `blocks.N.attn.qkv.bias`
};

/// The language model that a stage-2 file is for: `opt_proj`, `t5_proj`, `llm_proj`.
enum class LavisLanguage { kAbsent, kOpt, kT5, kLlm };

struct LavisLayout {
  LavisModel model = LavisModel::kStage1;
  LavisVision vision = LavisVision::kAbsent;
  LavisLanguage language = LavisLanguage::kAbsent;
  bool has_language_model = false;  ///< its weights are in the file, too

  bool operator==(const LavisLayout&) const = default;
};

/// What a source is by the names of its tensors; nothing where they are not LAVIS's or BLIP's.
std::optional<LavisLayout> lavis_layout(const TensorSource& source);

/// "BLIP-2 stage 2 for OPT", for messages and `inspect`.
std::string lavis_title(const LavisLayout& layout);

/// Hugging Face's names ("ours" in the table) <-> LAVIS's, for tensors that need nothing but
/// another name. A stage-1 model gets this program's extras `temp` and `cls.predictions.*`. An
/// image encoder alone has no `vision_model.` before its names, and no `visual_encoder.`.
NameTable lavis_names(const LavisLayout& layout);

/// "visual_encoder.", or "" for an image encoder alone; and the same on Hugging Face's side.
std::string lavis_vision_prefix(const LavisLayout& layout);
std::string hugging_face_vision_prefix(const LavisLayout& layout);

/// Patterns (name_matches) of LAVIS tensors that no model takes: buffers, tied copies, momentum
/// copies and queues of BLIP-1, heads of image encoders.
std::vector<std::string> unused_lavis_tensors(const LavisLayout& layout);

}  // namespace blip2
