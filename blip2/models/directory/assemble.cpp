// What training starts from: frozen parts and a Q-Former out of a BERT, another model, or nothing.
// The rules are those of AssembleOptions.
#include "blip2/models/directory/assemble.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/std.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/edits.h"
#include "blip2/models/directory/bert.h"
#include "blip2/models/directory/fill.h"
#include "blip2/models/directory/found_directory.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/opened_directory.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/directory/trained_part.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kBertBase = "bert-base";

const std::vector<std::string>& extra_tokens() {
  static const std::vector<std::string> tokens = {"[DEC]"};
  return tokens;
}

/// The Q-Former's directories as what they turn out to be.
AssembleOptions with_directories(AssembleOptions options) {
  for (std::string* path : {&options.qformer, &options.qformer_text}) {
    if (!path->empty() && *path != kBertBase) *path = model_directory(*path).string();
  }
  return options;
}

/// A setting of the configuration that a model directory decides by itself.
void note_difference(const std::string& directory, const char* name, int64_t asked, int64_t found) {
  if (asked != found)
    log_warning("{}: {} is {}, not {}: taken as it is", directory, name, found, asked);
}

/// The configuration of a BLIP-2 directory, which must fit the image encoder.
Blip2Config qformer_config(const OpenedDirectory& directory, const AssembleOptions& options,
                           int64_t encoder_width) {
  const Blip2Config config = parse_blip2(directory.config());
  if (config.qformer.encoder_hidden_size != encoder_width) {
    fail(ErrorCode::kInvalidArgument,
         "{}: the Q-Former looks at image tokens {} wide, expected {} as of the image encoder {}",
         options.qformer, config.qformer.encoder_hidden_size, encoder_width,
         options.image_encoder.string());
  }
  note_difference(options.qformer, "num_query_token", options.num_query_token,
                  config.qformer.num_query_tokens);
  note_difference(options.qformer, "cross_attention_freq", options.cross_attention_freq,
                  config.qformer.cross_attention_frequency);
  return config;
}

Stage1Config asked_config(const AssembleOptions& options, QFormerConfig qformer,
                          int64_t encoder_width) {
  qformer.cross_attention_frequency = options.cross_attention_freq;
  qformer.num_query_tokens = options.num_query_token;
  qformer.encoder_hidden_size = encoder_width;
  return {.qformer = qformer, .embed_dim = options.embed_dim};
}

/// A Stage1 whose text side is the BERT's, the rest random.
Stage1 stage1_from_bert(const OpenedDirectory& directory, const AssembleOptions& options,
                        int64_t encoder_width, const Tokenizer& tokenizer) {
  QFormerConfig qformer = parse_bert(directory.config());
  qformer.vocab_size = std::max(qformer.vocab_size, tokenizer.vocabulary_size());
  layout(directory);  // refuses a configuration that claims more than the weights hold
  Stage1 model = make_stage1(asked_config(options, qformer, encoder_width));
  Random random(options.seed, "initial weights");
  initialise(model, random);
  load_bert_into(model, directory,
                 {.fold_token_types = options.fold_token_types,
                  .cls_id = tokenizer.special_ids().cls,
                  .dec_id = tokenizer.special_ids().dec},
                 random);
  return model;
}

/// Opens what a Q-Former starts from: a BERT or a BLIP-2 model.
OpenedDirectory open_qformer(const std::string& path) {
  OpenedDirectory directory(path);
  if (directory.kind() != DirectoryKind::kBert && !is_blip2(directory.kind())) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a BERT or a BLIP-2 model to start the Q-Former from", path);
  }
  return directory;
}

bool is_bert(const OpenedDirectory& directory) { return directory.kind() == DirectoryKind::kBert; }

/// A stage 1 to take the text side of: out of a BERT, or of a stage-1 model.
Stage1 open_text_side(const AssembleOptions& options, int64_t encoder_width) {
  const OpenedDirectory directory = open_qformer(options.qformer);
  if (is_bert(directory)) {
    const auto tokenizer = load_model_tokenizer(options.qformer, extra_tokens());
    return stage1_from_bert(directory, options, encoder_width, *tokenizer);
  }
  const Blip2Config config = qformer_config(directory, options, encoder_width);
  if (config.kind != DirectoryKind::kStage1) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a BERT or a stage-1 model: it has no text side to read questions with",
         options.qformer);
  }
  return load_stage1(config, directory.weights(), Storage::kOwned);
}

/// The standard deviation of the token embeddings' elements, over at most 8192 evenly spaced rows.
double embedding_std(const LanguageModelPart& language, at::Device device) {
  const int64_t step = std::max<int64_t>(language.shape.vocab_size / 8192, 1);
  const at::Tensor ids =
      at::arange(0, language.shape.vocab_size, step, at::TensorOptions(at::kLong).device(device));
  return language.model->embed(ids).to(at::kFloat).std().item<double>();
}

