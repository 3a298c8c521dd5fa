// The pickle's values flattened to names, each tensor checked against its storage.
#include "blip2/checkpoint/pickle/torch_archive.h"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/mapped_tensor.h"
#include "blip2/checkpoint/pickle/torch_contents.h"
#include "blip2/checkpoint/pickle/unpickler.h"

namespace blip2 {
namespace {

constexpr int kDeepest = 64;
/// A pickle can share values, so that few bytes unfold to very many names and texts.
constexpr size_t kMaxVisits = 4'000'000;
constexpr size_t kMaxTextBytes = 256'000'000;
/// A tensor may be larger than its storage (a stride of 0), but not without end: reading it copies.
constexpr int64_t kMaxExpandedElements = 1 << 24;

/// Flattens the values of a pickle into named leaves.
class Flattener {
 public:
  Flattener(const Pickle& pickle, const std::string& path) : pickle_(pickle), path_(path) {}

  template <typename Visitor>
  void walk(PickleRef ref, const std::string& name, const Visitor& visit, int depth = 0) {
    const PickleValue& value = pickle_.at(ref);
    text_bytes_ += name.size();
    if (const auto* text = std::get_if<std::string_view>(&value)) text_bytes_ += text->size();
    if (depth > kDeepest || ++num_visits_ > kMaxVisits || text_bytes_ > kMaxTextBytes) {
      fail(ErrorCode::kUnsupported, "{}: the pickle's values are nested too deeply or too often",
           path_);
    }
    if (const auto* dictionary = std::get_if<PickleDictionary>(&value)) {
      for (const auto& [key, item] : dictionary->items) {
        walk(item, join(name, key_text(key)), visit, depth + 1);
      }
    } else if (const auto* sequence = std::get_if<PickleSequence>(&value)) {
      for (size_t i = 0; i < sequence->items.size(); ++i) {
        walk(sequence->items[i], join(name, std::to_string(i)), visit, depth + 1);
      }
    } else {
      visit(name, value);
    }
  }

 private:
  static std::string join(const std::string& name, const std::string& key) {
    return name.empty() ? key : name + "." + key;
  }

  /// "?" for keys of other types: they occur beside the tensors, never as their names.
  std::string key_text(PickleRef key) const {
    const PickleValue& value = pickle_.at(key);
    if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
    if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
    return "?";
  }

