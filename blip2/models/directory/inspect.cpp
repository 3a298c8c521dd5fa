#include "blip2/models/directory/inspect.h"

#include <algorithm>
#include <iterator>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/dtypes.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/blip/blip.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/directory/parts.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/directory/trained_part.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// A directory under inspection: slots gather, and the models that they point into stay.
struct Gathered {
  Inspection result;
  std::vector<Slot> slots;
  std::vector<std::string> ignored;
};

int64_t elements(const std::vector<NamedTensor>& tensors) {
  int64_t total = 0;
  for (const NamedTensor& named : tensors) {
    if (named.tensor->is_floating_point()) total += named.tensor->numel();
  }
  return total;
}

void add_slots(Gathered& gathered, const std::vector<Slot>& slots) {
  gathered.slots.insert(gathered.slots.end(), slots.begin(), slots.end());
}

/// The family's weights are made, not filled: their memory is never touched.
void add_vision(Gathered& gathered, VisionWeights& weights, const VisionConfig& config,
                const std::string& prefix) {
  const std::vector<NamedTensor> tensors = weight_tensors(weights);
  gathered.result.parts.push_back(
      {"image encoder", family_name(config), true, elements(tensors), sizes_of(config)});
  add_slots(gathered, prefixed_slots(tensors, prefix));
}

void add_language(Gathered& gathered, LanguageWeights& weights, const LanguageConfig& config,
                  const std::string& prefix) {
  const std::vector<NamedTensor> tensors = weight_tensors(weights);
  gathered.result.parts.push_back(
      {"language model", family_name(config), true, elements(tensors), sizes_of(config)});
  add_slots(gathered, language_slots(weights, config, prefix));
}

InspectedPart qformer_part(const QFormerConfig& config, int64_t parameters) {
  return {"Q-Former and heads",
          "blip_2_qformer",
          false,
          parameters,
          {{"hidden_size", config.hidden_size},
           {"intermediate_size", config.intermediate_size},
           {"num_hidden_layers", config.num_hidden_layers},
           {"num_attention_heads", config.num_attention_heads},
           {"num_query_tokens", config.num_query_tokens},
           {"cross_attention_frequency", config.cross_attention_frequency},
           {"encoder_hidden_size", config.encoder_hidden_size},
           {"vocab_size", config.vocab_size},
           {"max_position_embeddings", config.max_position_embeddings}}};
}

/// The tokenizer of a directory, where it has one, must fit the table of words.
void check_tokenizer(const fs::path& directory, int64_t num_words,
                     const std::vector<std::string>& extra_special_tokens = {}) {
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = load_tokenizer(directory, extra_special_tokens);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return;
    throw;
  }
  check_token_ids(directory, *tokenizer, num_words);
}

void finish(Gathered& gathered, const TensorSource& source) {
  Inspection& result = gathered.result;
  gathered.ignored.insert(gathered.ignored.end(), unused_buffers().begin(), unused_buffers().end());
  const LoadReport report = inspect(source, gathered.slots, {.ignore_unused = gathered.ignored});
  result.missing = report.missing;
  result.absent = report.skipped;
  result.unused = report.unused;
  result.misshapen = report.misshapen;
  result.tensors = source.infos();
  for (const TensorInfo& info : source.infos()) {
    int64_t size = static_cast<int64_t>(c10::elementSize(info.dtype));
    for (const int64_t dimension : info.shape) size *= dimension;
    result.stored_bytes[std::string(dtype_name(info.dtype))] += size;
  }
  int64_t total = 0;
  for (const InspectedPart& part : result.parts) total += part.parameters;
  result.memory_bytes = {{"float32", 4 * total}, {"bfloat16", 2 * total}, {"float16", 2 * total}};
}

