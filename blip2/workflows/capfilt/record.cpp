// The JSON of candidates, written and read back.
#include "blip2/workflows/capfilt/record.h"

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/base/python_json.h"

namespace blip2 {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(CaptionCandidate::Source source) {
  return source == CaptionCandidate::Source::kWeb ? "web" : "synthetic";
}

Json to_json(const CapFiltResult& result) {
  Json candidates = Json::array();
  int64_t rank = 0;
  for (const CaptionCandidate& candidate : result.candidates) {
    Json& json = candidates.emplace_back(Json{{"text", candidate.text},
                                              {"source", name_of(candidate.source)},
                                              {"score", candidate.score},
                                              {"rank", ++rank}});
    if (candidate.match_probability) json["match_probability"] = *candidate.match_probability;
    json["kept"] = candidate.kept;
    if (!candidate.kept) json["dropped_by"] = candidate.dropped_by;
  }
  return candidates;
}

}  // namespace

std::vector<std::string> kept_captions(const CapFiltResult& result) {
  std::vector<std::string> captions;
  for (const CaptionCandidate& candidate : result.candidates) {
    if (candidate.kept) captions.push_back(candidate.text);
  }
  return captions;
}

std::string sidecar_json(const std::string& fields, const std::vector<std::string>& web_captions,
                         const CapFiltResult& result) {
  Json json = try_parse_json<Json>(fields).value_or(Json::object());
  if (!json.is_object()) json = Json::object();
  json["caption"] = kept_captions(result);
  json["web_captions"] = web_captions;
  json["candidates"] = to_json(result);
  return json_on_one_line(json) + "\n";
}

std::string caption_row(const std::string& image, const std::optional<FileRange>& stored,
                        const CapFiltResult& result) {
  Json json = {{"image", image}, {"caption", kept_captions(result)}};
  if (stored) {
    json["offset"] = stored->offset;
    json["size"] = stored->size;
  }
  json["candidates"] = to_json(result);
  return json_on_one_line(json);
}

CapFiltResult parse_candidates(const std::string& text, const std::string& where) {
  CapFiltResult result;
  try {
    const Json json = Json::parse(text);
    for (const Json& one : json.at("candidates")) {
      CaptionCandidate& candidate = result.candidates.emplace_back();
      candidate.text = one.at("text");
      candidate.source = one.at("source") == "web" ? CaptionCandidate::Source::kWeb
                                                   : CaptionCandidate::Source::kSynthetic;
      candidate.score = one.at("score");
      if (one.contains("match_probability")) {
        candidate.match_probability = one["match_probability"].get<double>();
      }
      candidate.kept = one.at("kept");
      if (!candidate.kept) candidate.dropped_by = one.at("dropped_by");
    }
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected \"candidates\" as capfilt writes them", where);
  }
  return result;
}

}  // namespace blip2
