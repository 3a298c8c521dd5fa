// The classes of Hugging Face that this program reads, and the kinds of directory that they make.
#include "blip2/models/configs/directory_kind.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/language/families.h"
#include "blip2/models/vision/families.h"

namespace blip2 {

using json = nlohmann::ordered_json;

namespace {

struct KnownClass {
  const char* model_type;
  const char* name;
  DirectoryKind kind;
};

/// The whole models; the first of a type is what a file without `architectures` means.
constexpr KnownClass kClasses[] = {
    {"blip-2", "Blip2ForConditionalGeneration", DirectoryKind::kStage2},
    {"blip-2", "Blip2ForImageTextRetrieval", DirectoryKind::kStage1},
    {"instructblip", "InstructBlipForConditionalGeneration", DirectoryKind::kInstruct},
    {"blip", "BlipForConditionalGeneration", DirectoryKind::kBlipCaptioning},
    {"blip", "BlipForImageTextRetrieval", DirectoryKind::kBlipMatching},
    {"blip", "BlipForQuestionAnswering", DirectoryKind::kBlipAnswering},
    {"clip", "CLIPModel", DirectoryKind::kClip},
};

DirectoryKind whole_kind(const ConfigFields& fields, const std::string& type) {
  const json* list = fields.find("architectures");
  const bool is_said =
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string();
  std::string known;
  for (const KnownClass& one : kClasses) {
    if (type != one.model_type) continue;
    if (!is_said || list->front() == one.name) return one.kind;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  fail(ErrorCode::kUnsupported, "{}: architectures: expected {}, found {}", fields.where(), known,
       quote(list->front().get<std::string>()));
}

bool is_whole(const std::string& type) {
  return std::any_of(std::begin(kClasses), std::end(kClasses),
                     [&](const KnownClass& one) { return type == one.model_type; });
}

}  // namespace

bool is_model_config(std::string_view content) {
  const json config = json::parse(content, nullptr, false);
  if (!config.is_object()) return false;
  return (config.contains("model_type") && config["model_type"].is_string()) ||
         (config.contains("architectures") && config["architectures"].is_array());
}

DirectoryKind directory_kind(const ConfigFields& config) {
  const std::string type = config.text("model_type", "");
  if (is_whole(type)) return whole_kind(config, type);
  if (is_image_encoder(type)) return DirectoryKind::kImageEncoder;
  if (type == "bert") return DirectoryKind::kBert;
  if (is_language_model(type)) return DirectoryKind::kLanguageModel;
  std::string languages;
  for (const LanguageModelFamily& family : language_model_families()) {
    languages += ", " + family.model_type;
  }
  fail(ErrorCode::kUnsupported,
       "{}: model_type: expected blip-2, instructblip, blip, clip, an image encoder "
       "(efficientnet_lite, blip_2_vision_model, clip_vision_model, ...), bert{}, found {}",
       config.where(), languages, quote(type));
}

bool is_blip2(DirectoryKind kind) {
  return kind == DirectoryKind::kStage1 || kind == DirectoryKind::kStage2 ||
         kind == DirectoryKind::kInstruct;
}

bool is_blip1(DirectoryKind kind) {
  return kind == DirectoryKind::kBlipCaptioning || kind == DirectoryKind::kBlipMatching ||
         kind == DirectoryKind::kBlipAnswering;
}

std::string class_name(DirectoryKind kind) {
  for (const KnownClass& one : kClasses) {
    if (one.kind == kind) return one.name;
  }
  return "";
}

}  // namespace blip2
