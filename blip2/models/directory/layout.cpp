// What a directory of each kind holds. One function a kind of model.
#include "blip2/models/directory/layout.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/json_struct.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/blip/answerer.h"
#include "blip2/models/blip/blip.h"
#include "blip2/models/blip/captioner.h"
#include "blip2/models/blip/matcher.h"
#include "blip2/models/blip2/qformer.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/clip/clip.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/blip_config.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/configs/edits.h"
#include "blip2/models/directory/claims.h"
#include "blip2/models/directory/opened_directory.h"
#include "blip2/models/directory/part_names.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/directory/trained_part.h"
#include "blip2/models/language/families.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/vision/families.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {
namespace {

using Sizes = std::vector<std::pair<std::string, int64_t>>;

/// Patterns of the tensors of each role in a BLIP-2 or BLIP directory.
const std::vector<std::string>& image_encoder_tensors() {
  static const std::vector<std::string> patterns = {"vision_model.**"};
  return patterns;
}
const std::vector<std::string>& language_model_tensors() {
  static const std::vector<std::string> patterns = {"language_model.**"};
  return patterns;
}
/// The norm after the encoder has a name of the encoder's, and is trained.
const std::vector<std::string>& trained_tensors() {
  static const std::vector<std::string> patterns = {"query_tokens",
                                                    "temp",
                                                    "qformer.**",
                                                    "embeddings.**",
                                                    "cls.**",
                                                    "itm_head.**",
                                                    "vision_proj.**",
                                                    "vision_projection.**",
                                                    "text_proj.**",
                                                    "text_encoder.**",
                                                    "text_projection.**",
                                                    "text_decoder.**",
                                                    "logit_scale",
                                                    "language_projection.**",
                                                    "vision_model.post_layernorm.**"};
  return patterns;
}

/// What an encoder's own class has after its last layer. Here that belongs to whole models.
const std::vector<std::string>& behind_encoder_tensors() {
  static const std::vector<std::string> patterns = {
      "post_layernorm.**", "vision_model.post_layernorm.**", "visual_projection.**"};
  return patterns;
}

void ignore(Layout& layout, const std::vector<std::string>& patterns) {
  layout.ignored.insert(layout.ignored.end(), patterns.begin(), patterns.end());
}

bool wants(Wanted wanted, PartRole role) {
  switch (wanted) {
    case Wanted::kImageEncoder:
      return role == PartRole::kImageEncoder;
    case Wanted::kQFormer:
      return role == PartRole::kQFormer || role == PartRole::kBert;
    case Wanted::kLanguageModel:
      return role == PartRole::kLanguageModel;
    case Wanted::kAll:
      break;
  }
  return true;
}

/// A BERT becomes the text side of a Q-Former, which has a second feed-forward and cross-attention.
double growth_of(DirectoryKind kind) { return kind == DirectoryKind::kBert ? 8 : 1; }

/// The image encoder, under `names`.
void add_image_encoder(Layout& layout, ImageEncoderShape parsed, const PartNames& names,
                       const TensorSource& source) {
  layout.image_encoder = std::move(parsed);
  const ImageEncoderShape& shape = *layout.image_encoder;
  layout.image_encoder_weights = shape.make();
  const std::vector<NamedTensor>& tensors = layout.image_encoder_weights.tensors;
  layout.parts.push_back({PartRole::kImageEncoder, "image encoder", shape.family, true, shape.sizes,
                          tensors, image_encoder_slots(names, tensors, source)});
}

void add_language_model(Layout& layout, const PartNames& names, const TensorSource& source) {
  const LanguageModelShape& shape = *layout.language_model;
  layout.language_model_weights = shape.make();
  const LanguageModelWeights& weights = layout.language_model_weights;
  layout.parts.push_back({PartRole::kLanguageModel, "language model", shape.family, true,
                          shape.sizes, weights.tensors,
                          language_model_slots(weights, names, source)});
}

Sizes qformer_sizes(const QFormerConfig& config) {
  return {{"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"num_hidden_layers", config.num_hidden_layers},
          {"num_attention_heads", config.num_attention_heads},
          {"num_query_tokens", config.num_query_tokens},
          {"cross_attention_frequency", config.cross_attention_frequency},
          {"encoder_hidden_size", config.encoder_hidden_size},
          {"vocab_size", config.vocab_size},
          {"max_position_embeddings", config.max_position_embeddings}};
}

void add_stage1(Layout& layout, const TensorSource& source) {
  const Blip2Config& config = *layout.blip2;
  layout.stage1 = std::make_unique<Stage1>(make_stage1(stage1_config(config)));
  Stage1& model = *layout.stage1;
  layout.parts.push_back({PartRole::kQFormer, "Q-Former and heads", "blip_2_qformer", false,
                          qformer_sizes(config.qformer), named_tensors(model),
                          stage1_slots(model, source)});
  layout.tokenizers.push_back({.extra_special_tokens = {"[DEC]"},
                               .vocab_size = config.qformer.vocab_size,
                               .needed_ids = [](const Tokenizer& tokenizer) {
                                 const SpecialIds& ids = tokenizer.special_ids();
                                 return std::vector<int64_t>{ids.cls, ids.sep, ids.pad, ids.dec};
                               }});
}

void add_stage2(Layout& layout, const TensorSource& source) {
  const Blip2Config& config = *layout.blip2;
  const bool is_instruct = layout.kind == DirectoryKind::kInstruct;
  layout.stage2 = std::make_unique<Stage2>(
      make_stage2(config.qformer, config.image_norm_eps, layout.language_model->width,
                  is_instruct ? TextSide::kPresent : TextSide::kAbsent));
  const std::vector<NamedTensor> tensors = named_tensors(*layout.stage2);
  layout.parts.push_back({PartRole::kQFormer, "Q-Former and heads", "blip_2_qformer", false,
                          qformer_sizes(config.qformer), tensors,
                          slots_by(trained_names(layout.kind), tensors, source)});
}

/// Parses the configuration of the language model, with the activation that is asked for.
void parse_text(Layout& layout, const std::string& where, T5Activation activation) {
  layout.language_model = parse_language_model(layout.text_json, where);
  if (activation == T5Activation::kExactGelu && layout.language_model->family == "t5") {
    layout.text_json = with_exact_gelu(layout.text_json);
    layout.language_model = parse_language_model(layout.text_json, where);
  }
}

void describe_blip2(Layout& layout, const OpenedDirectory& directory,
                    const LayoutOptions& options) {
  const Wanted wanted = options.wanted;
  const ConfigFields fields = directory.config();
  layout.blip2 = parse_blip2(fields);
  const Blip2Config& config = *layout.blip2;
  const bool writes = layout.kind != DirectoryKind::kStage1;
  layout.vision_json = config.vision_json;
  layout.text_json = config.text_json;
  if (wants(wanted, PartRole::kImageEncoder)) {
    add_image_encoder(layout,
                      parse_image_encoder(config.vision_json, fields.where() + ": vision_config"),
                      image_encoder_names(), directory.weights());
  } else {
    ignore(layout, image_encoder_tensors());
  }
  if (writes && wanted != Wanted::kImageEncoder) {
    parse_text(layout, fields.where() + ": text_config", options.t5_activation);
  }
  if (wants(wanted, PartRole::kQFormer)) {
    writes ? add_stage2(layout, directory.weights()) : add_stage1(layout, directory.weights());
  } else {
    ignore(layout, trained_tensors());
  }
  if (writes && wants(wanted, PartRole::kLanguageModel)) {
    add_language_model(layout, language_model_names(), directory.weights());
    layout.tokenizers.push_back(language_tokenizer(layout.language_model->vocab_size));
  } else {
    ignore(layout, language_model_tensors());
  }
  if (layout.kind == DirectoryKind::kInstruct && wants(wanted, PartRole::kQFormer)) {
    layout.tokenizers.push_back({.folder = "qformer_tokenizer",
                                 .vocab_size = config.qformer.vocab_size,
                                 .needed_ids = [](const Tokenizer& tokenizer) {
                                   const SpecialIds& ids = tokenizer.special_ids();
                                   return std::vector<int64_t>{ids.cls, ids.sep};
                                 }});
  }
}

Blip make_blip(const BlipConfig& config) {
  Blip blip;
  blip.image_norm = make_layer_norm(config.text.encoder_hidden_size, config.image_norm_eps);
  if (config.kind == DirectoryKind::kBlipCaptioning) {
    blip.model = make_blip_captioner(config.text, config.output);
  } else if (config.kind == DirectoryKind::kBlipMatching) {
    blip.model = make_blip_matcher(config.text, config.image_text_hidden_size);
  } else {
    blip.model = make_blip_answerer(config.text, config.output);
  }
  return blip;
}

void add_blip_text(Layout& layout, const TensorSource& source) {
  const BlipConfig& config = *layout.blip;
  layout.blip_model = std::make_unique<Blip>(make_blip(config));
  Blip& blip = *layout.blip_model;
  LayoutPart part{PartRole::kTextModel,
                  "text model and heads",
                  "blip_text_model",
                  false,
                  {{"hidden_size", config.text.hidden_size},
                   {"intermediate_size", config.text.intermediate_size},
                   {"num_hidden_layers", config.text.num_hidden_layers},
                   {"num_attention_heads", config.text.num_attention_heads},
                   {"encoder_hidden_size", config.text.encoder_hidden_size},
                   {"vocab_size", config.text.vocab_size}},
                  std::visit([](auto& model) { return named_tensors(model); }, blip.model),
                  {}};
  part.slots = named_slots(part.tensors, blip_names(), source);
  const std::vector<NamedTensor> norm = named_tensors(blip.image_norm);
  for (const Slot& slot : prefixed_slots(norm, "vision_model.post_layernorm.")) {
    part.slots.push_back(slot);
  }
  part.tensors.insert(part.tensors.end(), norm.begin(), norm.end());
  layout.parts.push_back(std::move(part));
  ignore(layout, unused_blip_tensors(config.output));
  ignore(layout, {"logit_scale"});
  layout.tokenizers.push_back({.vocab_size = config.text.vocab_size,
                               .needed_ids = [text = config.text](const Tokenizer& t) {
                                 const SpecialIds& ids = t.special_ids();
                                 return std::vector<int64_t>{ids.cls, ids.sep, text.bos_token_id,
                                                             text.sep_token_id};
                               }});
}

void describe_blip(Layout& layout, const OpenedDirectory& directory, Wanted wanted) {
  layout.blip = parse_blip(directory.config());
  layout.vision_json = layout.blip->vision_json;
  add_image_encoder(layout, layout.blip->image_encoder, image_encoder_names(), directory.weights());
  if (wanted == Wanted::kAll) {
    add_blip_text(layout, directory.weights());
  } else {
    ignore(layout, trained_tensors());
  }
}

void describe_clip(Layout& layout, const OpenedDirectory& directory) {
  const ClipConfig config = parse_clip(directory.config());
  layout.clip = std::make_unique<Clip>(make_clip(config));
  Clip& clip = *layout.clip;
  const auto add = [&](const char* title, const char* family, PartRole role, Sizes sizes,
                       std::vector<NamedTensor> tensors) {
    std::vector<Slot> slots = prefixed_slots(tensors, "");
    layout.parts.push_back(
        {role, title, family, true, std::move(sizes), std::move(tensors), std::move(slots)});
  };
  add("image encoder", "clip_vision_model", PartRole::kImageEncoder, whole_numbers(config.vision),
      named_tensors(clip.vision_model, "vision_model."));
  add("text model", "clip_text_model", PartRole::kTextModel,
      {{"hidden_size", config.text.hidden_size},
       {"intermediate_size", config.text.intermediate_size},
       {"num_hidden_layers", config.text.num_hidden_layers},
       {"num_attention_heads", config.text.num_attention_heads},
       {"vocab_size", config.text.vocab_size},
       {"projection_dim", config.projection_dim}},
      named_tensors(clip.text_model, "text_model."));
  // The projections and the temperature are of neither model: their parameters are not counted.
  for (const NamedTensor& named : named_tensors(clip)) {
    if (named.name.starts_with("vision_model.") || named.name.starts_with("text_model.")) continue;
    layout.parts.back().slots.push_back({named.name, named.tensor});
  }
  layout.tokenizers.push_back(
      {.vocab_size = config.text.vocab_size, .needed_ids = [](const Tokenizer& tokenizer) {
         return std::vector<int64_t>{tokenizer.special_ids().bos, tokenizer.special_ids().eos};
       }});
}

/// A BERT fills the text side of a Stage1, whose head is optional.
void describe_bert(Layout& layout, const OpenedDirectory& directory) {
  layout.bert = parse_bert(directory.config());
  const TensorSource& source = directory.weights();
  layout.stage1 = std::make_unique<Stage1>(make_stage1({.qformer = *layout.bert}));
  const bool prefixed = source.has("bert.embeddings.word_embeddings.weight");
  LayoutPart part{PartRole::kBert,
                  "BERT",
                  "bert",
                  true,
                  qformer_sizes(*layout.bert),
                  {},
                  named_slots(named_tensors(*layout.stage1),
                              prefixed ? prefixed_bert_names() : bert_names(), source)};
  std::erase_if(part.sizes, [](const auto& size) {
    return size.first == "num_query_tokens" || size.first == "cross_attention_frequency" ||
           size.first == "encoder_hidden_size";
  });
  for (Slot& slot : part.slots) {
    slot.optional = slot.name.starts_with("cls.");
    if (source.has(slot.name)) part.tensors.push_back({slot.name, slot.tensor});
  }
  layout.parts.push_back(std::move(part));
  ignore(layout, unused_bert_tensors());
}

[[noreturn]] void refuse(const OpenedDirectory& directory, Wanted wanted) {
  const char* expected = wanted == Wanted::kImageEncoder ? "an image encoder"
                         : wanted == Wanted::kLanguageModel
                             ? "a language model"
                             : "a BERT or a BLIP-2 model to start the Q-Former from";
  fail(ErrorCode::kInvalidArgument, "{}: expected {}, found another kind of model",
       directory.path().string(), expected);
}

/// Whether a kind has the part that is wanted.
bool has_wanted(DirectoryKind kind, Wanted wanted) {
  switch (wanted) {
    case Wanted::kAll:
      return true;
    case Wanted::kImageEncoder:
      return is_blip2(kind) || is_blip1(kind) || kind == DirectoryKind::kImageEncoder;
    case Wanted::kQFormer:
      return is_blip2(kind) || kind == DirectoryKind::kBert;
    case Wanted::kLanguageModel:
      return kind == DirectoryKind::kStage2 || kind == DirectoryKind::kInstruct ||
             kind == DirectoryKind::kLanguageModel;
  }
  return false;
}

}  // namespace

Layout layout(const OpenedDirectory& directory, const LayoutOptions& options) {
  const Wanted wanted = options.wanted;
  if (!has_wanted(directory.kind(), wanted)) refuse(directory, wanted);
  const ParameterBudget budget = claimable(directory.weights(), growth_of(directory.kind()));
  Layout layout;
  layout.kind = directory.kind();
  layout.title = class_name(layout.kind);
  if (is_blip2(layout.kind)) {
    describe_blip2(layout, directory, options);
  } else if (is_blip1(layout.kind)) {
    describe_blip(layout, directory, wanted);
  } else if (layout.kind == DirectoryKind::kClip) {
    describe_clip(layout, directory);
  } else if (layout.kind == DirectoryKind::kBert) {
    layout.title = "BERT";
    describe_bert(layout, directory);
  } else if (layout.kind == DirectoryKind::kImageEncoder) {
    layout.title = "image encoder";
    layout.vision_json = directory.config_text();
    add_image_encoder(layout, parse_image_encoder(directory.config()), {}, directory.weights());
    ignore(layout, behind_encoder_tensors());
  } else {
    layout.title = "language model";
    layout.text_json = directory.config_text();
    parse_text(layout, directory.config().where(), options.t5_activation);
    add_language_model(layout, {}, directory.weights());
    layout.tokenizers.push_back(language_tokenizer(layout.language_model->vocab_size));
  }
  ignore(layout, unused_buffers());
  return layout;
}

TokenizerPlace language_tokenizer(int64_t vocab_size) {
  return {.vocab_size = vocab_size, .needed_ids = [](const Tokenizer& tokenizer) {
            std::vector<int64_t> ids = tokenizer.encode("");
            if (const int64_t eos = tokenizer.special_ids().eos; eos >= 0) ids.push_back(eos);
            return ids;
          }};
}

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& directory,
                                          const TokenizerPlace& place) {
  const std::filesystem::path folder = place.folder.empty() ? directory : directory / place.folder;
  std::unique_ptr<Tokenizer> tokenizer = load_model_tokenizer(folder, place.extra_special_tokens);
  check_needed_ids(folder, *tokenizer, place.needed_ids(*tokenizer), place.vocab_size);
  return tokenizer;
}

}  // namespace blip2