void inspect_whole(Gathered& gathered, const fs::path& directory, const TensorSource& source) {
  const BundleConfig config = read_bundle_config(directory);
  const std::string where = (directory / "config.json").string();
  const bool retrieval = config.kind == DirectoryKind::kRetrieval;
  const bool is_instruct = config.kind == DirectoryKind::kInstruct;
  gathered.result.kind = class_name(config.kind);
  const VisionConfig vision = parse_vision(config.vision_json, where + ": vision_config");
  refuse_excess(claimed_parameters(vision), source);
  refuse_excess(claimed_parameters(config.qformer, retrieval || is_instruct ? TextSide::kPresent
                                                                            : TextSide::kAbsent),
                source);
  VisionWeights vision_weights = make_vision_weights(vision);
  add_vision(gathered, vision_weights, vision, kVisionPrefix);
  if (retrieval) {
    check_tokenizer(directory, config.qformer.vocab_size, {"[DEC]"});
    Stage1 model = make_stage1(stage1_config(config));
    gathered.result.parts.push_back(qformer_part(config.qformer, elements(named_tensors(model))));
    add_slots(gathered, stage1_slots(model, source));
    return finish(gathered, source);
  }
  const LanguageConfig language = parse_language(config.text_json, where + ": text_config");
  refuse_excess(claimed_parameters(language), source);
  check_tokenizer(directory, vocab_size(language));
  if (is_instruct) check_tokenizer(directory / "qformer_tokenizer", config.qformer.vocab_size);
  Generative model = make_generative(config.qformer, config.image_norm_eps, width_of(language),
                                     is_instruct ? TextSide::kPresent : TextSide::kAbsent);
  gathered.result.parts.push_back(qformer_part(config.qformer, elements(named_tensors(model))));
  add_slots(gathered, named_slots(named_tensors(model),
                                  is_instruct ? instruct_names() : generative_names(), source));
  LanguageWeights weights = make_language_weights(language);
  add_language(gathered, weights, language, kLanguagePrefix);
  finish(gathered, source);
}

void inspect_blip(Gathered& gathered, const fs::path& directory, const TensorSource& source) {
  const BlipConfig config = read_blip_config(directory);
  gathered.result.kind = class_name(config.kind);
  const VisionConfig vision =
      parse_vision(config.vision_json, (directory / "config.json").string() + ": vision_config");
  refuse_excess(claimed_parameters(vision), source);
  refuse_excess(claimed_parameters(config.text), source);
  check_tokenizer(directory, config.text.vocab_size);
  VisionWeights vision_weights = make_vision_weights(vision);
  add_vision(gathered, vision_weights, vision, kVisionPrefix);
  gathered.ignored = unused_blip_tensors(config.output);
  gathered.ignored.push_back("logit_scale");
  LayerNorm norm = make_layer_norm(config.text.encoder_hidden_size, config.image_norm_eps);
  add_slots(gathered, prefixed_slots(named_tensors(norm), "vision_model.post_layernorm."));
  const auto add_model = [&](auto model) {
    const std::vector<NamedTensor> tensors = named_tensors(model);
    gathered.result.parts.push_back({"text model and heads",
                                     "blip_text_model",
                                     false,
                                     elements(tensors) + elements(named_tensors(norm)),
                                     {{"hidden_size", config.text.hidden_size},
                                      {"intermediate_size", config.text.intermediate_size},
                                      {"num_hidden_layers", config.text.num_hidden_layers},
                                      {"num_attention_heads", config.text.num_attention_heads},
                                      {"encoder_hidden_size", config.text.encoder_hidden_size},
                                      {"vocab_size", config.text.vocab_size}}});
    add_slots(gathered, named_slots(tensors, blip_names(), source));
    finish(gathered, source);
  };
  if (config.kind == DirectoryKind::kBlipCaptioning) {
    add_model(make_blip_captioner(config.text, config.output));
  } else if (config.kind == DirectoryKind::kBlipMatching) {
    add_model(make_blip_matcher(config.text, config.image_text_hidden_size));
  } else {
    add_model(make_blip_answerer(config.text, config.output));
  }
}

