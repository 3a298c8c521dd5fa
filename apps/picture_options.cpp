// Declares the options of pictures, and reads, computes and prints batch by batch.
#include "apps/picture_options.h"

#include <unistd.h>

#include <iostream>

#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/progress.h"

namespace blip2 {

void PictureArguments::add(Options& options, Presence presence) {
  const std::string help =
      "pictures: files, directories (searched recursively), .tar shards, or - to read such paths "
      "from stdin, one a line";
  if (presence == Presence::kRequired) {
    options.require("IMAGE...", images, help);
  } else {
    options.add("IMAGE...", images, help);
  }
  options.add("--batch-size N", batch_size, "pictures in a batch; results do not depend on it",
              between(1, 65536));
  add_decoding(options);
}

void PictureArguments::add_decoding(Options& options) {
  options.add("--exif-rotate", exif_rotate,
              "rotate pictures by the EXIF orientation in their file");
  options.add("--max-image-pixels N", max_image_pixels,
              "most pixels of a picture; larger ones fail", at_least(1));
  options.add("--resize-order ORDER", resize_order,
              "passes of a resize in the order of this version of Pillow",
              one_of(resize_order_names()));
}

std::vector<std::string> PictureArguments::paths() const {
  const std::vector<std::string> paths = expand_images(images, std::cin);
  throw_if_interrupted();  // which ends the list on stdin early
  if (paths.empty() && !images.empty()) fail(ErrorCode::kNotFound, "stdin: no paths of pictures");
  return paths;
}

int for_each_picture_batch(const PictureArguments& arguments, const std::vector<std::string>& paths,
                           const ImageTransform& transform, const RowWriter& writer,
                           const GeneralOptions& general,
                           const std::function<std::vector<Row>(const PictureBatch&)>& work) {
  PictureReader reader(paths, transform, {arguments.decode(), arguments.batch_size});
  const bool rows_on_terminal = isatty(STDOUT_FILENO) != 0;
  ProgressOutput output;
  output.draw_bar = !rows_on_terminal;
  Progress progress("pictures", static_cast<int64_t>(paths.size()), "pictures", 0, output);
  int status = 0;
  for (PictureBatch batch; reader.next(batch);) {
    for (const Row& row : work(batch)) {
      if (row.error.empty()) {
        writer.write(row);
      } else {
        writer.write_failure(general, row);
        status = 3;
      }
    }
    progress.advance(static_cast<int64_t>(batch.pictures.size() + batch.failures.size()));
    throw_if_interrupted();
  }
  return status;
}

int for_each_batch(const PictureArguments& arguments, const std::vector<std::string>& paths,
                   const ImageTransform& transform, const RowWriter& writer,
                   const GeneralOptions& general,
                   const std::function<BatchRows(const std::vector<Picture>&)>& work) {
  return for_each_picture_batch(
      arguments, paths, transform, writer, general, [&](const PictureBatch& batch) {
        const BatchRows rows = batch.pictures.empty() ? BatchRows{} : work(batch.pictures);
        return rows_in_order(batch, rows);
      });
}

}  // namespace blip2
