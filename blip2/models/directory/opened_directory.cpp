// Opening a model directory, and its side files.
#include "blip2/models/directory/opened_directory.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/directory/found_directory.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kTransform = "preprocessor_config.json";
constexpr const char* kProcessor = "processor_config.json";
constexpr const char* kGeneration = "generation_config.json";

/// preprocessor_config.json beside a processor_config.json that is read instead.
void warn_where_it_differs(const fs::path& path, const ImageTransform& transform,
                           const TransformContext& context) {
  if (!fs::exists(path)) return;
  try {
    if (parse_transform(read_file(path), path.string(), context) == transform) return;
  } catch (const Error&) {  // it is not read
  }
  log_warning(
      "{}: ignored: image_processor of {} gives another transform, and is read as in "
      "transformers 5",
      path.string(), kProcessor);
}

}  // namespace

OpenedDirectory::OpenedDirectory(const fs::path& path)
    : path_(model_directory(path)),
      config_(std::make_unique<nlohmann::ordered_json>(
          read_json_object<nlohmann::ordered_json>(path_ / kConfig))),
      kind_(directory_kind(config())) {
  refuse_quantised(config());
  weights_ = open_source(path_);
  refuse_quantised(*weights_);
}

OpenedDirectory::OpenedDirectory(OpenedDirectory&&) noexcept = default;
OpenedDirectory::~OpenedDirectory() = default;

ConfigFields OpenedDirectory::config() const { return {*config_, (path_ / kConfig).string()}; }

std::string OpenedDirectory::config_text() const { return config_->dump(2); }

bool has_config(const fs::path& path) { return fs::exists(path / kConfig); }

std::optional<ImageTransform> find_transform(const OpenedDirectory& directory,
                                             int64_t encoder_size) {
  const TransformContext context{directory.config().text("model_type", ""),
                                 static_cast<int>(encoder_size)};
  const fs::path own = directory.path() / kTransform;
  const fs::path processor = directory.path() / kProcessor;
  if (fs::exists(processor)) {
    const std::string text = read_file(processor);
    if (has_image_processor(text, processor.string())) {
      const ImageTransform transform = parse_transform(text, processor.string(), context);
      warn_where_it_differs(own, transform, context);
      return transform;
    }
  }
  if (!fs::exists(own)) return std::nullopt;
  return parse_transform(read_file(own), own.string(), context);
}

ImageTransform read_transform(const OpenedDirectory& directory, int64_t encoder_size) {
  if (const auto transform = find_transform(directory, encoder_size)) return *transform;
  fail(ErrorCode::kNotFound,
       "{}: expected preprocessor_config.json, or processor_config.json with image_processor",
       directory.path().string());
}

std::string read_generation_json(const fs::path& directory) {
  const fs::path path = directory / kGeneration;
  if (!fs::exists(path)) return "{}";
  std::string text = read_file(path);
  if (!nlohmann::ordered_json::parse(text, nullptr, false).is_object()) return "{}";
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace blip2
