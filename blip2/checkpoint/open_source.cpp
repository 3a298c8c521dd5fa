// Recognises a format by its first bytes, and finds the weights in a directory.
#include "blip2/checkpoint/open_source.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/pickle/torch_archive.h"
#include "blip2/checkpoint/pickle/torch_contents.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/checkpoint/safetensors_header.h"
#include "blip2/checkpoint/sharded_source.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

enum class Format { kSafetensors, kTorch, kGguf, kIndex };

Format recognise(const fs::path& path) {
  const MappedFile file(path);
  const std::span<const std::byte> bytes = file.bytes();
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 64));
  if (start.starts_with("GGUF")) return Format::kGguf;
  if (start.starts_with("PK\x03\x04") || is_legacy_torch_file(bytes)) return Format::kTorch;
  if (bytes.size() > 8 && start[8] == '{') return Format::kSafetensors;
  uint64_t header_bytes = 0;
  if (bytes.size() >= 8) std::memcpy(&header_bytes, bytes.data(), 8);
  if (bytes.size() >= 8 && header_bytes <= kMaxSafetensorsHeaderBytes) return Format::kSafetensors;
  if (start.starts_with("{")) return Format::kIndex;
  fail(ErrorCode::kCorruptData,
       "{}: expected a safetensors, torch.save or GGUF file, found {} bytes that start with {}",
       path.string(), bytes.size(), quote(start.substr(0, 8)));
}

std::unique_ptr<TensorSource> open_shard(const fs::path& path);

std::unique_ptr<TensorSource> open_file(const fs::path& path) {
  switch (recognise(path)) {
    case Format::kIndex:
      return std::make_unique<ShardedSource>(path, open_shard);
    case Format::kGguf:
      return std::make_unique<GgufFile>(path);
    case Format::kTorch:
      return std::make_unique<TorchArchive>(path);
    case Format::kSafetensors:
      break;
  }
  return std::make_unique<SafetensorsFile>(path);
}

/// A file that an index names, which must not be an index again.
std::unique_ptr<TensorSource> open_shard(const fs::path& path) {
  if (recognise(path) == Format::kIndex) {
    fail(ErrorCode::kCorruptData, "{}: expected weights, found JSON", path.string());
  }
  return open_file(path);
}

/// The names of a kind of weights, with "*" for a variant.
struct WeightName {
  std::string_view plain;
  std::string_view before, after;  ///< of the variant
};

constexpr std::array kWeightNames = {
    WeightName{"model.safetensors", "model.", ".safetensors"},
    WeightName{"model.safetensors.index.json", "model.safetensors.index.", ".json"},
    WeightName{"pytorch_model.bin", "pytorch_model.", ".bin"},
    WeightName{"pytorch_model.bin.index.json", "pytorch_model.bin.index.", ".json"},
};

/// The files in a directory whose names are such a name with a variant in it.
std::vector<fs::path> variants(const fs::path& directory, const WeightName& name) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string file = entry.path().filename().string();
    if (file.size() <= name.before.size() + name.after.size() || !file.starts_with(name.before) ||
        !file.ends_with(name.after)) {
      continue;
    }
    const std::string_view variant = std::string_view(file).substr(
        name.before.size(), file.size() - name.before.size() - name.after.size());
    // No shard (model.fp16-00001-of-00002), and no index where a file is meant.
    if (variant.find_first_of(".-") == std::string_view::npos) found.push_back(entry.path());
  }
  return found;
}

/// Endings of weights that are not read.
struct OtherFormat {
  std::string_view ending;
  const char* what;
};

constexpr std::array kOtherFormats = {
    OtherFormat{".h5", "weights of TensorFlow, which are not read"},
    OtherFormat{".msgpack", "weights of Flax, which are not read"},
    OtherFormat{".onnx", "a graph of ONNX, which is not read"},
    OtherFormat{".safetensors", "a name that no index gives"},
    OtherFormat{".bin", "a name that no index gives"},
    OtherFormat{".pth", "a name that no index gives"},
    OtherFormat{".gguf", "a language model, which is given as that file"}};

/// ", found FILE: what it is", or "".
std::string found_instead(const fs::path& directory) {
  for (const OtherFormat& format : kOtherFormats) {
    std::error_code error;
    std::string first;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const std::string file = entry.path().filename().string();
      if (file.ends_with(format.ending) && (first.empty() || file < first)) first = file;
    }
    if (!first.empty()) return fmt::format(", found {}: {}", quote(first), format.what);
  }
  return "";
}

fs::path find_weights(const fs::path& directory) {
  std::error_code error;
  for (const WeightName& name : kWeightNames) {
    const fs::path file = directory / name.plain;
    if (fs::exists(file, error)) return file;
  }
  for (const WeightName& name : kWeightNames) {
    const std::vector<fs::path> found = variants(directory, name);
    if (found.size() == 1) return found[0];
    if (!found.empty()) {
      fail(ErrorCode::kInvalidArgument, "{}: several variants of {}; name one of the files",
           directory.string(), name.plain);
    }
  }
  fail(
      ErrorCode::kNotFound,
      "{}: expected model.safetensors or pytorch_model.bin (or its .index.json) in the directory{}",
      directory.string(), found_instead(directory));
}

}  // namespace

std::unique_ptr<TensorSource> open_source(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return open_file(path);
  const fs::path file = find_weights(path);
  if (file.extension() == ".json") return std::make_unique<ShardedSource>(file, open_shard);
  return open_file(file);
}

}  // namespace blip2
