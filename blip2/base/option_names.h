// How the fields of a configuration are called on a command line.
#pragma once

#include <string>

#include "blip2/base/config.h"

namespace blip2 {

/// "num_beams" -> "--num-beams".
std::string option_name(std::string field);

/// What --help shows, "--num-beams N": the name and what values the option takes, by their type or
/// by the choices of `limit`. A switch takes none.
std::string option_form(const std::string& field, const ConfigSlot& slot, const Limit& limit = {});

}  // namespace blip2