/// The trained half of stage 2 from `options.qformer`, its projection at random unless the
/// directory has one.
Stage2 start_stage2(const AssembleOptions& options, int64_t encoder_width,
                    const LanguageModelPart& language) {
  const TextSide side = options.reads_question ? TextSide::kPresent : TextSide::kAbsent;
  const auto with_projection = [&](Stage2 model) {
    Random random(options.seed, "initial projection");
    initialise_projection(model, embedding_std(language, options.device), random);
    return model;
  };
  if (options.qformer == kBertBase) {
    Stage1Config config = asked_config(options, {}, encoder_width);
    Stage2 model = make_stage2(config.qformer, config.image_norm_eps, language.shape.width);
    Random random(options.seed, "initial weights");
    initialise(model.image_norm);
    initialise(model.qformer, random);
    return with_projection(std::move(model));
  }
  const OpenedDirectory directory = open_qformer(options.qformer);
  if (is_bert(directory)) {
    const auto tokenizer = load_model_tokenizer(options.qformer, extra_tokens());
    return with_projection(
        stage2_from(stage1_from_bert(directory, options, encoder_width, *tokenizer),
                    language.shape.width, side));
  }
  const Blip2Config config = qformer_config(directory, options, encoder_width);
  const TensorSource& source = directory.weights();
  if (config.kind == DirectoryKind::kStage1) {
    return with_projection(
        stage2_from(load_stage1(config, source, Storage::kOwned), language.shape.width, side));
  }
  Stage2 model = load_stage2(config, source, language.shape.width, Storage::kOwned);
  if (!options.reads_question || config.kind == DirectoryKind::kInstruct) return model;
  AssembleOptions text = options;
  text.qformer = options.qformer_text;
  return with_text_side(model, open_text_side(text, encoder_width));
}

/// The words that a Q-Former reads questions in, and where `options` has them.
std::unique_ptr<Tokenizer> question_tokenizer(const AssembleOptions& options) {
  const fs::path own = fs::path(options.qformer) / "qformer_tokenizer";
  if (fs::exists(own)) return load_model_tokenizer(own);
  return load_model_tokenizer(options.qformer_text.empty() ? options.qformer : options.qformer_text,
                              extra_tokens());
}

ImageEncoderPart open_encoder(const AssembleOptions& options) {
  return open_image_encoder(options.image_encoder, {.device = options.device,
                                                    .trained = options.train_image_encoder,
                                                    .image_size = options.image_size});
}

void set_encoder(Bundle& bundle, ImageEncoderPart part) {
  bundle.image_encoder = std::move(part.encoder);
  bundle.transform = part.transform;
  bundle.vision_json = std::move(part.vision_json);
}

}  // namespace

Bundle assemble_stage1(const AssembleOptions& given) {
  const at::NoGradGuard no_grad;
  const AssembleOptions options = with_directories(given);
  Bundle bundle;
  set_encoder(bundle, open_encoder(options));
  const int64_t width = bundle.image_encoder->width();
  if (options.qformer == kBertBase) {
    fail(ErrorCode::kUnsupported,
         "qformer: {} is a shape without a vocabulary: stage 1 starts from a directory", kBertBase);
  }
  const OpenedDirectory directory = open_qformer(options.qformer);
  std::optional<Stage1> model;
  bundle.qformer_tokenizer = load_model_tokenizer(options.qformer, extra_tokens());
  if (is_bert(directory)) {
    model = stage1_from_bert(directory, options, width, *bundle.qformer_tokenizer);
  } else {
    const Blip2Config config = qformer_config(directory, options, width);
    if (config.kind != DirectoryKind::kStage1) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected a BERT or a stage-1 model, found a stage-2 model, which has no text side",
           options.qformer);
    }
    note_difference(options.qformer, "embed_dim", options.embed_dim, config.image_text_hidden_size);
    model = load_stage1(config, directory.weights(), Storage::kOwned);
    check_token_ids(options.qformer, *bundle.qformer_tokenizer, config.qformer.vocab_size);
  }
  move_to(named_tensors(*model), options.device);
  put_stage1(bundle, std::move(*model));
  bundle.device = options.device;
  bundle.max_text_length = options.max_text_length;
  return bundle;
}

Bundle assemble_stage2(const AssembleOptions& given) {
  const at::NoGradGuard no_grad;
  const AssembleOptions options = with_directories(given);
  Bundle bundle;
  set_encoder(bundle, open_encoder(options));
  LanguageModelPart language =
      open_language_model(options.language_model,
                          {.device = options.device, .t5_activation = T5Activation::kExactGelu});
  bundle.device = options.device;
  Stage2 model = start_stage2(options, bundle.image_encoder->width(), language);
  move_to(named_tensors(model), options.device);
  if (options.reads_question) bundle.qformer_tokenizer = question_tokenizer(options);
  bundle.language_model = std::move(language.model);
  bundle.max_positions = language.shape.max_positions;
  bundle.positions_go_on = language.shape.positions_go_on;
  bundle.caption_end = language.shape.caption_end;
  bundle.language_family = language.shape.family;
  bundle.text_tokenizer = std::move(language.tokenizer);
  bundle.text_json = std::move(language.text_json);
  bundle.generation_json = std::move(language.generation_json);
  bundle.max_text_length = options.max_text_length;
  bundle.prompt = options.prompt;
  if (const int64_t end_id = caption_end_id(bundle);
      end_id != bundle.text_tokenizer->special_ids().eos) {
    bundle.text_json = with_end_token(bundle.text_json, end_id);
    bundle.generation_json = with_end_token(bundle.generation_json, end_id);
  }
  put_stage2(bundle, std::move(model));
  return bundle;
}

}  // namespace blip2
