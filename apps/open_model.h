// The model that a verb computes with, opened as --device and --dtype ask.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "apps/general_options.h"
#include "blip2/base/error.h"
#include "blip2/models/bundle.h"

namespace blip2 {

struct OpenModel {
  OpenModel(const std::filesystem::path& directory, const GeneralOptions& general)
      : name(directory.string()),
        bundle(load_bundle(directory, bundle_options(general.dtype_or_default(), general.opened))) {
  }

  /// Throws kUnsupported, naming the directory, unless it is a model "for ..." or "that ...".
  void expect(bool holds, std::string_view what) const {
    if (!holds) fail(ErrorCode::kUnsupported, "--model {}: expected a model {}", name, what);
  }

  const std::string name;
  const Bundle bundle;
};

}  // namespace blip2
