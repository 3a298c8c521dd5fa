// A folder of pictures, each with a text file of the same name beside it: horse.png, horse.txt.
#pragma once

#include <filesystem>
#include <memory>

#include "blip2/data/source.h"

namespace blip2 {

/// The pictures below `images`, by list_files()'s rule, sorted by path. The captions are the lines
/// of the .txt beside a picture that are not blank, else of its .caption, else the "caption" of its
/// .json. Keys are paths relative to the folder. record() throws kNotFound where none is there,
/// unless that is allowed. Throws kNotFound if there is no such folder.
std::unique_ptr<Source> open_folder(const std::filesystem::path& images,
                                    MissingCaption missing = MissingCaption::kRefused);

}  // namespace blip2
