// The table between Hugging Face's names and LAVIS's, and what tells LAVIS's files apart.
#include "blip2/models/names/lavis.h"

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using Rules = std::vector<RenameRule>;

void add_rules(Rules& rules, const Rules& more) {
  rules.insert(rules.end(), more.begin(), more.end());
}

bool has_prefix(const TensorSource& source, const std::string& prefix) {
  return std::any_of(source.infos().begin(), source.infos().end(),
                     [&](const TensorInfo& info) { return info.name.starts_with(prefix); });
}

LavisVision vision_of(const TensorSource& source, const std::string& prefix) {
  if (source.has(prefix + "conv1.weight") && source.has(prefix + "class_embedding")) {
    return LavisVision::kClip;
  }
  if (!source.has(prefix + "cls_token") || !source.has(prefix + "patch_embed.proj.weight")) {
    return LavisVision::kAbsent;
  }
  return source.has(prefix + "blocks.0.attn.q_bias") ? LavisVision::kEva : LavisVision::kBlip;
}

struct LanguageNames {
  LavisLanguage language;
  const char* name;         ///< "opt": opt_proj, opt_model
  const char* first_layer;  ///< a tensor that tells that the model itself is there
};

constexpr LanguageNames kLanguages[] = {
    {LavisLanguage::kOpt, "opt", "model.decoder.layers."},
    {LavisLanguage::kT5, "t5", "encoder.block."},
    {LavisLanguage::kLlm, "llm", "model.layers."},
};

const LanguageNames* names_of(LavisLanguage language) {
  const auto* found = std::find_if(std::begin(kLanguages), std::end(kLanguages),
                                   [&](const auto& names) { return names.language == language; });
  return found == std::end(kLanguages) ? nullptr : found;
}

bool is_blip1(LavisModel model) {
  return model == LavisModel::kBlipCaptioner || model == LavisModel::kBlipMatcher ||
         model == LavisModel::kBlipAnswerer || model == LavisModel::kBlipPretrained;
}

/// A file with a Q-Former.
LavisLayout blip2_layout(const TensorSource& source) {
  LavisLayout layout;
  layout.vision = vision_of(source, "visual_encoder.");
  for (const LanguageNames& names : kLanguages) {
    const std::string name = names.name;
    if (!source.has(name + "_proj.weight")) continue;
    layout.language = names.language;
    layout.has_language_model = has_prefix(source, name + "_model." + names.first_layer);
    const bool reads_text = source.has("Qformer.bert.embeddings.word_embeddings.weight");
    layout.model = reads_text ? LavisModel::kInstruct : LavisModel::kStage2;
  }
  return layout;
}

std::optional<LavisLayout> blip1_layout(const TensorSource& source) {
  const bool encodes = source.has("text_encoder.embeddings.word_embeddings.weight");
  const bool decodes = source.has("text_decoder.bert.embeddings.word_embeddings.weight");
  const bool matches = source.has("itm_head.weight");
  LavisLayout layout;
  layout.vision = vision_of(source, "visual_encoder.");
  if (encodes && decodes) {
    layout.model = matches ? LavisModel::kBlipPretrained : LavisModel::kBlipAnswerer;
  } else if (decodes) {
    layout.model = LavisModel::kBlipCaptioner;
  } else if (encodes && matches) {
    layout.model = LavisModel::kBlipMatcher;
  } else {
    return std::nullopt;
  }
  return layout;
}

/// Image encoders of timm's naming: EVA and BLIP-1.
Rules timm_rules(const std::string& ours, const std::string& theirs) {
  return {
      {ours + "embeddings.class_embedding", theirs + "cls_token"},
      {ours + "embeddings.position_embedding", theirs + "pos_embed"},
      {ours + "embeddings.patch_embedding.**", theirs + "patch_embed.proj.**"},
      {ours + "encoder.layers.*.layer_norm1.**", theirs + "blocks.*.norm1.**"},
      {ours + "encoder.layers.*.layer_norm2.**", theirs + "blocks.*.norm2.**"},
      {ours + "encoder.layers.*.self_attn.qkv.**", theirs + "blocks.*.attn.qkv.**"},
      {ours + "encoder.layers.*.self_attn.projection.**", theirs + "blocks.*.attn.proj.**"},
      {ours + "encoder.layers.*.mlp.fc1.**", theirs + "blocks.*.mlp.fc1.**"},
      {ours + "encoder.layers.*.mlp.fc2.**", theirs + "blocks.*.mlp.fc2.**"},
  };
}

