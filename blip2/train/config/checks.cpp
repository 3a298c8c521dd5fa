// One Checker walks over the output folder, the data sets and the models, and gathers all faults.
#include "blip2/train/config/checks.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>

#include "blip2/base/error.h"
#include "blip2/data/shards/list.h"
#include "blip2/models/directory/facts.h"
#include "blip2/models/directory/found_directory.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

class Checker {
 public:
  Checker(const TrainConfig& config, ConfigDocument& document)
      : config_(config), document_(document) {}

  void check() {
    check_output();
    for (const auto& [name, dataset] : config_.datasets) check_dataset(name, dataset);
    check_models();
  }

 private:
  void check_output();
  void check_dataset(const std::string& name, const DatasetConfig& dataset);
  void check_models();
  void check_image_encoder(const ImageEncoderFacts& encoder);
  void check_qformer(const QFormerFacts& qformer, const std::optional<ImageEncoderFacts>& encoder,
                     const std::optional<LanguageModelFacts>& language);
  void check_text_side();
  void check_language_model(const LanguageModelFacts& language);

  /// Adds a fault if `path` does not exist. Returns whether it does; false for an empty path, which
  /// is the responsibility of check_values().
  bool require_there(const std::string& key, const fs::path& path) {
    if (path.empty() || is_there(path)) return !path.empty();
    document_.fault(key, fmt::format("{}: no such file or directory; name another: --set {}=PATH",
                                     path.string(), key));
    return false;
  }
  /// What `look` finds at `path`; adds a fault if it finds nothing.
  template <typename Facts>
  std::optional<Facts> facts(const std::string& key, const std::string& path,
                             Facts (*look)(const fs::path&)) {
    if (!require_there(key, path)) return std::nullopt;
    try {
      return look(path);
    } catch (const Error& error) {
      document_.fault(key, error.what());
      return std::nullopt;
    }
  }

  const TrainConfig& config_;
  ConfigDocument& document_;
};

void Checker::check_output() {
  for (fs::path path = config_.run.output_dir; !path.empty(); path = path.parent_path()) {
    if (is_there(path) && !fs::is_directory(path)) {
      document_.fault("run.output_dir",
                      fmt::format("expected a folder, found the file {}", path.string()));
    }
    if (path == path.parent_path()) break;
  }
}

void Checker::check_dataset(const std::string& name, const DatasetConfig& dataset) {
  const std::string key = "datasets." + name;
  const bool is_shards = dataset.format == "webdataset" || dataset.format == "laion_parquet";
  for (const std::string& place : dataset.annotations) {
    try {
      const std::vector<std::string> paths =
          is_shards ? expand_braces(place) : std::vector<std::string>{place};
      for (const std::string& path : paths) {
        if (!require_there(key + ".annotations", path)) break;
      }
    } catch (const Error& error) {
      document_.fault(key + ".annotations", error.what());
    }
  }
  require_there(key + ".images", dataset.images);
}

void Checker::check_image_encoder(const ImageEncoderFacts& encoder) {
  if (!config_.model.freeze_vit && encoder.patch_size == 0) {
    document_.fault("model.freeze_vit",
                    "expected true: only the image encoders of BLIP-2, BLIP and CLIP are trained");
  }
  for (const auto& [name, dataset] : config_.datasets) {
    const std::string key = "datasets." + name + ".image_size";
    if (encoder.patch_size == 0 && dataset.image_size != encoder.image_size) {
      document_.fault(key, fmt::format("expected the image encoder's {}, found {}",
                                       encoder.image_size, dataset.image_size));
    }
    if (encoder.patch_size > 0 && dataset.image_size % encoder.patch_size != 0) {
      document_.fault(key, fmt::format("expected a multiple of the patch's {}, found {}",
                                       encoder.patch_size, dataset.image_size));
    }
  }
}

