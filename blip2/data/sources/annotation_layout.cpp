// Tells layouts by the members of their first objects.
#include "blip2/data/sources/annotation_layout.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/file_kind.h"
#include "blip2/base/python_json.h"
#include "blip2/data/sources/json_scan.h"

namespace blip2 {

namespace {
using Json = nlohmann::json;

constexpr const char* kOneObject = "one JSON object";

/// The first element of the list at `position`; null where there is none.
Json first_of_list(std::string_view text, size_t position) {
  try {
    return try_parse_json<Json>(first_json_element(text.substr(position), "")).value_or(Json());
  } catch (const Error&) {
    return Json();
  }
}

/// Of a list with images and annotations, as COCO writes all its files.
AnnotationLayout coco_layout(const Json& annotation) {
  if (annotation.contains("caption")) return {"COCO's captions", "coco"};
  return {"a file of COCO's without captions", "", "the captions are in captions_*.json"};
}

AnnotationLayout object_layout(std::string_view text) {
  const auto members = json_members(text, "");
  const auto first = [&](const char* name) {
    const auto member = members.find(name);
    return member == members.end() ? Json() : first_of_list(text, member->second);
  };
  if (members.contains("image_urls") && members.contains("captions"))
    return {"SBU's columns", "sbu"};
  if (first("questions").contains("question")) {
    return {kVqaQuestionFile, "vqav2"};
  }
  const Json annotation = first("annotations");
  if (annotation.contains("answers") || annotation.contains("multiple_choice_answer")) {
    return {"an official VQA annotation file", "vqav2"};
  }
  const Json image = first("images");
  if (image.contains("sentences")) return {"Karpathy's split", "coco_karpathy"};
  if (members.contains("images") && (annotation.is_object() || image.contains("file_name"))) {
    return coco_layout(annotation);
  }
  if (members.contains("shardlist")) return {"an index of shards", "webdataset"};
  return {kOneObject, "", ""};
}

AnnotationLayout list_layout(std::string_view text) {
  const Json first = first_of_list(text, 0);
  if (first.contains("regions")) return {"Visual Genome's regions", "visual_genome"};
  if (first.contains("image_id") && first.contains("caption") && !first.contains("image")) {
    return {"COCO's results, which name no pictures", "", "give the annotations"};
  }
  return {"one JSON list", "blip_json"};
}

/// Whether the first line is a JSON object: with others after it, or one that is no official file.
bool is_json_lines(std::string_view text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const auto first = try_parse_json<Json>(text.substr(0, end));
  if (!first || !first->is_object() || first->empty()) return false;
  return skip_json_space(text, end) < text.size() || object_layout(text).what == kOneObject;
}

AnnotationLayout table_layout(std::string_view text) {
  const std::string_view header = text.substr(0, text.find_first_of("\r\n"));
  if (header == "caption\turl" || header == "url\tcaption") {
    return {"a table of captions and URLs", "cc_tsv"};
  }
  const bool has_columns = header.find_first_of("\t,;") != std::string_view::npos;
  const bool has_url = header.find("http://") != std::string_view::npos ||
                       header.find("https://") != std::string_view::npos;
  if (!has_columns) return {};
  return has_url ? AnnotationLayout{"a table of captions and URLs", "cc_tsv"}
                 : AnnotationLayout{"a table", "csv"};
}

}  // namespace

AnnotationLayout annotation_layout(std::string_view text) {
  if (const std::string_view kind = file_kind(text); !kind.empty()) {
    return {std::string(kind), "", std::string(file_kind_advice(text))};
  }
  const size_t start = skip_json_space(text, 0);
  if (start == text.size()) return {"an empty file", "", ""};
  try {
    if (text[start] == '[') return list_layout(text);
    if (text[start] == '{') {
      return is_json_lines(text.substr(start)) ? AnnotationLayout{"JSON lines", "jsonl"}
                                               : object_layout(text);
    }
  } catch (const Error&) {  // broken: its reader will say where
    return {};
  }
  return table_layout(text);
}

std::string other_layout(std::string_view text, std::string_view format) {
  const AnnotationLayout layout = annotation_layout(text);
  if (layout.what.empty() || (!format.empty() && layout.format == format)) return "";
  if (layout.what == kOneObject && format == "jsonl") return "";  // a line of them, perhaps
  if (!layout.format.empty()) {
    return fmt::format("{}, which format {} reads", layout.what, layout.format);
  }
  if (layout.advice.empty()) return layout.what;
  return layout.what + (layout.advice.starts_with(":") ? "" : ": ") + layout.advice;
}

}  // namespace blip2
