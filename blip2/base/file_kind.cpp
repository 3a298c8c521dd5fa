// The magic numbers of files that people confuse.
#include "blip2/base/file_kind.h"

#include <array>
#include <cstddef>

namespace blip2 {
namespace {
using namespace std::string_view_literals;

struct Magic {
  size_t offset;
  std::string_view bytes, kind, advice;
};

constexpr auto kDecompress = ": decompress it first"sv;
constexpr auto kUnpack = ": unpack it"sv;

// A tar first: it begins with a member's name, which may be anything.
constexpr std::array kMagics = {
    Magic{257, "ustar"sv, "a tar archive", ": name it .tar to read the pictures in it"},
    Magic{0, "\x1f\x8b"sv, "a gzip file", kDecompress},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "a zstd file", kDecompress},
    Magic{0,
          "\xfd"
          "7zXZ\0"sv,
          "an xz file", kDecompress},
    Magic{0, "BZh"sv, "a bzip2 file", kDecompress},
    Magic{0, "PK\x03\x04"sv, "a zip archive", kUnpack},
    Magic{0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", kUnpack},
    Magic{0, "Rar!\x1a\x07"sv, "a rar archive", kUnpack},
    Magic{0, "PAR1"sv, "a parquet file",
          ": format laion_parquet reads a .parquet beside its .tar; another is turned into JSON "
          "lines "
          "first"},
    Magic{0, "ARROW1"sv, "an Arrow file", ": turn it into JSON lines first"},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file", ": turn it into pictures and JSON lines first"},
    Magic{0, "version https://git-lfs"sv, "a Git LFS pointer",
          ": fetch the file with `git lfs pull`"},
    Magic{0, "<!DOCTYPE html"sv, "an HTML page", ": a download failed; fetch it again"},
    Magic{0, "<!doctype html"sv, "an HTML page", ": a download failed; fetch it again"},
    Magic{0, "<html"sv, "an HTML page", ": a download failed; fetch it again"},
};

const Magic* magic_of(std::string_view bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.size() >= magic.offset && bytes.substr(magic.offset).starts_with(magic.bytes)) {
      return &magic;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view file_kind(std::string_view bytes) {
  const Magic* magic = magic_of(bytes);
  return magic == nullptr ? ""sv : magic->kind;
}

std::string_view file_kind_advice(std::string_view bytes) {
  const Magic* magic = magic_of(bytes);
  return magic == nullptr ? ""sv : magic->advice;
}

}  // namespace blip2