void Checker::check_qformer(const QFormerFacts& qformer,
                            const std::optional<ImageEncoderFacts>& encoder,
                            const std::optional<LanguageModelFacts>& language) {
  const std::string key = "model.qformer", &path = config_.model.qformer;
  if (config_.model.arch == "blip2" && !qformer.has_text_side) {
    document_.fault(key,
                    fmt::format("{}: expected a BERT or a stage-1 model, found a stage-2 model, "
                                "which has no text side",
                                path));
  }
  if (config_.model.arch == "blip2" || qformer.is_bert) {
    try {
      load_tokenizer(model_directory(path));
    } catch (const Error& error) {
      document_.fault(key, error.what());
    }
  }
  if (task_of(config_.run) == TrainTask::kVqa && !qformer.has_text_side && !qformer.is_instruct) {
    check_text_side();
  }
  if (encoder && qformer.encoder_width > 0 && qformer.encoder_width != encoder->width) {
    document_.fault(
        "model.image_encoder",
        fmt::format("{}: expected image tokens of width {}, which model.qformer {} reads, found {}",
                    config_.model.image_encoder, qformer.encoder_width, path, encoder->width));
  }
  if (language && qformer.language_width > 0 && qformer.language_width != language->width) {
    document_.fault(
        "model.language_model",
        fmt::format("{}: expected width {}, which model.qformer {} projects to, found {}",
                    config_.model.language_model, qformer.language_width, path, language->width));
  }
}

/// Checks model.qformer_text, which a stage-2 Q-Former needs: it has no text side.
void Checker::check_text_side() {
  const std::string key = "model.qformer_text", &path = config_.model.qformer_text;
  if (path.empty()) {
    document_.fault(
        key,
        "expected a BERT or a stage-1 model to read questions with, since model.qformer "
        "has no text side; found nothing");
    return;
  }
  const auto text = facts(key, path, qformer_facts);
  if (text && !text->has_text_side) {
    document_.fault(key, fmt::format("{}: expected a BERT or a stage-1 model", path));
  }
}

void Checker::check_language_model(const LanguageModelFacts& language) {
  const ModelConfig& model = config_.model;
  if (model.arch != "blip2_" + language.family) {
    document_.fault(
        "model.language_model",
        fmt::format("{}: expected {} for model.arch {}, found {}", model.language_model,
                    model.arch.substr(model.arch.find('_') + 1), model.arch, language.family));
  }
  // In visual question answering the limit holds for prompt and answer separately.
  if (task_of(config_.run) == TrainTask::kVqa) return;
  const int64_t prompt_length =
      model.prompt.empty() ? 0
                           : static_cast<int64_t>(language.tokenizer->encode(model.prompt).size());
  if (model.max_txt_len <= prompt_length) {
    document_.fault("model.max_txt_len",
                    fmt::format("expected more than the {} tokens of model.prompt, found {}",
                                prompt_length, model.max_txt_len));
  }
}

void Checker::check_models() {
  const ModelConfig& model = config_.model;
  const bool is_shape = model.image_encoder == "eva_clip_g" || model.image_encoder == "clip_L" ||
                        model.image_encoder == "none";
  std::optional<ImageEncoderFacts> encoder;
  if (is_shape) {
    document_.fault(
        "model.image_encoder",
        fmt::format("expected a directory or file of weights, found {}, a shape without "
                    "weights; name one: --set model.image_encoder=PATH",
                    model.image_encoder));
  } else {
    encoder = facts("model.image_encoder", model.image_encoder, image_encoder_facts);
  }
  if (encoder) check_image_encoder(*encoder);
  std::optional<LanguageModelFacts> language;
  if (model.arch != "blip2") {
    language = facts("model.language_model", model.language_model, language_model_facts);
  }
  if (language) check_language_model(*language);
  if (model.qformer == "bert-base") {
    if (model.arch == "blip2") {
      document_.fault("model.qformer",
                      "expected a directory for stage 1, found bert-base, a shape without a "
                      "vocabulary; name one: --set model.qformer=PATH");
    }
    return;
  }
  if (is_there(model.qformer) && !fs::is_directory(model.qformer)) {
    document_.fault("model.qformer", fmt::format("expected a directory, found the file {}; blip2 "
                                                 "convert makes directories of LAVIS's files",
                                                 model.qformer));
    return;
  }
  const auto qformer = facts("model.qformer", model.qformer, qformer_facts);
  if (qformer) check_qformer(*qformer, encoder, language);
}

}  // namespace

void check_files(const TrainConfig& config, ConfigDocument& document) {
  Checker(config, document).check();
}

}  // namespace blip2
