// A folder of pictures, each with a text file of the same name beside it: horse.png, horse.txt.
#pragma once

#include <filesystem>
#include <memory>

#include "blip2/data/source.h"

namespace blip2 {

/// The pictures (.png .jpg .jpeg .webp .gif .bmp) below `images`, sorted by path. A caption is a
/// line of the text file that is not blank. Keys are paths relative to the folder. record() throws
/// kNotFound where the text file is missing. Throws kNotFound if there is no such folder.
std::unique_ptr<Source> open_folder(const std::filesystem::path& images);

}  // namespace blip2
