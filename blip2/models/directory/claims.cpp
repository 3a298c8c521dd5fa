// How much a configuration may claim of the weights beside it.
#include "blip2/models/directory/claims.h"

#include <fmt/format.h>

namespace blip2 {

ParameterBudget claimable(const TensorSource& source, double growth) {
  constexpr double kShare = 1.1, kHeads = 1e6;  // the slack
  double held = 0;
  for (const TensorInfo& info : source.infos()) {
    double elements = 1;
    for (const int64_t size : info.shape) elements *= static_cast<double>(size);
    held += elements;
  }
  return ParameterBudget(
      growth * (kShare * held + kHeads),
      fmt::format("{}: the configuration beside it claims more parameters than the file's {:.0f}",
                  source.describe(), held));
}

}  // namespace blip2
