// A BERT as the start of a Q-Former.
#include "blip2/models/directory/bert.h"

#include <ATen/core/grad_mode.h>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/directory/claims.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace {

constexpr double kNewRowNoise = 0.02;  ///< standard deviation around [CLS]'s row

bool is_head(const std::string& name) { return name.starts_with("lm_head."); }

/// The checkpoint's side of the vocabulary, which may be smaller than the model's.
struct BertWords {
  at::Tensor words;  // [Vbert, D]
  at::Tensor bias;   // [Vbert], if there is a head
};

std::vector<Slot> slots_of(Stage1& model, BertWords& vocabulary, const NameTable& names,
                           const TensorSource& source, bool has_head) {
  std::vector<NamedTensor> tensors;
  for (const NamedTensor& named : named_tensors(model)) {
    if (is_head(named.name) && !has_head) continue;
    NamedTensor wanted = named;
    if (named.name == "qformer.word_embeddings.weight") wanted.tensor = &vocabulary.words;
    if (named.name == "lm_head.bias") wanted.tensor = &vocabulary.bias;
    tensors.push_back(wanted);
  }
  return named_slots(tensors, names, source);
}

/// Copies the checkpoint's rows; [DEC] starts near [CLS].
void extend_vocabulary(Stage1& model, const BertWords& vocabulary, const BertOptions& options,
                       Random& random) {
  const int64_t known = vocabulary.words.size(0);
  at::Tensor& words = model.qformer.word_embeddings->weight;
  words.narrow(0, 0, known).copy_(vocabulary.words);
  if (options.dec_id >= known) {
    at::Tensor row = words.select(0, options.dec_id);
    fill_normal(row, kNewRowNoise, random);
    row.add_(words.select(0, options.cls_id));
  }
  if (!vocabulary.bias.defined()) return;
  model.lm_head.bias.zero_();
  model.lm_head.bias.narrow(0, 0, known).copy_(vocabulary.bias);
}

}  // namespace

void load_bert_into(Stage1& model, const OpenedDirectory& directory, const BertOptions& options,
                    Random& random) {
  const at::NoGradGuard no_grad;
  const QFormerConfig bert = parse_bert(directory.config());
  const QFormerConfig& config = model.config.qformer;
  const bool needs_cls = options.dec_id >= bert.vocab_size;
  if (config.vocab_size < bert.vocab_size || options.dec_id >= config.vocab_size ||
      (needs_cls && (options.cls_id < 0 || options.cls_id >= bert.vocab_size))) {
    fail(ErrorCode::kInvalidArgument,
         "{}: vocab_size {}, [CLS] {} and [DEC] {} do not fit a Q-Former with {} words",
         directory.path().string(), bert.vocab_size, options.cls_id, options.dec_id,
         config.vocab_size);
  }
  const TensorSource& source = directory.weights();
  const bool prefixed = source.has("bert.embeddings.word_embeddings.weight");
  const bool has_head = source.has("cls.predictions.bias");
  const ParameterBudget budget = claimable(source);
  BertWords vocabulary{empty_parameter({bert.vocab_size, config.hidden_size}), {}};
  if (has_head) vocabulary.bias = empty_parameter({bert.vocab_size});
  const NameTable& names = prefixed ? prefixed_bert_names() : bert_names();
  load(source, slots_of(model, vocabulary, names, source, has_head),
       {.copy = true, .check_finite = true, .ignore_unused = unused_bert_tensors()});
  extend_vocabulary(model, vocabulary, options, random);

  const std::string types =
      std::string(prefixed ? "bert." : "") + "embeddings.token_type_embeddings.weight";
  if (options.fold_token_types && source.has(types)) {
    const at::Tensor rows = source.read(types).to(at::kFloat);  // [types, D]
    if (rows.dim() != 2 || rows.size(0) < 1 || rows.size(1) != config.hidden_size) {
      fail(ErrorCode::kCorruptData, "{}: {}: expected rows of {}", source.describe(), types,
           config.hidden_size);
    }
    model.qformer.position_embeddings->weight.add_(rows.select(0, 0));
  }
  copy_text_feed_forward_to_queries(model.qformer);
}

}  // namespace blip2
