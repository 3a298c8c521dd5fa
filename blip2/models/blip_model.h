// The first BLIP as the tasks see it.
#pragma once

#include "blip2/models/blip/blip.h"
#include "blip2/models/bundle.h"

namespace blip2 {

/// Puts one of BLIP's three models into a bundle, with what it can do. The bundle has its tokenizer
/// already.
void put_blip(Bundle& bundle, Blip model);

}  // namespace blip2
