// Opening a model directory, and its side files.
#include "blip2/models/directory/opened_directory.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/files.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/image_processor.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kTransform = "preprocessor_config.json";
constexpr const char* kGeneration = "generation_config.json";

}  // namespace

OpenedDirectory::OpenedDirectory(fs::path path)
    : path_(std::move(path)),
      config_(std::make_unique<nlohmann::ordered_json>(
          read_json_object<nlohmann::ordered_json>(path_ / kConfig))),
      kind_(directory_kind(config())),
      weights_(open_source(path_)) {}

OpenedDirectory::OpenedDirectory(OpenedDirectory&&) noexcept = default;
OpenedDirectory::~OpenedDirectory() = default;

ConfigFields OpenedDirectory::config() const { return {*config_, (path_ / kConfig).string()}; }

std::string OpenedDirectory::config_text() const { return config_->dump(2); }

bool has_config(const fs::path& path) { return fs::exists(path / kConfig); }

bool has_transform(const fs::path& directory) { return fs::exists(directory / kTransform); }

ImageTransform read_transform(const fs::path& directory) {
  const fs::path path = directory / kTransform;
  return parse_transform(read_file(path), path.string());
}

std::string read_generation_json(const fs::path& directory) {
  const fs::path path = directory / kGeneration;
  if (!fs::exists(path)) return "{}";
  std::string text = read_file(path);
  parse_json_object<nlohmann::ordered_json>(
      text, path.string());  // checked here, read by whoever generates
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace blip2