Rules clip_rules(const std::string& ours, const std::string& theirs) {
  const std::string our_layer = ours + "encoder.layers.*",
                    layer = theirs + "transformer.resblocks.*";
  return {
      {ours + "embeddings.class_embedding", theirs + "class_embedding"},
      {ours + "embeddings.position_embedding.weight", theirs + "positional_embedding"},
      {ours + "embeddings.patch_embedding.weight", theirs + "conv1.weight"},
      {ours + "pre_layrnorm.**", theirs + "ln_pre.**"},  // Hugging Face's spelling
      {our_layer + ".layer_norm1.**", layer + ".ln_1.**"},
      {our_layer + ".layer_norm2.**", layer + ".ln_2.**"},
      {our_layer + ".self_attn.out_proj.**", layer + ".attn.out_proj.**"},
      {our_layer + ".mlp.fc1.**", layer + ".mlp.c_fc.**"},
      {our_layer + ".mlp.fc2.**", layer + ".mlp.c_proj.**"},
  };
}

Rules vision_rules(const LavisLayout& layout) {
  const std::string ours = hugging_face_vision_prefix(layout);
  const std::string theirs = lavis_vision_prefix(layout);
  switch (layout.vision) {
    case LavisVision::kAbsent:
      return {};
    case LavisVision::kClip:
      return clip_rules(ours, theirs);
    case LavisVision::kEva:
    case LavisVision::kBlip:
      break;
  }
  Rules rules = timm_rules(ours, theirs);
  // BLIP-1's last norm belongs to it; EVA's is not used, and BLIP-2's ln_vision stands in its
  // place.
  const bool is_alone = layout.model == LavisModel::kImageEncoder;
  if (layout.vision == LavisVision::kBlip && (is_alone || is_blip1(layout.model))) {
    rules.push_back({ours + "post_layernorm.**", theirs + "norm.**"});
  }
  return rules;
}

Rules qformer_rules(const LavisLayout& layout) {
  Rules rules = {{"query_tokens", "query_tokens"},
                 {"vision_model.post_layernorm.**", "ln_vision.**"}};
  const bool instruct = layout.model == LavisModel::kInstruct;
  const std::string embeddings = "Qformer.bert.embeddings.";
  rules.push_back({instruct ? "qformer.embeddings.layernorm.**" : "qformer.layernorm.**",
                   embeddings + "LayerNorm.**"});
  if (layout.model != LavisModel::kStage2) {
    for (const std::string name : {"word_embeddings.weight", "position_embeddings.weight"}) {
      rules.push_back(
          {(instruct ? "qformer.embeddings." : "embeddings.") + name, embeddings + name});
    }
  }
  const std::string ours = "qformer.encoder.layer.*.", theirs = "Qformer.bert.encoder.layer.*.";
  for (const std::string block : {"attention", "crossattention"}) {
    for (const std::string name : {"query", "key", "value"}) {
      rules.push_back(
          {ours + block + ".attention." + name + ".**", theirs + block + ".self." + name + ".**"});
    }
  }
  for (const char* same : {"attention.output.**", "crossattention.output.**", "intermediate.**",
                           "output.**", "intermediate_query.**", "output_query.**"}) {
    rules.push_back({ours + same, theirs + same});
  }
  return rules;
}

Rules blip2_rules(const LavisLayout& layout) {
  Rules rules = qformer_rules(layout);
  if (layout.model == LavisModel::kStage1) {
    add_rules(rules, {{"vision_projection.**", "vision_proj.**"},
                      {"text_projection.**", "text_proj.**"},
                      {"itm_head.**", "itm_head.**"},
                      {"temp", "temp"},
                      {"cls.predictions.bias", "Qformer.cls.predictions.bias"},
                      {"cls.predictions.transform.**", "Qformer.cls.predictions.transform.**"}});
  } else if (const LanguageNames* names = names_of(layout.language)) {
    const std::string name = names->name;
    add_rules(rules, {{"language_projection.**", name + "_proj.**"},
                      {"language_model.**", name + "_model.**"}});
  }
  return rules;
}

/// Hugging Face kept BLIP-1's names of everything but the image encoder.
Rules blip1_rules() {
  Rules rules;
  for (const char* same :
       {"text_decoder.bert.embeddings.**", "text_decoder.bert.encoder.**",
        "text_decoder.cls.predictions.**", "text_encoder.embeddings.**", "text_encoder.encoder.**",
        "vision_proj.**", "text_proj.**", "itm_head.**"}) {
    rules.push_back({same, same});
  }
  return rules;
}

}  // namespace

