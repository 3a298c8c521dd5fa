// Writing the directory of a SentencePiece model's tokenizer.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <variant>

#include "blip2/base/base64.h"
#include "blip2/base/files.h"
#include "blip2/text/save_parts.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

const char* name_of(PrependScheme scheme) {
  for (const auto& [value, name] : kPrependSchemes) {
    if (value == scheme) return name;
  }
  return "";
}

json step_document(const ComposeStep&) { return {{"type", "NFC"}}; }
json step_document(const LowerCaseStep&) { return {{"type", "Lowercase"}}; }
json step_document(const PrependStep& step) {
  return {{"type", "Prepend"}, {"prepend", step.text}};
}
json step_document(const StripStep& step) {
  return {{"type", "Strip"}, {"strip_left", step.left}, {"strip_right", step.right}};
}
json step_document(const CharsmapStep& step) {
  return {{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(step.charsmap->bytes())}};
}
json step_document(const ReplaceStep& step) {
  json pattern = {{"String", step.found}};
  if (step.pattern == ReplaceStep::Pattern::kWhiteSpaces)
    pattern = {{"Regex", kWhiteSpacesPattern}};
  if (step.pattern == ReplaceStep::Pattern::kSeveralSpaces) {
    pattern = {{"Regex", kSeveralSpacesPattern}};
  }
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", step.text}};
}

json metaspace_document(const Metaspace& metaspace) {
  return {{"type", "Metaspace"},
          {"replacement", kMetaspace},
          {"prepend_scheme", name_of(metaspace.prepend)},
          {"split", metaspace.split}};
}

json splitter_document(const SentencePieceParts& parts) {
  json steps = json::array();
  if (parts.split_white_space) steps.push_back({{"type", "WhitespaceSplit"}});
  if (parts.metaspace) steps.push_back(metaspace_document(*parts.metaspace));
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

json decoder_document(const PieceDecoder& decoder) {
  if (decoder.kind == PieceDecoder::Kind::kSpaces) {
    return metaspace_document(
        {.prepend = decoder.drop_first ? PrependScheme::kAlways : PrependScheme::kNever});
  }
  json steps = {{{"type", "Replace"}, {"pattern", {{"String", kMetaspace}}}, {"content", " "}},
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}}};
  if (decoder.strip_spaces > 0) {
    steps.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", decoder.strip_spaces}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

json model_document(const Unigram& model, const TokenizerFrame& frame) {
  json vocabulary = json::array();
  for (int64_t id = 0; id < frame.num_model_pieces(); ++id) {
    vocabulary.push_back(
        {frame.vocabulary().piece(id), model.parts().scores[static_cast<size_t>(id)]});
  }
  return {{"type", "Unigram"},
          {"unk_id", model.parts().unknown_id},
          {"byte_fallback", model.parts().byte_fallback},
          {"vocab", vocabulary}};
}

json model_document(const PieceBpe& model, const TokenizerFrame& frame) {
  const PieceBpeParts& parts = model.parts();
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", parts.unknown.empty() ? json(nullptr) : json(parts.unknown)},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", parts.fuse_unknown},
          {"byte_fallback", parts.byte_fallback},
          {"ignore_merges", parts.ignore_merges},
          {"vocab", model_vocabulary(frame)},
          {"merges", parts.merges}};
}

}  // namespace

json normalizer_document(const NormalizerSteps& steps) {
  json documents = json::array();
  for (const NormalizerStep& step : steps) {
    documents.push_back(std::visit([](const auto& kind) { return step_document(kind); }, step));
  }
  if (documents.empty()) return nullptr;
  if (documents.size() == 1) return documents[0];
  return {{"type", "Sequence"}, {"normalizers", documents}};
}

void SentencePiece::save(const std::filesystem::path& directory) const {
  json document = tokenizer_document(frame_);
  document["normalizer"] = normalizer_document(parts_.normalizer);
  document["pre_tokenizer"] = splitter_document(parts_);
  document["decoder"] = decoder_document(parts_.decoder);
  document["model"] =
      std::visit([&](const auto& model) { return model_document(model, frame_); }, model_);
  json config = config_document(frame_, "PreTrainedTokenizerFast");
  // Were it there, Hugging Face's classes would look for the SentencePiece file instead.
  config.erase("add_prefix_space");
  if (const std::string kind = config["tokenizer_class"]; kind.starts_with("LlamaTokenizer")) {
    const TokenizerFrameParts& frame = frame_.parts();
    config["add_bos_token"] = !frame.prefix_ids.empty();
    config["add_eos_token"] = !frame.suffix_ids.empty();
  }
  make_directories(directory);
  write_json(directory / "tokenizer.json", document);
  write_json(directory / "tokenizer_config.json", config);
}

}  // namespace blip2