  const Pickle& pickle_;
  const std::string& path_;
  size_t num_visits_ = 0;
  size_t text_bytes_ = 0;
};

[[noreturn]] void fail_for_opaque(const std::string& path, const std::string& name,
                                  const std::string& global) {
  fail(ErrorCode::kUnsupported, "{}: {} is made by {}, which is never executed: it is not read",
       path, name.empty() ? "the whole content" : quote(name), quote(global));
}

/// The dictionary that holds the tensors.
PickleRef unwrap(const Pickle& pickle, const TorchArchiveOptions& options,
                 const std::string& path) {
  const auto* root = std::get_if<PickleDictionary>(&pickle.at(pickle.root));
  if (root == nullptr) return pickle.root;
  for (const auto& [key, item] : root->items) {
    if (std::holds_alternative<PickleTensor>(pickle.at(item))) return pickle.root;
  }
  for (const std::string& wanted : options.unwrap_keys) {
    for (const auto& [key, item] : root->items) {
      const auto* text = std::get_if<std::string_view>(&pickle.at(key));
      if (text == nullptr || *text != wanted) continue;
      if (std::holds_alternative<PickleDictionary>(pickle.at(item))) return item;
      if (const auto* opaque = std::get_if<PickleOpaque>(&pickle.at(item))) {
        fail_for_opaque(path, wanted, pickle.globals[opaque->global]);
      }
    }
  }
  return pickle.root;
}

/// One past the last element that a tensor of at least one element touches, counted in its storage;
/// nothing if that overflows.
std::optional<int64_t> end_element(const PickleTensor& tensor) {
  int64_t last = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    int64_t reach = 0;
    if (tensor.strides[i] < 0 ||
        __builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return std::nullopt;
    }
  }
  int64_t end = 0;
  if (__builtin_add_overflow(last, int64_t{1}, &end)) return std::nullopt;
  return end;
}

/// Checks a tensor against its storage and finds it in the file.
MappedLayout lay_out(const std::string& path, const TorchContents& contents,
                     const std::string& name, const PickleTensor& tensor) {
  const auto storage = contents.storages.find(std::string(tensor.storage.key));
  if (storage == contents.storages.end()) {
    fail(ErrorCode::kCorruptData, "{}: the storage {} of tensor {} is missing", path,
         quote(tensor.storage.key), quote(name));
  }
  const size_t offset_bytes = storage->second.first;
  // read_torch_contents() has checked that the view is inside the storage.
  const size_t stored_bytes = c10::elementSize(tensor.storage.dtype);
  const size_t view_begin = static_cast<size_t>(tensor.storage.view_offset) * stored_bytes;
  const size_t view_bytes = static_cast<size_t>(tensor.storage.view_elements) * stored_bytes;
  const size_t element_bytes = c10::elementSize(tensor.dtype);
  const auto capacity = static_cast<int64_t>(view_bytes / element_bytes);
  const std::optional<int64_t> num_elements = count_elements(tensor.shape);
  if (!num_elements || tensor.strides.size() != tensor.shape.size() || tensor.offset < 0) {
    fail(ErrorCode::kCorruptData, "{}: tensor {} has an impossible shape {}", path, quote(name),
         shape_text(tensor.shape));
  }
  MappedLayout layout{tensor.dtype, tensor.shape, tensor.strides, offset_bytes + view_begin};
  if (*num_elements == 0) {
    layout.strides.clear();
    return layout;
  }
  const std::optional<int64_t> end = end_element(tensor);
  if (!end || *end > capacity) {
    fail(ErrorCode::kCorruptData,
         "{}: tensor {} of shape {}, strides {}, offset {} reaches past its storage of {} elements",
         path, quote(name), shape_text(tensor.shape), shape_text(tensor.strides), tensor.offset,
         capacity);
  }
  if (*num_elements > capacity && *num_elements > kMaxExpandedElements) {
    fail(ErrorCode::kUnsupported, "{}: tensor {} of shape {} repeats a storage of {} elements",
         path, quote(name), shape_text(tensor.shape), capacity);
  }
  layout.offset_bytes += static_cast<size_t>(tensor.offset) * element_bytes;
  return layout;
}

}  // namespace

TorchArchive::TorchArchive(const std::filesystem::path& path, const TorchArchiveOptions& options)
    : file_(std::make_shared<MappedFile>(path)) {
  const std::string where = describe();
  const TorchContents contents = read_torch_contents(*file_);
  const Pickle& pickle = contents.pickle;

  Flattener(pickle, where)
      .walk(unwrap(pickle, options, where), "",
            [&](const std::string& name, const PickleValue& value) {
              if (const auto* opaque = std::get_if<PickleOpaque>(&value)) {
                opaque_.emplace(name, pickle.globals[opaque->global]);
              }
              const auto* tensor = std::get_if<PickleTensor>(&value);
              if (tensor == nullptr) return;
              const std::string key = name.empty() ? "tensor" : name;
              if (!tensors_.emplace(key, lay_out(where, contents, key, *tensor)).second) {
                fail(ErrorCode::kCorruptData, "{}: two tensors are named {}", where, quote(key));
              }
            });
  if (tensors_.empty() && !opaque_.empty()) {
    fail_for_opaque(where, opaque_.begin()->first, opaque_.begin()->second);
  }
  Flattener(pickle, where)
      .walk(pickle.root, "", [&](const std::string& name, const PickleValue& value) {
        if (const auto* truth = std::get_if<bool>(&value)) metadata_[name] = *truth;
        if (const auto* number = std::get_if<int64_t>(&value)) metadata_[name] = *number;
        if (const auto* real = std::get_if<double>(&value)) metadata_[name] = *real;
        if (const auto* text = std::get_if<std::string_view>(&value)) {
          metadata_[name] = std::string(*text);
        }
      });
  for (const auto& [name, layout] : tensors_) {
    infos_.push_back({name, layout.dtype, layout.shape});
  }
}

at::Tensor TorchArchive::read(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    // The name itself, or what holds it.
    for (std::string part = name;; part.resize(part.rfind('.'))) {
      const auto opaque = opaque_.find(part);
      if (opaque != opaque_.end()) fail_for_opaque(describe(), part, opaque->second);
      if (part.find('.') == std::string::npos) break;
    }
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", describe(), quote(name));
  }
  return map_tensor(file_, found->second).contiguous();
}

}  // namespace blip2
