// Appends rows to a file for each feature, and joins the files into one at the end.
#include "blip2/tasks/feature_spool.h"

#include <ATen/ops/from_blob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

/// A new folder beside `path`, hidden, in the same file system.
fs::path make_folder_beside(const fs::path& path) {
  const fs::path parent = fs::absolute(path).parent_path();
  make_directories(parent);
  std::string pattern = (parent / ("." + path.filename().string() + ".XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    fail(ErrorCode::kUnavailable, "{}: cannot make a folder beside it: {}", path.string(),
         std::strerror(errno));
  }
  return pattern;
}

}  // namespace

struct FeatureSpool::Feature {
  std::string name;
  std::vector<int64_t> row_shape;
  fs::path path;
  std::ofstream stream;
  int64_t num_elements = 0;

  int64_t row_elements() const {
    return std::accumulate(row_shape.begin(), row_shape.end(), int64_t{1}, std::multiplies<>());
  }
};

FeatureSpool::FeatureSpool(fs::path output)
    : output_(std::move(output)), folder_(make_folder_beside(output_)) {
  try {
    require_writable(output_);
  } catch (const Error&) {
    fs::remove_all(folder_);
    throw;
  }
}

FeatureSpool::~FeatureSpool() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void FeatureSpool::append(const FeatureRows& rows) {
  auto found = std::find_if(features_.begin(), features_.end(),
                            [&](const auto& feature) { return feature->name == rows.name; });
  if (found == features_.end()) {
    auto feature = std::make_unique<Feature>();
    feature->name = rows.name;
    feature->row_shape = rows.row_shape;
    feature->path = folder_ / std::to_string(features_.size());
    feature->stream.open(feature->path, std::ios::binary);
    found = features_.insert(features_.end(), std::move(feature));
  }
  Feature& feature = **found;
  BLIP2_CHECK(feature.row_shape == rows.row_shape);
  const int64_t count = static_cast<int64_t>(rows.values.size());
  BLIP2_CHECK(feature.row_elements() > 0 && count % feature.row_elements() == 0);
  feature.stream.write(reinterpret_cast<const char*>(rows.values.data()),
                       static_cast<std::streamsize>(rows.values.size() * sizeof(float)));
  feature.stream.flush();
  if (!feature.stream) {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", output_.string(), std::strerror(errno));
  }
  feature.num_elements += count;
}

void FeatureSpool::finish() {
  if (features_.empty()) {
    fail(ErrorCode::kInvalidArgument, "{}: nothing to write: no input could be read",
         output_.string());
  }
  std::vector<TensorInfo> infos;
  for (const auto& feature : features_) {
    std::vector<int64_t> shape = {feature->num_elements / feature->row_elements()};
    shape.insert(shape.end(), feature->row_shape.begin(), feature->row_shape.end());
    infos.push_back({feature->name, at::kFloat, shape});
    feature->stream.close();
  }
  SafetensorsWriter writer(output_, infos);
  for (const TensorInfo& info : writer.layout()) {
    const auto found = std::find_if(features_.begin(), features_.end(), [&](const auto& feature) {
      return feature->name == info.name;
    });
    const MappedFile mapped((*found)->path);
    // from_blob takes a pointer to what may be written; append() only reads.
    float* data = reinterpret_cast<float*>(const_cast<std::byte*>(mapped.bytes().data()));
    writer.append(
        at::from_blob(data, {(*found)->num_elements}, at::TensorOptions().dtype(at::kFloat)));
  }
  writer.commit();
}

}  // namespace blip2
