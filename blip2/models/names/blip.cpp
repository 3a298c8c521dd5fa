// The table between our names of BLIP's tensors and Hugging Face's.
#include "blip2/models/names/blip.h"

namespace blip2 {
namespace {

using Rules = std::vector<RenameRule>;

void append_attention(Rules& rules, const std::string& ours, const std::string& theirs) {
  for (const std::string name : {"query", "key", "value"}) {
    rules.push_back({ours + "." + name + ".**", theirs + ".self." + name + ".**"});
  }
  rules.push_back({ours + ".output.**", theirs + ".output.dense.**"});
  rules.push_back({ours + ".norm.**", theirs + ".output.LayerNorm.**"});
}

/// A BlipTextModel.
void append_text_model(Rules& rules, const std::string& ours, const std::string& theirs) {
  for (const std::string name : {"word_embeddings", "position_embeddings"}) {
    rules.push_back({ours + "." + name + ".**", theirs + ".embeddings." + name + ".**"});
  }
  rules.push_back({ours + ".embedding_norm.**", theirs + ".embeddings.LayerNorm.**"});
  const std::string our_layer = ours + ".layers.*", their_layer = theirs + ".encoder.layer.*";
  append_attention(rules, our_layer + ".self_attention", their_layer + ".attention");
  append_attention(rules, our_layer + ".cross_attention", their_layer + ".crossattention");
  rules.push_back({our_layer + ".feed_forward.up.**", their_layer + ".intermediate.dense.**"});
  rules.push_back({our_layer + ".feed_forward.down.**", their_layer + ".output.dense.**"});
  rules.push_back({our_layer + ".feed_forward.norm.**", their_layer + ".output.LayerNorm.**"});
}

Rules blip_rules() {
  Rules rules;
  append_text_model(rules, "text_encoder", "text_encoder");
  append_text_model(rules, "text_decoder.text", "text_decoder.bert");
  const std::string ours = "text_decoder.", theirs = "text_decoder.cls.predictions.";
  rules.insert(rules.end(), {{ours + "lm_head.transform.**", theirs + "transform.dense.**"},
                             {ours + "lm_head.norm.**", theirs + "transform.LayerNorm.**"},
                             {ours + "lm_head.bias", theirs + "bias"},
                             {ours + "lm_head.bias", theirs + "decoder.bias"},
                             {ours + "output_weight", theirs + "decoder.weight"},
                             {"vision_projection.**", "vision_proj.**"},
                             {"text_projection.**", "text_proj.**"},
                             {"itm_head.**", "itm_head.**"}});
  return rules;
}

}  // namespace

const NameTable& blip_names() {
  static const NameTable table(blip_rules());
  return table;
}

std::vector<std::string> unused_blip_tensors(OutputMatrix output) {
  std::vector<std::string> patterns = {
      "text_decoder.cls.predictions.bias", "text_decoder.cls.predictions.decoder.bias",
      "text_decoder.bert.embeddings.position_ids", "text_encoder.embeddings.position_ids"};
  if (output == OutputMatrix::kTied) {
    patterns.emplace_back("text_decoder.cls.predictions.decoder.weight");
  }
  return patterns;
}

}  // namespace blip2
