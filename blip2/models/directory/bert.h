// A BERT as the start of a Q-Former.
#pragma once

#include <cstdint>

#include "blip2/base/random.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/directory/opened_directory.h"

namespace blip2 {

struct BertOptions {
  /// Add token type 0 to the position embeddings, where the BERT has it.
  bool fold_token_types = true;
  int64_t cls_id = -1;  ///< what [DEC] starts from
  int64_t dec_id = -1;  ///< a row that the BERT need not have
};

/// Fills the text side of an initialised Stage1 from a BERT directory: embeddings, layers, and the
/// head where the checkpoint has one; then the queries' feed-forward becomes a copy of the text's.
/// The model may have more words than the BERT: [DEC] starts from [CLS]'s row plus N(0, 0.02) from
/// `random`, other new rows stay as they are, new biases are 0. Strict: whatever else the
/// checkpoint holds must be known to be of no use here.
void load_bert_into(Stage1& model, const OpenedDirectory& directory, const BertOptions& options,
                    Random& random);

}  // namespace blip2
