// Converting files of weights into model directories.
#include "blip2/models/convert.h"

#include <string>
#include <vector>

#include "blip2/base/directory_writer.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/dtypes.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/configs/edits.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/lavis/convert.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// The name of a dtype that this can write.
std::string written_dtype(at::ScalarType dtype) {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf) {
    fail(ErrorCode::kInvalidArgument, "convert: expected float32, bfloat16 or float16, found {}",
         dtype_name(dtype));
  }
  return std::string(dtype_name(dtype));
}

void convert_encoder(const fs::path& source, const fs::path& target) {
  ImageEncoderPart part = open_image_encoder(source);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : part.encoder->tensors()) {
    tensors.push_back({named.name, *named.tensor});
  }
  DirectoryWriter writer(target, kModelDirectory);
  write_safetensors(writer.path() / "model.safetensors", tensors);
  write_file_atomic(writer.path() / "config.json", part.vision_json + "\n");
  write_file_atomic(writer.path() / "preprocessor_config.json",
                    format_transform(part.transform) + "\n");
  writer.commit();
}

void convert_language_model(const fs::path& source, const fs::path& target, at::ScalarType dtype) {
  const std::string name = written_dtype(dtype);
  const LanguageModelPart part = open_language_model(source);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : part.model->tensors()) {
    tensors.push_back({named.name, named.tensor->to(dtype)});
  }
  DirectoryWriter writer(target, kModelDirectory);
  write_safetensors(writer.path() / "model.safetensors", tensors);
  write_file_atomic(writer.path() / "config.json", with_dtype(part.text_json, name) + "\n");
  write_file_atomic(writer.path() / "generation_config.json", part.generation_json + "\n");
  part.tokenizer->save(writer.path());
  writer.commit();
}

/// Refuses a base for what is whole without one.
void expect_no_base(const fs::path& source, const ConvertOptions& options) {
  if (options.base.empty()) return;
  fail(ErrorCode::kInvalidArgument,
       "--base: expected none, since {} needs no other model, found {}", source.string(),
       options.base.string());
}

}  // namespace

void convert_to_directory(const fs::path& source, const fs::path& target,
                          const ConvertOptions& options) {
  if (!fs::exists(source)) {
    fail(ErrorCode::kNotFound, "{}: no such file or directory", source.string());
  }
  if (options.names == WeightNames::kLavis) {
    expect_no_base(source, options);
    return convert_to_lavis(source, target);
  }
  if (const fs::path file = only_file(source, ".gguf"); !file.empty()) {
    expect_no_base(source, options);
    return convert_language_model(file, target, options.dtype);
  }
  const fs::path only = only_file(source, ".pth");
  const fs::path weights = only.empty() && !fs::is_directory(source) ? source : only;
  if (weights.empty()) {
    fail(
        ErrorCode::kUnsupported,
        "{}: expected a file of LAVIS or BLIP, the .pth of EfficientNet-Lite0, or a .gguf language "
        "model",
        source.string());
  }
  if (is_lavis_file(*open_source(weights))) {
    return convert_from_lavis(weights, options.base, target);
  }
  expect_no_base(source, options);
  convert_encoder(weights, target);
}

}  // namespace blip2
