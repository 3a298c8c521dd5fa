// The options of verbs that read pictures, and the loop over their inputs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "apps/general_options.h"
#include "apps/output.h"
#include "blip2/tasks/pictures.h"
#include "blip2/tasks/rows.h"

namespace blip2 {

struct PictureArguments {
  std::vector<std::string> images;
  int64_t batch_size = 8;
  bool exif_rotate = false;
  int64_t max_image_pixels = DecodeOptions{}.max_pixels;
  std::string resize_order = resize_order_names().front();

  enum class Presence { kRequired, kOptional };
  void add(Options& options, Presence presence = Presence::kRequired);
  /// All except IMAGE...
  void add_decoding(Options& options);
  DecodeOptions decode() const { return {max_image_pixels, exif_rotate}; }
  std::vector<std::string> paths() const;
};

/// Reads `paths` in batches and writes the rows that `work` makes of them, flushed after every
/// batch. Returns the exit status: 3 if a row is a failure, else 0. Throws kInterrupted.
int for_each_picture_batch(const PictureArguments& arguments, const std::vector<std::string>& paths,
                           const ImageTransform& transform, const RowWriter& writer,
                           const GeneralOptions& general,
                           const std::function<std::vector<Row>(const PictureBatch&)>& work);

/// Reads `paths` in batches and writes what `work` makes of them, in input order, flushed after
/// every batch. Returns the exit status: 3 if an input failed, else 0. Throws kInterrupted.
int for_each_batch(const PictureArguments& arguments, const std::vector<std::string>& paths,
                   const ImageTransform& transform, const RowWriter& writer,
                   const GeneralOptions& general,
                   const std::function<BatchRows(const std::vector<Picture>&)>& work);

}  // namespace blip2
