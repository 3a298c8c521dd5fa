// Where the members of a tar file are, read from its headers (libarchive). What the members mean is
// the responsibility of the readers of shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace blip2 {

/// A regular file in a tar.
struct TarMember {
  std::string name;    ///< as stored, with its folders
  int64_t offset = 0;  ///< of the first content byte in the tar
  int64_t size = 0;    ///< bytes, all of them inside the tar
};

struct TarIndex {
  std::vector<TarMember> members;  ///< in the tar's order
  std::string damage;              ///< why and where reading stopped early; empty: the tar is whole
};

/// Reads the headers of an uncompressed tar (ustar, pax, GNU). Members before a damaged header or a
/// cut are kept and `damage` tells the rest; a tar without its closing zero blocks counts as cut.
/// Never throws for what is in the bytes. Thread-safe.
TarIndex index_tar(std::span<const std::byte> tar);

}  // namespace blip2
