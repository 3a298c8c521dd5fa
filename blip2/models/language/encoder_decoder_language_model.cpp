// The inputs of a decoder that is taught labels.
#include "blip2/models/language/encoder_decoder_language_model.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include "blip2/base/error.h"

namespace blip2 {

at::Tensor shift_right(const at::Tensor& labels, int64_t start_id) {
  BLIP2_CHECK(labels.dim() == 2 && labels.size(1) > 0);
  const at::Tensor start = at::full({labels.size(0), 1}, start_id, labels.options());
  return at::cat({start, labels.narrow(1, 0, labels.size(1) - 1)}, 1);
}

}  // namespace blip2
