// The tables between our names of BLIP-2's and BERT's tensors and Hugging Face's.
#include "blip2/models/names/hugging_face.h"

#include <map>
#include <optional>

namespace blip2 {
namespace {

using Rules = std::vector<RenameRule>;

/// Rules of a feed-forward: `intermediate` and `output`, or the queries' `intermediate_query` and
/// `output_query`.
Rules feed_forward_rules(const std::string& ours, const std::string& theirs,
                         const std::string& suffix) {
  return {{ours + ".up.**", theirs + ".intermediate" + suffix + ".dense.**"},
          {ours + ".down.**", theirs + ".output" + suffix + ".dense.**"},
          {ours + ".norm.**", theirs + ".output" + suffix + ".LayerNorm.**"}};
}

/// `inner`: what Hugging Face calls the three projections together, "attention" in BLIP-2 and
/// "self" in BERT.
Rules attention_rules(const std::string& ours, const std::string& theirs,
                      const std::string& inner) {
  Rules rules;
  for (const char* name : {"query", "key", "value"}) {
    rules.push_back({ours + "." + name + ".**", theirs + "." + inner + "." + name + ".**"});
  }
  rules.push_back({ours + ".output.**", theirs + ".output.dense.**"});
  rules.push_back({ours + ".norm.**", theirs + ".output.LayerNorm.**"});
  return rules;
}

void append(Rules& rules, const Rules& more) {
  rules.insert(rules.end(), more.begin(), more.end());
}

const char* const kOurLayer = "qformer.layers.*";

/// What a stage-2 model keeps of the Q-Former. `embedding_norm`: its name there.
Rules query_side_rules(const std::string& embedding_norm = "qformer.layernorm") {
  const std::string ours = kOurLayer, theirs = "qformer.encoder.layer.*";
  Rules rules = {{"image_norm.**", "vision_model.post_layernorm.**"},
                 {"qformer.query_tokens", "query_tokens"},
                 {"qformer.embedding_norm.**", embedding_norm + ".**"}};
  append(rules, attention_rules(ours + ".self_attention", theirs + ".attention", "attention"));
  append(rules,
         attention_rules(ours + ".cross_attention", theirs + ".crossattention", "attention"));
  append(rules, feed_forward_rules(ours + ".query_feed_forward", theirs, "_query"));
  return rules;
}

Rules lm_head_rules() {
  return {{"lm_head.transform.**", "cls.predictions.transform.dense.**"},
          {"lm_head.norm.**", "cls.predictions.transform.LayerNorm.**"},
          {"lm_head.bias", "cls.predictions.bias"}};
}

Rules stage1_rules() {
  Rules rules = query_side_rules();
  append(rules, {{"qformer.word_embeddings.weight", "embeddings.word_embeddings.weight"},
                 {"qformer.position_embeddings.weight", "embeddings.position_embeddings.weight"},
                 {"vision_projection.**", "vision_projection.**"},
                 {"text_projection.**", "text_projection.**"},
                 {"itm_head.**", "itm_head.**"},
                 {"temperature", "temp"}});
  append(rules, feed_forward_rules(std::string(kOurLayer) + ".text_feed_forward",
                                   "qformer.encoder.layer.*", ""));
  append(rules, lm_head_rules());
  return rules;
}

Rules stage2_rules() {
  Rules rules = query_side_rules();
  rules.push_back({"language_projection.**", "language_projection.**"});
  return rules;
}

Rules instruct_rules() {
  Rules rules = query_side_rules("qformer.embeddings.layernorm");
  for (const std::string name : {"word_embeddings", "position_embeddings"}) {
    rules.push_back({"qformer." + name + ".weight", "qformer.embeddings." + name + ".weight"});
  }
  append(rules, feed_forward_rules(std::string(kOurLayer) + ".text_feed_forward",
                                   "qformer.encoder.layer.*", ""));
  rules.push_back({"language_projection.**", "language_projection.**"});
  return rules;
}

/// Layer norms of checkpoints that came out of TensorFlow call the weight `gamma` and the bias
/// `beta`.
Rules with_old_norm_names(const Rules& rules) {
  Rules all;
  for (const RenameRule& rule : rules) {
    if (!rule.theirs.ends_with("LayerNorm.**")) {
      all.push_back(rule);
      continue;
    }
    const std::string ours = rule.ours.substr(0, rule.ours.size() - 2);
    const std::string theirs = rule.theirs.substr(0, rule.theirs.size() - 2);
    append(all, {{ours + "weight", theirs + "weight"},
                 {ours + "bias", theirs + "bias"},
                 {ours + "weight", theirs + "gamma"},
                 {ours + "bias", theirs + "beta"}});
  }
  return all;
}

Rules bert_rules(const std::string& prefix) {
  const std::string ours = kOurLayer, theirs = prefix + "encoder.layer.*";
  Rules rules = {
      {"qformer.word_embeddings.weight", prefix + "embeddings.word_embeddings.weight"},
      {"qformer.position_embeddings.weight", prefix + "embeddings.position_embeddings.weight"},
      {"qformer.embedding_norm.**", prefix + "embeddings.LayerNorm.**"}};
  append(rules, attention_rules(ours + ".self_attention", theirs + ".attention", "self"));
  append(rules, feed_forward_rules(ours + ".text_feed_forward", theirs, ""));
  append(rules, lm_head_rules());
  return with_old_norm_names(rules);
}

}  // namespace

const NameTable& stage1_names() {
  static const NameTable table(stage1_rules());
  return table;
}

const NameTable& stage2_names() {
  static const NameTable table(stage2_rules());
  return table;
}

const NameTable& instruct_names() {
  static const NameTable table(instruct_rules());
  return table;
}

const NameTable& bert_names() {
  static const NameTable table(bert_rules(""));
  return table;
}

const NameTable& prefixed_bert_names() {
  static const NameTable table(bert_rules("bert."));
  return table;
}

const std::vector<std::string>& unused_bert_tensors() {
  static const std::vector<std::string> patterns = {"pooler.**",
                                                    "bert.pooler.**",
                                                    "cls.seq_relationship.**",
                                                    "cls.predictions.decoder.**",
                                                    "**.position_ids",
                                                    "embeddings.token_type_embeddings.weight",
                                                    "bert.embeddings.token_type_embeddings.weight"};
  return patterns;
}

const std::vector<std::string>& unused_buffers() {
  static const std::vector<std::string> patterns = {"**.position_ids", "**.rotary_emb.inv_freq"};
  return patterns;
}

std::vector<Slot> named_slots(const std::vector<NamedTensor>& tensors, const NameTable& names,
                              const TensorSource& source) {
  std::map<std::string, std::string> in_source;  // our name -> the source's
  for (const TensorInfo& info : source.infos()) {
    if (const auto ours = names.to_ours(info.name)) in_source.emplace(*ours, info.name);
  }
  std::vector<Slot> slots;
  for (const NamedTensor& named : tensors) {
    const auto theirs = names.to_theirs(named.name);
    if (!theirs) continue;
    const auto found = in_source.find(named.name);
    slots.push_back({found == in_source.end() ? *theirs : found->second, named.tensor});
  }
  return slots;
}

std::vector<Slot> prefixed_slots(const std::vector<NamedTensor>& tensors,
                                 const std::string& prefix) {
  std::vector<Slot> slots;
  for (const NamedTensor& named : tensors) slots.push_back({prefix + named.name, named.tensor});
  return slots;
}

}  // namespace blip2
