// Converting between LAVIS's files and model directories.
#include "blip2/models/lavis/convert.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "blip2/base/directory_writer.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/finite.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/blip_config.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/directory/inspect.h"
#include "blip2/models/directory/opened_directory.h"
#include "blip2/models/language/families.h"
#include "blip2/models/lavis/shapes.h"
#include "blip2/models/lavis/source.h"
#include "blip2/models/vision/families.h"
#include "blip2/models/vision/vit_family.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// The kinds of directory that a file can become; the first is what a message names.
std::vector<DirectoryKind> kinds_of(const LavisLayout& layout) {
  switch (layout.model) {
    case LavisModel::kStage1:
      return {DirectoryKind::kStage1};
    case LavisModel::kStage2:
      return {DirectoryKind::kStage2};
    case LavisModel::kInstruct:
      return {DirectoryKind::kInstruct};
    case LavisModel::kBlipCaptioner:
      return {DirectoryKind::kBlipCaptioning};
    case LavisModel::kBlipMatcher:
      return {DirectoryKind::kBlipMatching};
    case LavisModel::kBlipAnswerer:
      return {DirectoryKind::kBlipAnswering};
    case LavisModel::kBlipPretrained:
      return {DirectoryKind::kBlipCaptioning, DirectoryKind::kBlipMatching};
    case LavisModel::kImageEncoder:
      break;
  }
  return {DirectoryKind::kImageEncoder};
}

/// Fails, with the report's first names, unless what was written is a whole model.
void require_whole(const fs::path& written, const std::string& source) {
  const Inspection inspection = inspect_directory(written);
  const auto refuse = [&](const std::string& name, const std::string& what) {
    fail(ErrorCode::kCorruptData, "{}: with the base's configuration, {} {}", source, quote(name),
         what);
  };
  if (!inspection.missing.empty()) refuse(inspection.missing.front(), "is missing");
  if (!inspection.unused.empty()) refuse(inspection.unused.front(), "has no place");
  if (!inspection.mistyped.empty()) {
    const Mistyped& wrong = inspection.mistyped.front();
    refuse(wrong.name, fmt::format("is stored as {}", wrong.found));
  }
  if (!inspection.misshapen.empty()) {
    const Misshapen& wrong = inspection.misshapen.front();
    refuse(wrong.name, fmt::format("should have the shape {}, not {}", shape_text(wrong.expected),
                                   shape_text(wrong.found))
                           .c_str());
  }
}

/// Known by its width: head counts leave no trace in a file.
VitConfig encoder_config(const LavisFile& file) {
  const bool is_clip = file.layout.vision == LavisVision::kClip;
  const VisionSizes sizes = vision_sizes(*file.source, hugging_face_vision_prefix(file.layout));
  VitConfig config = is_clip ? clip_vit_config() : VitConfig();
  config.hidden_size = sizes.hidden_size;
  config.intermediate_size = sizes.intermediate_size;
  config.num_hidden_layers = sizes.num_hidden_layers;
  config.patch_size = sizes.patch_size;
  config.image_size = sizes.image_size;
  const int64_t head_width = is_clip ? 64 : 88;  // CLIP ViT-L/14, EVA-CLIP ViT-g/14
  if (sizes.hidden_size % head_width != 0) {
    fail(ErrorCode::kUnsupported,
         "{}: an image encoder {} wide: expected EVA-CLIP ViT-g/14 (1408) or CLIP ViT-L/14 (1024)",
         file.source->describe(), sizes.hidden_size);
  }
  config.num_attention_heads = sizes.hidden_size / head_width;
  return config;
}

std::vector<StoredTensor> read_all(const TensorSource& source) {
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : source.infos()) {
    tensors.push_back({info.name, source.read(info.name)});
  }
  return tensors;
}

void convert_encoder(const LavisFile& file, const fs::path& target) {
  const VitConfig config = encoder_config(file);
  ImageTransform transform;  // CLIP's mean and deviation
  transform.image_size = transform.shorter_side = static_cast<int>(config.image_size);
  DirectoryWriter writer(target, kModelDirectory);
  write_safetensors(writer.path() / "model.safetensors", read_all(*file.source));
  write_file_atomic(writer.path() / "config.json", vit_json(config) + "\n");
  write_file_atomic(writer.path() / "preprocessor_config.json", format_transform(transform) + "\n");
  require_whole(writer.path(), file.source->describe());
  writer.commit();
}

/// Configuration, tokenizers and licence: what a model directory has beside its weights.
void copy_other_files(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const std::string& name : kModelDirectory.files) {
    if (name == "model.safetensors" || !fs::is_regular_file(from / name, error)) continue;
    make_directories((to / name).parent_path());
    write_file_atomic(to / name, read_file(from / name));
  }
}

