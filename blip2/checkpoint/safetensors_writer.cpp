// The writing half of safetensors.h.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/mapped_tensor.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/checkpoint/safetensors_header.h"

namespace blip2 {
namespace {

/// Checks what is to be written and puts it in the file's order.
std::vector<TensorInfo> file_order(std::vector<TensorInfo> tensors, const std::string& path) {
  for (const TensorInfo& info : tensors) {
    if (!safetensors_rank(info.dtype)) {
      fail(ErrorCode::kUnsupported, "{}: tensor {} has the dtype {}, which safetensors cannot hold",
           path, quote(info.name), c10::toString(info.dtype));
    }
    if (!count_elements(info.shape) || info.name == "__metadata__") {
      fail(ErrorCode::kInvalidArgument, "{}: a tensor {} of shape {} cannot be written", path,
           quote(info.name), shape_text(info.shape));
    }
  }
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    const size_t rank_a = *safetensors_rank(a.dtype);
    const size_t rank_b = *safetensors_rank(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  std::vector<std::string> names;
  for (const TensorInfo& info : tensors) names.push_back(info.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    fail(ErrorCode::kInvalidArgument, "{}: two tensors are named {}", path, quote(*twice));
  }
  return tensors;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::vector<TensorInfo> tensors,
                                     const StringMetadata& metadata)
    : layout_(file_order(std::move(tensors), path.string())), path_(path.string()), file_(path) {
  StringMetadata all = metadata;
  all["format"] = "pt";  // transformers refuses a file without it
  const std::string header = format_safetensors_header(layout_, all);
  if (header.size() > kMaxSafetensorsHeaderBytes) {
    fail(ErrorCode::kInvalidArgument, "{}: the header would have {} bytes, at most {} are allowed",
         path_, header.size(), kMaxSafetensorsHeaderBytes);
  }
  const uint64_t header_bytes = header.size();
  file_.write(&header_bytes, sizeof header_bytes);
  file_.write(header);
  skip_finished();
}

void SafetensorsWriter::append(const at::Tensor& piece) {
  if (piece.numel() == 0) return;
  BLIP2_CHECK(current_ < layout_.size());
  const TensorInfo& info = layout_[current_];
  BLIP2_CHECK(piece.scalar_type() == info.dtype);
  BLIP2_CHECK(piece.numel() <= *count_elements(info.shape) - num_appended_);
  const at::NoGradGuard no_grad;
  const at::Tensor bytes = piece.detach().cpu().contiguous().resolve_conj().resolve_neg();
  file_.write(bytes.const_data_ptr(), bytes.nbytes());
  num_appended_ += piece.numel();
  skip_finished();
}

void SafetensorsWriter::skip_finished() {
  while (current_ < layout_.size() && num_appended_ == *count_elements(layout_[current_].shape)) {
    ++current_;
    num_appended_ = 0;
  }
}

void SafetensorsWriter::commit() {
  BLIP2_CHECK(current_ == layout_.size());
  file_.commit();
}

std::string write_safetensors(const std::filesystem::path& path,
                              const std::vector<StoredTensor>& tensors,
                              const StringMetadata& metadata) {
  std::map<std::string, at::Tensor> by_name;
  std::vector<TensorInfo> infos;
  for (const StoredTensor& named : tensors) {
    BLIP2_CHECK(named.tensor.defined());
    by_name[named.name] = named.tensor;
    infos.push_back({named.name, named.tensor.scalar_type(), named.tensor.sizes().vec()});
  }
  SafetensorsWriter writer(path, std::move(infos), metadata);
  for (const TensorInfo& info : writer.layout()) writer.append(by_name.at(info.name));
  writer.commit();
  return writer.checksum();
}

}  // namespace blip2
