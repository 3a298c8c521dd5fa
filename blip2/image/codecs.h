// The decoders of the formats. Used only by decode*.cpp.
#pragma once

#include "blip2/base/error.h"
#include "blip2/image/raster.h"

namespace blip2::internal {

Raster decode_jpeg(const Source& source);
Raster decode_png(const Source& source);
Raster decode_webp(const Source& source);
Raster decode_gif(const Source& source);
Raster decode_bmp(const Source& source);

}  // namespace blip2::internal
