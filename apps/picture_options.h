// The options of verbs that read pictures, and the walk over their inputs: rows and failures in
// input order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

struct PictureArguments {
  std::vector<std::string> images;
  int64_t batch_size = 8;
  bool exif_rotate = false;
  int64_t max_image_pixels = DecodeOptions{}.max_pixels;

  enum class Presence { kRequired, kOptional };
  void add(Options& options, Presence presence = Presence::kRequired);
  /// All but IMAGE...
  void add_decoding(Options& options);
  DecodeOptions decode() const { return {max_image_pixels, exif_rotate}; }
  std::vector<std::string> paths() const;
};

/// The rows of each picture of a batch, failures among them.
using BatchRows = std::vector<std::vector<Row>>;

/// Reads `paths` in batches and writes what `work` makes of them, in input order, flushed after
/// every batch. Returns the exit status: 3 if an input failed, else 0. Throws kInterrupted.
int for_each_batch(const PictureArguments& arguments, const std::vector<std::string>& paths,
                   const ImageTransform& transform, const RowWriter& writer,
                   const GeneralOptions& general,
                   const std::function<BatchRows(const std::vector<Picture>&)>& work);

}  // namespace blip2
