// The content of a torch.save file before tensors are made of it: the pickle and the position of
// each storage's bytes. Knows the zip and the legacy container.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>

#include "blip2/base/files.h"
#include "blip2/checkpoint/pickle/pickle.h"

namespace blip2 {

struct TorchContents {
  Pickle pickle;
  /// By storage key: offset in the file and size, both in bytes and checked against the file.
  std::map<std::string, std::pair<size_t, size_t>> storages;
};

/// Whether the bytes start as a legacy file does.
bool is_legacy_torch_file(std::span<const std::byte> bytes);

/// The file must stay mapped while the result is used. Throws as TorchArchive does.
TorchContents read_torch_contents(const MappedFile& file);

}  // namespace blip2
