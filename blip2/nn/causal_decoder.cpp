// A causal model as the Decoder that search sees.
#include "blip2/nn/causal_decoder.h"

#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

CausalDecoder::CausalDecoder(const at::Tensor& prompt_embeds, const at::Tensor& prompt_mask,
                             size_t num_layers)
    : prompt_embeds_(prompt_embeds), prompt_mask_(prompt_mask), caches_(num_layers) {}

at::Tensor CausalDecoder::first_logits() {
  BLIP2_CHECK(prompt_embeds_.defined());
  const at::Tensor prompt = std::exchange(prompt_embeds_, at::Tensor());
  return run(prompt, cursor_.start(prompt, std::exchange(prompt_mask_, at::Tensor())));
}

at::Tensor CausalDecoder::next_logits(const at::Tensor& ids) {
  BLIP2_CHECK(cursor_.started() && ids.dim() == 1 && ids.size(0) == cursor_.num_rows());
  return run(embed_ids(ids).unsqueeze(1), cursor_.advance());
}

void CausalDecoder::select(const at::Tensor& rows) {
  cursor_.select(rows);
  for (KvCache& cache : caches_) cache.select(rows);
}

}  // namespace blip2