void inspect_clip(Gathered& gathered, const fs::path& directory, const TensorSource& source) {
  const ClipConfig config = read_clip_config(directory);
  gathered.result.kind = class_name(DirectoryKind::kClip);
  refuse_excess(claimed_parameters(VisionConfig(config.vision)), source);
  check_tokenizer(directory, config.text.vocab_size);
  Clip model = make_clip(config);
  gathered.result.parts.push_back({"image encoder", "clip_vision_model", true,
                                   elements(named_tensors(model.vision_model)),
                                   sizes_of(VisionConfig(config.vision))});
  gathered.result.parts.push_back({"text model",
                                   "clip_text_model",
                                   true,
                                   elements(named_tensors(model.text_model)),
                                   {{"hidden_size", config.text.hidden_size},
                                    {"intermediate_size", config.text.intermediate_size},
                                    {"num_hidden_layers", config.text.num_hidden_layers},
                                    {"num_attention_heads", config.text.num_attention_heads},
                                    {"vocab_size", config.text.vocab_size},
                                    {"projection_dim", config.projection_dim}}});
  add_slots(gathered, prefixed_slots(named_tensors(model), ""));
  finish(gathered, source);
}

void inspect_bert(Gathered& gathered, const fs::path& directory, const TensorSource& source) {
  const QFormerConfig config = read_bert_config(directory);
  refuse_excess(claimed_bert_parameters(config), source);
  Stage1 model = make_stage1({.qformer = config});
  const bool prefixed = source.has("bert.embeddings.word_embeddings.weight");
  std::vector<Slot> slots =
      named_slots(named_tensors(model), prefixed ? prefixed_bert_names() : bert_names(), source);
  InspectedPart part{"BERT", "bert", true, 0, qformer_part(config, 0).sizes};
  std::erase_if(part.sizes, [](const auto& size) {
    return size.first == "num_query_tokens" || size.first == "cross_attention_frequency" ||
           size.first == "encoder_hidden_size";
  });
  for (Slot& slot : slots) {
    slot.optional = slot.name.starts_with("cls.");
    if (source.has(slot.name)) part.parameters += slot.tensor->numel();
  }
  gathered.result.parts.push_back(part);
  add_slots(gathered, slots);
  gathered.ignored = unused_bert_tensors();
  finish(gathered, source);
}

int64_t sum(const std::vector<InspectedPart>& parts, bool frozen) {
  int64_t total = 0;
  for (const InspectedPart& part : parts) {
    if (part.frozen == frozen) total += part.parameters;
  }
  return total;
}

}  // namespace

int64_t Inspection::frozen_parameters() const { return sum(parts, true); }
int64_t Inspection::trained_parameters() const { return sum(parts, false); }

Inspection inspect_directory(const fs::path& directory) {
  const DirectoryKind kind = directory_kind(directory);
  const std::unique_ptr<TensorSource> source = open_source(directory);
  const std::string where = (directory / "config.json").string();
  Gathered gathered;
  if (is_blip1(kind)) {
    inspect_blip(gathered, directory, *source);
  } else if (kind == DirectoryKind::kClip) {
    inspect_clip(gathered, directory, *source);
  } else if (kind == DirectoryKind::kBert) {
    gathered.result.kind = "BERT";
    inspect_bert(gathered, directory, *source);
  } else if (kind == DirectoryKind::kImageEncoder) {
    gathered.result.kind = "image encoder";
    const VisionConfig config = parse_vision(read_file(where), where);
    refuse_excess(claimed_parameters(config), *source);
    VisionWeights weights = make_vision_weights(config);
    add_vision(gathered, weights, config, "");
    finish(gathered, *source);
  } else if (kind == DirectoryKind::kLanguageModel) {
    gathered.result.kind = "language model";
    const LanguageConfig config = parse_language(read_file(where), where);
    refuse_excess(claimed_parameters(config), *source);
    check_tokenizer(directory, vocab_size(config));
    LanguageWeights weights = make_language_weights(config);
    add_language(gathered, weights, config, "");
    finish(gathered, *source);
  } else {
    inspect_whole(gathered, directory, *source);
  }
  return std::move(gathered.result);
}

}  // namespace blip2
