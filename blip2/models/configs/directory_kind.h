// What a model directory is, by its config.json, and which files such a directory has.
#pragma once

#include <string>
#include <string_view>

#include "blip2/base/directory_writer.h"
#include "blip2/base/json_struct.h"

namespace blip2 {

/// Whether a config.json is a model's: a JSON object with `model_type` or `architectures`.
bool is_model_config(std::string_view content);

/// How a model directory that this program wrote is known when one is written over it. Of another's
/// directory `convert --base` copies the files that are named here.
inline const DirectoryMark kModelDirectory{"model",
                                           "config.json",
                                           is_model_config,
                                           {"config.json",
                                            "generation_config.json",
                                            "preprocessor_config.json",
                                            "processor_config.json",
                                            "model.safetensors",
                                            "tokenizer.json",
                                            "tokenizer_config.json",
                                            "special_tokens_map.json",
                                            "added_tokens.json",
                                            "vocab.txt",
                                            "vocab.json",
                                            "merges.txt",
                                            "spiece.model",
                                            "tokenizer.model",
                                            "chat_template.jinja",
                                            "chat_template.json",
                                            "LICENSE",
                                            "LICENSE.txt",
                                            "LICENSE.md",
                                            "qformer_tokenizer/tokenizer.json",
                                            "qformer_tokenizer/tokenizer_config.json",
                                            "qformer_tokenizer/special_tokens_map.json",
                                            "qformer_tokenizer/added_tokens.json",
                                            "qformer_tokenizer/vocab.txt"}};

/// What a directory is, by `model_type` and `architectures` of its config.json.
enum class DirectoryKind {
  kStage1,          ///< blip-2, Blip2ForImageTextRetrieval: stage 1
  kStage2,          ///< blip-2, Blip2ForConditionalGeneration: stage 2
  kInstruct,        ///< instructblip, InstructBlipForConditionalGeneration
  kBlipCaptioning,  ///< blip, BlipForConditionalGeneration
  kBlipMatching,    ///< blip, BlipForImageTextRetrieval
  kBlipAnswering,   ///< blip, BlipForQuestionAnswering
  kClip,            ///< clip, CLIPModel
  kImageEncoder,    ///< a lone image encoder
  kBert,            ///< a lone BERT
  kLanguageModel,   ///< a lone language model
};

/// Whether it is one of the three BLIP-1 kinds.
bool is_blip1(DirectoryKind kind);

/// The class that Hugging Face has for a kind; "" for lone parts.
std::string class_name(DirectoryKind kind);

/// Whether it is a BLIP-2 or an InstructBLIP.
bool is_blip2(DirectoryKind kind);

/// The kind of the directory that a config.json belongs to. Throws kUnsupported, naming what is
/// known, and kCorruptData.
DirectoryKind directory_kind(const ConfigFields& config);

}  // namespace blip2
