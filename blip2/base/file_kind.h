// What a file is by its first bytes, for messages about a file that is not what its name says.
#pragma once

#include <string_view>

namespace blip2 {

/// "a gzip file", "a parquet file", "a tar archive", "a Git LFS pointer" and so on; "" for text and
/// for what is not known. `bytes`: the first 512 are enough.
std::string_view file_kind(std::string_view bytes);

/// What to do about it, as the rest of a message that ends in file_kind(): ": decompress it ...";
/// or "".
std::string_view file_kind_advice(std::string_view bytes);

}  // namespace blip2
