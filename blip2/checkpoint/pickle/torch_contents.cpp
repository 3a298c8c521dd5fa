// The zip and the legacy container.
#include "blip2/checkpoint/pickle/torch_contents.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/pickle/unpickler.h"
#include "blip2/checkpoint/pickle/zip_directory.h"

namespace blip2 {
namespace {

/// The pickle of torch's magic number 0x1950a86a20f9469cfc6c, with which a legacy file starts.
constexpr std::array<uint8_t, 15> kLegacyMagic = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                  0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
constexpr int64_t kLegacyProtocol = 1001;

std::string_view entry_text(const MappedFile& file, const ZipEntry& entry) {
  const auto bytes = file.bytes().subspan(entry.offset_bytes, entry.size_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// ".../data.pkl", ".../data/KEY" and ".../byteorder" under one folder.
TorchContents read_zip(const MappedFile& file) {
  const std::string path = file.path().string();
  const std::map<std::string, ZipEntry> entries = read_zip_directory(file);
  constexpr std::string_view kPickleName = "data.pkl";
  const ZipEntry* pickle = nullptr;
  std::string folder;
  for (const auto& [name, entry] : entries) {
    if (name == kPickleName || name.ends_with("/data.pkl")) {
      pickle = &entry;
      folder = name.substr(0, name.size() - kPickleName.size());
      break;
    }
  }
  if (pickle == nullptr) {
    fail(ErrorCode::kCorruptData, "{}: a zip file without data.pkl is none of torch.save", path);
  }
  const auto byte_order = entries.find(folder + "byteorder");
  if (byte_order != entries.end() && entry_text(file, byte_order->second) != "little") {
    fail(ErrorCode::kUnsupported, "{}: only little-endian files are read", path);
  }
  TorchContents contents;
  contents.pickle = unpickle(file.bytes().subspan(pickle->offset_bytes, pickle->size_bytes), path);
  const std::string data_folder = folder + "data/";
  for (const auto& [name, entry] : entries) {
    if (name.starts_with(data_folder)) {
      contents.storages[name.substr(data_folder.size())] = {entry.offset_bytes, entry.size_bytes};
    }
  }
  return contents;
}

/// The dtype of each storage that the pickle names.
std::map<std::string_view, at::ScalarType> storage_dtypes(const Pickle& pickle) {
  std::map<std::string_view, at::ScalarType> dtypes;
  for (const PickleValue& value : pickle.values) {
    if (const auto* storage = std::get_if<PickleStorage>(&value)) {
      dtypes[storage->key] = storage->dtype;
    }
  }
  return dtypes;
}

void check_system(const Pickle& system, const std::string& path) {
  const auto* items = std::get_if<PickleDictionary>(&system.at(system.root));
  if (items == nullptr) return;
  for (const auto& [key, item] : items->items) {
    const auto* name = std::get_if<std::string_view>(&system.at(key));
    const auto* value = std::get_if<bool>(&system.at(item));
    if (name != nullptr && *name == "little_endian" && value != nullptr && !*value) {
      fail(ErrorCode::kUnsupported, "{}: only little-endian files are read", path);
    }
  }
}

/// Pickles of the magic number, the protocol, the system, the object and the list of storage keys;
/// then each storage as its number of elements and its bytes.
TorchContents read_legacy(const MappedFile& file) {
  const std::string path = file.path().string();
  ByteReader reader(file.bytes(), path);
  const auto next_pickle = [&] {
    Pickle pickle = unpickle(file.bytes().subspan(reader.position()), path);
    reader.skip(pickle.size_bytes);
    return pickle;
  };
  next_pickle();
  const Pickle protocol = next_pickle();
  const auto* version = std::get_if<int64_t>(&protocol.at(protocol.root));
  if (version == nullptr || *version != kLegacyProtocol) {
    fail(ErrorCode::kUnsupported, "{}: a legacy file of another protocol than {}", path,
         kLegacyProtocol);
  }
  check_system(next_pickle(), path);
  TorchContents contents;
  contents.pickle = next_pickle();
  const Pickle keys = next_pickle();
  const auto* list = std::get_if<PickleSequence>(&keys.at(keys.root));
  if (list == nullptr) {
    fail(ErrorCode::kCorruptData, "{}: the list of storages is missing", path);
  }
  const std::map<std::string_view, at::ScalarType> dtypes = storage_dtypes(contents.pickle);
  for (const PickleRef ref : list->items) {
    const auto* key = std::get_if<std::string_view>(&keys.at(ref));
    const auto dtype = key == nullptr ? dtypes.end() : dtypes.find(*key);
    if (dtype == dtypes.end()) {
      fail(ErrorCode::kCorruptData, "{}: the list of storages has one of unknown type", path);
    }
    const auto num_elements = reader.read<uint64_t>();
    const size_t element_bytes = c10::elementSize(dtype->second);
    if (num_elements > reader.remaining() / element_bytes) {
      fail(ErrorCode::kCorruptData, "{}: cut short: storage {} claims {} elements, {} bytes remain",
           path, quote(*key), num_elements, reader.remaining());
    }
    const size_t size_bytes = static_cast<size_t>(num_elements) * element_bytes;
    contents.storages[std::string(*key)] = {reader.position(), size_bytes};
    reader.skip(size_bytes);
  }
  return contents;
}

/// A storage must have as many bytes as the pickle says.
void check_storages(const TorchContents& contents, const std::string& path) {
  for (const PickleValue& value : contents.pickle.values) {
    const auto* storage = std::get_if<PickleStorage>(&value);
    if (storage == nullptr) continue;
    const auto found = contents.storages.find(std::string(storage->key));
    const size_t element_bytes = c10::elementSize(storage->dtype);
    if (found == contents.storages.end() || storage->num_elements < 0 ||
        static_cast<uint64_t>(storage->num_elements) > found->second.second / element_bytes) {
      fail(ErrorCode::kCorruptData, "{}: storage {} should have {} elements of {}, found {} bytes",
           path, quote(storage->key), storage->num_elements, c10::toString(storage->dtype),
           found == contents.storages.end() ? 0 : found->second.second);
    }
  }
}

}  // namespace

bool is_legacy_torch_file(std::span<const std::byte> bytes) {
  return bytes.size() >= kLegacyMagic.size() &&
         std::memcmp(bytes.data(), kLegacyMagic.data(), kLegacyMagic.size()) == 0;
}

TorchContents read_torch_contents(const MappedFile& file) {
  TorchContents contents = is_legacy_torch_file(file.bytes()) ? read_legacy(file) : read_zip(file);
  check_storages(contents, file.path().string());
  return contents;
}

}  // namespace blip2
