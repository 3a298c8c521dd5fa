// Hugging Face's names of our tensors: tables between the names that visit() gives and those of
// Blip2ForImageTextRetrieval, Blip2ForConditionalGeneration and BERT checkpoints. The frozen parts
// need no table: the names of an ImageEncoder's and a CausalLanguageModel's tensors are already
// those of their sources.
#pragma once

#include <string>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/rename.h"
#include "blip2/checkpoint/source.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// The prefix of the frozen parts' own names in a model directory.
inline constexpr const char* kVisionPrefix = "vision_model.";
inline constexpr const char* kLanguagePrefix = "language_model.";

/// Stage1 <-> Blip2ForImageTextRetrieval, with the extras `temp` and `cls.predictions.*`.
const NameTable& stage1_names();

/// Stage2 <-> the trained half of Blip2ForConditionalGeneration.
const NameTable& stage2_names();

/// Stage2 with its text side <-> the trained half of InstructBlipForConditionalGeneration.
const NameTable& instruct_names();

/// The part of Stage1 that a BERT has <-> BertModel (`embeddings.*`, `encoder.*`) with the
/// masked-language-model head `cls.predictions.*` beside it. Layer norms may have the old names
/// `gamma` and `beta`.
const NameTable& bert_names();

/// The same with `bert.` before all but the head: BertForMaskedLM, BertForPreTraining.
const NameTable& prefixed_bert_names();

/// Patterns of what a BERT checkpoint may hold and a Q-Former does not take: pooler, next-sentence
/// head, tied copies, buffers. The token types are read apart.
const std::vector<std::string>& unused_bert_tensors();

/// Patterns of buffers that old checkpoints carry.
const std::vector<std::string>& unused_buffers();

/// A slot for each tensor, under the name by which `source` has it: where the table has several
/// names for one of ours, the one that occurs there. A tensor without a name in the table is left
/// out.
std::vector<Slot> named_slots(const std::vector<NamedTensor>& tensors, const NameTable& names,
                              const TensorSource& source);

/// The same for tensors whose names in the source are `prefix` + ours.
std::vector<Slot> prefixed_slots(const std::vector<NamedTensor>& tensors,
                                 const std::string& prefix);

}  // namespace blip2