std::optional<LavisLayout> lavis_layout(const TensorSource& source) {
  if (source.has("query_tokens") && has_prefix(source, "Qformer.bert.")) {
    return blip2_layout(source);
  }
  if (vision_of(source, "visual_encoder.") != LavisVision::kAbsent) return blip1_layout(source);
  const LavisVision vision = vision_of(source, "");
  if (vision == LavisVision::kAbsent) return std::nullopt;
  LavisLayout layout;
  layout.model = LavisModel::kImageEncoder;
  layout.vision = vision;
  return layout;
}

std::string lavis_title(const LavisLayout& layout) {
  std::string language;
  if (layout.language == LavisLanguage::kOpt) language = " for OPT";
  if (layout.language == LavisLanguage::kT5) language = " for T5";
  if (layout.language == LavisLanguage::kLlm) language = " for LLaMA";
  switch (layout.model) {
    case LavisModel::kStage1:
      return "BLIP-2 stage 1";
    case LavisModel::kStage2:
      return "BLIP-2 stage 2" + language;
    case LavisModel::kInstruct:
      return "InstructBLIP" + language;
    case LavisModel::kImageEncoder:
      return layout.vision == LavisVision::kEva    ? "EVA-CLIP image encoder"
             : layout.vision == LavisVision::kClip ? "CLIP image encoder"
                                                   : "image encoder";
    case LavisModel::kBlipCaptioner:
      return "BLIP captioner";
    case LavisModel::kBlipMatcher:
      return "BLIP image-text matcher";
    case LavisModel::kBlipAnswerer:
      return "BLIP question answerer";
    case LavisModel::kBlipPretrained:
      return "BLIP pre-trained model";
  }
  BLIP2_CHECK(false);
  return "";
}

NameTable lavis_names(const LavisLayout& layout) {
  Rules rules = vision_rules(layout);
  if (is_blip1(layout.model)) add_rules(rules, blip1_rules());
  if (!is_blip1(layout.model) && layout.model != LavisModel::kImageEncoder) {
    add_rules(rules, blip2_rules(layout));
  }
  return NameTable(std::move(rules));
}

std::string lavis_vision_prefix(const LavisLayout& layout) {
  return layout.model == LavisModel::kImageEncoder ? "" : "visual_encoder.";
}

std::string hugging_face_vision_prefix(const LavisLayout& layout) {
  return layout.model == LavisModel::kImageEncoder ? "" : "vision_model.";
}

std::vector<std::string> unused_lavis_tensors(const LavisLayout& layout) {
  std::vector<std::string> patterns = {"**.position_ids"};
  const auto add = [&](const std::vector<std::string>& more) {
    patterns.insert(patterns.end(), more.begin(), more.end());
  };
  const std::string vision = lavis_vision_prefix(layout);
  for (const char* name : {"head", "fc_norm", "mask_token", "ln_post", "proj"}) {
    add({vision + name, vision + name + ".**"});
  }
  if (layout.vision == LavisVision::kEva) add({vision + "norm.**"});
  switch (layout.model) {
    case LavisModel::kStage1:
      add({"Qformer.cls.predictions.decoder.**"});  // tied; see lavis/source.h
      break;
    case LavisModel::kStage2:
    case LavisModel::kInstruct:
      add({"Qformer.cls.**"});
      // Dropping what is frozen overlooks the second names of tied tensors.
      if (!layout.has_language_model) {
        add({"opt_model.lm_head.weight", "t5_model.encoder.embed_tokens.weight",
             "t5_model.decoder.embed_tokens.weight", "**.rotary_emb.inv_freq"});
      }
      break;
    case LavisModel::kImageEncoder:
      break;
    case LavisModel::kBlipCaptioner:
    case LavisModel::kBlipMatcher:
    case LavisModel::kBlipAnswerer:
    case LavisModel::kBlipPretrained:
      add({"visual_encoder_m.**", "text_encoder_m.**", "text_decoder_m.**", "vision_proj_m.**",
           "text_proj_m.**", "image_queue", "text_queue", "idx_queue", "queue_ptr", "ptr_queue",
           "temp"});
      break;
  }
  return patterns;
}

}  // namespace blip2