/// The file's tensors, and the base's where the file has none. Of a BLIP-1 that holds all models,
/// what the base's class has no place for is left out.
std::vector<StoredTensor> merge(const LavisFile& file, const TensorSource& base) {
  const bool is_choosy = file.layout.model == LavisModel::kBlipPretrained;
  std::vector<StoredTensor> tensors;
  std::set<std::string> taken;
  for (const TensorInfo& info : file.source->infos()) {
    if (is_choosy && !base.has(info.name)) continue;
    tensors.push_back({info.name, file.source->read(info.name)});
    taken.insert(info.name);
  }
  for (const TensorInfo& info : base.infos()) {
    if (!taken.contains(info.name)) tensors.push_back({info.name, base.read(info.name)});
  }
  return tensors;
}

/// The image encoder of a directory, by its configuration.
ImageEncoderShape image_encoder_of(const OpenedDirectory& directory) {
  const ConfigFields config = directory.config();
  if (directory.kind() == DirectoryKind::kImageEncoder) return parse_image_encoder(config);
  const std::string json =
      is_blip1(directory.kind()) ? parse_blip(config).vision_json : parse_blip2(config).vision_json;
  return parse_image_encoder(json, config.where());
}

}  // namespace

bool is_lavis_file(const TensorSource& source) { return lavis_layout(source).has_value(); }

void convert_from_lavis(const fs::path& path, const fs::path& base, const fs::path& target) {
  LavisOptions options;
  std::optional<OpenedDirectory> given;
  if (!base.empty()) {
    given.emplace(base);
    const ImageEncoderShape shape = image_encoder_of(*given);
    if (shape.is_transformer()) options.num_vision_layers = shape.size("num_hidden_layers");
  }
  std::unique_ptr<TensorSource> source = open_source(path);
  const auto layout = lavis_layout(*source);
  if (layout && layout->vision == LavisVision::kAbsent) options.num_vision_layers.reset();
  const LavisFile file = from_lavis(std::move(source), options);
  require_finite(*file.source);
  if (file.layout.model == LavisModel::kImageEncoder) return convert_encoder(file, target);

  const std::vector<DirectoryKind> kinds = kinds_of(file.layout);
  if (base.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "{}: {}: expected --base DIR, a {} for the configuration, the tokenizer and the frozen "
         "parts",
         path.string(), lavis_title(file.layout), class_name(kinds.front()));
  }
  const DirectoryKind kind = given->kind();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    fail(ErrorCode::kInvalidArgument, "--base {}: expected a {} for {}, found {}", base.string(),
         class_name(kinds.front()), lavis_title(file.layout),
         class_name(kind).empty() ? "a part of a model" : class_name(kind));
  }
  require_finite(given->weights());
  DirectoryWriter writer(target, kModelDirectory);
  copy_other_files(given->path(), writer.path());
  write_safetensors(writer.path() / "model.safetensors", merge(file, given->weights()));
  require_whole(writer.path(), path.string());
  writer.commit();
}

void convert_to_lavis(const fs::path& path, const fs::path& file) {
  OpenedDirectory directory(path);
  const DirectoryKind kind = directory.kind();
  LavisLayout layout;
  switch (kind) {
    case DirectoryKind::kStage1:
      layout.model = LavisModel::kStage1;
      break;
    case DirectoryKind::kStage2:
      layout.model = LavisModel::kStage2;
      break;
    case DirectoryKind::kInstruct:
      layout.model = LavisModel::kInstruct;
      break;
    case DirectoryKind::kBlipCaptioning:
      layout.model = LavisModel::kBlipCaptioner;
      break;
    case DirectoryKind::kBlipMatching:
      layout.model = LavisModel::kBlipMatcher;
      break;
    case DirectoryKind::kBlipAnswering:
      layout.model = LavisModel::kBlipAnswerer;
      break;
    case DirectoryKind::kImageEncoder:
      layout.model = LavisModel::kImageEncoder;
      break;
    default:
      fail(ErrorCode::kUnsupported, "{}: LAVIS has no file for this kind of model", path.string());
  }
  if (is_blip1(kind)) {
    layout.vision = LavisVision::kBlip;
  } else {
    const std::string family = image_encoder_of(directory).family;
    if (family != "clip_vision_model" && family != "blip_2_vision_model") {
      fail(ErrorCode::kUnsupported, "{}: LAVIS does not have this image encoder",
           directory.config().where());
    }
    layout.vision = family == "clip_vision_model" ? LavisVision::kClip : LavisVision::kEva;
  }
  if (layout.model == LavisModel::kStage2 || layout.model == LavisModel::kInstruct) {
    const std::string family =
        parse_language_model(parse_blip2(directory.config()).text_json, directory.config().where())
            .family;
    layout.language = family == "opt"  ? LavisLanguage::kOpt
                      : family == "t5" ? LavisLanguage::kT5
                                       : LavisLanguage::kLlm;
    layout.has_language_model = true;
  }
  require_finite(directory.weights());
  const std::unique_ptr<TensorSource> source = to_lavis(directory.take_weights(), layout);
  write_safetensors(file, read_all(*source));
}

}  // namespace blip2
