// The model that a verb computes with, opened as --device, --dtype and --resize-order ask.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "apps/general_options.h"
#include "apps/picture_options.h"
#include "blip2/base/error.h"
#include "blip2/models/bundle.h"

namespace blip2 {

struct OpenModel {
  OpenModel(const std::filesystem::path& directory, const GeneralOptions& general,
            const PictureArguments& pictures)
      : name(directory.string()), bundle(load_bundle(directory, options(general, pictures))) {}

  static BundleOptions options(const GeneralOptions& general, const PictureArguments& pictures) {
    BundleOptions options = bundle_options(general.dtype_or_default(), general.opened);
    options.resize_order = parse_resize_order(pictures.resize_order);
    return options;
  }

  /// Throws kUnsupported, naming the directory, unless it is a model "for ..." or "that ...".
  void expect(bool holds, std::string_view what) const {
    if (!holds) fail(ErrorCode::kUnsupported, "--model {}: expected a model {}", name, what);
  }

  const std::string name;
  const Bundle bundle;
};

}  // namespace blip2
