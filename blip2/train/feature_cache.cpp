// In three parts: the pictures (keys.jsonl), the manifest, and the files of the views.
#include "blip2/train/feature_cache.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <future>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/json_text.h"
#include "blip2/base/progress.h"
#include "blip2/data/image_bytes.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;
namespace {

constexpr int64_t kChunk = 16;  // pictures encoded at once

fs::path view_path(const fs::path& directory, int64_t view) {
  return directory / fmt::format("view-{:03d}.safetensors", view);
}

constexpr int64_t kCacheFormat = 2;

// ---- pictures: name, checksum, and the reason why a picture cannot be used

struct Picture {
  std::string listed_in, key;  // see Record; the name for messages
  std::string content;         // checksum of the file's bytes, or ""
  std::string reason;          // why it cannot be used, or ""
};

std::string content_of(const Record& record) { return checksum(ImageBytes(record).bytes()); }

std::vector<Picture> inspect_pictures(const Source& source, const ViewFunction& view) {
  std::vector<Picture> pictures(static_cast<size_t>(source.size()));
  Progress progress("reading pictures", source.size(), "pictures");
  for (int64_t i = 0; i < source.size(); ++i) {
    throw_if_interrupted();
    Picture& picture = pictures[static_cast<size_t>(i)];
    try {
      const Record record = source.record(i);
      picture.listed_in = record.listed_in.string();
      picture.key = record.key;
      picture.content = content_of(record);
      view(record, {.record = i, .view = 0});
    } catch (const Error& error) {
      picture.content.clear();
      picture.reason = error.what();
    }
    progress.advance();
  }
  progress.finish();
  return pictures;
}

std::string to_jsonl(const std::vector<Picture>& pictures) {
  std::string text;
  for (const Picture& picture : pictures) {
    Json line = {{"file", picture.listed_in}, {"key", picture.key}};
    line[picture.reason.empty() ? "checksum" : "error"] =
        picture.reason.empty() ? picture.content : picture.reason;
    text += line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

std::vector<Picture> from_jsonl(const fs::path& path) {
  std::vector<Picture> pictures;
  const std::string text = read_file(path);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const Json line = Json::parse(text.substr(begin, end - begin), nullptr, false);
    if (!line.is_object() || !line.contains("key")) {
      fail(ErrorCode::kCorruptData,
           "{}:{}: expected an object with a key; remove the folder and run again", path.string(),
           pictures.size() + 1);
    }
    pictures.push_back({line.value("file", ""), line.value("key", ""), line.value("checksum", ""),
                        line.value("error", "")});
    begin = end + 1;
  }
  return pictures;
}

/// The pictures of keys.jsonl, compared with the files as they are now; writes keys.jsonl if it
/// does not exist.
std::vector<Picture> open_pictures(const fs::path& directory, const Source& source,
                                   const ViewFunction& view) {
  const fs::path path = directory / "keys.jsonl";
  if (!fs::exists(path)) {
    std::vector<Picture> pictures = inspect_pictures(source, view);
    write_file_atomic(path, to_jsonl(pictures));
    return pictures;
  }
  std::vector<Picture> pictures = from_jsonl(path);
  if (static_cast<int64_t>(pictures.size()) != source.size()) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a cache of the data set's {} pictures, found one of {}; name another folder "
         "or remove this one",
         directory.string(), source.size(), pictures.size());
  }
  for (int64_t i = 0; i < source.size(); ++i) {
    const Picture& picture = pictures[static_cast<size_t>(i)];
    if (!picture.reason.empty()) continue;
    const Record record = source.record(i);
    // Names may change, for instance when a folder is moved: a cache is of contents in an order.
    if (content_of(record) != picture.content) {
      fail(ErrorCode::kInvalidArgument,
           "{}: the cache is of other pictures: record {}: expected {} of {} as when the cache was "
           "made, found {} of {}; name another folder or remove this one",
           directory.string(), i, picture.key, picture.listed_in, record.key,
           record.listed_in.string());
    }
  }
  return pictures;
}

// ---- the manifest

void check_manifest(const fs::path& directory, const Json& expected) {
  const fs::path path = directory / "manifest.json";
  if (!fs::exists(path)) {
    write_file_atomic(path, json_document(expected));
    return;
  }
  const Json found = Json::parse(read_file(path), nullptr, false);
  if (!found.is_object()) {
    fail(ErrorCode::kCorruptData,
         "{}: expected the manifest of a feature cache, found another file; remove the folder and "
         "run again",
         path.string());
  }
  for (const auto& [key, value] : expected.items()) {
    if (found.value(key, Json()) != value) {
      fail(ErrorCode::kInvalidArgument,
           "{}: the cache was made with another {}: expected {}, found {}; name another folder or "
           "remove this one",
           directory.string(), key, value.dump(), found.value(key, Json()).dump());
    }
  }
}

// ---- the file of one view, written so that an interrupted computation can resume

/// Writes a safetensors file of one float16 tensor row by row, as PATH.partial until it is
/// complete.
class ViewWriter {
 public:
  ViewWriter(const fs::path& path, int64_t rows, int64_t tokens, int64_t width)
      : path_(path), partial_(path.string() + ".partial"), row_bytes_(tokens * width * 2) {
    std::string header = fmt::format(
        R"({{"__metadata__":{{"format":"pt"}},"image_embeds":{{"dtype":"F16","shape":[{},{},{}],)"
        R"("data_offsets":[0,{}]}}}})",
        rows, tokens, width, rows * row_bytes_);
    header.append((8 - header.size() % 8) % 8, ' ');
    static_assert(std::endian::native == std::endian::little);
    const uint64_t length = header.size();
    header_.assign(reinterpret_cast<const char*>(&length), 8);
    header_ += header;
    descriptor_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail_write();
    resume();
  }
  ~ViewWriter() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ViewWriter(const ViewWriter&) = delete;
  ViewWriter& operator=(const ViewWriter&) = delete;

  int64_t rows_done() const { return rows_done_; }

  void append(const at::Tensor& rows) {  // [n, P, Dv] float16, contiguous
    write(static_cast<const char*>(rows.const_data_ptr()), rows.nbytes());
    rows_done_ += rows.size(0);
  }

  void commit() {
    if (::fsync(descriptor_) != 0 || ::close(std::exchange(descriptor_, -1)) != 0) fail_write();
    std::error_code error;
    fs::rename(partial_, path_, error);
    if (error)
      fail(ErrorCode::kUnavailable, "{}: cannot write: {}", path_.string(), error.message());
  }

 private:
  /// Continues after the complete rows of an earlier run; starts anew if the header differs.
  void resume() {
    std::string found(header_.size(), '\0');
    const ssize_t n = ::pread(descriptor_, found.data(), found.size(), 0);
    const off_t size = ::lseek(descriptor_, 0, SEEK_END);
    if (n == static_cast<ssize_t>(header_.size()) && found == header_) {
      rows_done_ = (size - static_cast<off_t>(header_.size())) / row_bytes_;
    }
    const off_t end =
        rows_done_ > 0 ? static_cast<off_t>(header_.size()) + rows_done_ * row_bytes_ : 0;
    if (::ftruncate(descriptor_, end) != 0 || ::lseek(descriptor_, end, SEEK_SET) < 0) fail_write();
    if (rows_done_ == 0) write(header_.data(), header_.size());
  }

  void write(const char* data, size_t size) {
    while (size > 0) {
      const ssize_t n = ::write(descriptor_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_write();
      data += n;
      size -= static_cast<size_t>(n);
    }
  }

  [[noreturn]] void fail_write() const {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", partial_.string(), std::strerror(errno));
  }

  fs::path path_, partial_;
  int64_t row_bytes_;
  std::string header_;
  int descriptor_ = -1;
  int64_t rows_done_ = 0;
};

/// Pixels of the pictures from `first` on, [n, 3, H, W] with n <= kChunk; zeros for pictures that
/// cannot be used.
at::Tensor load_chunk(const Source& source, const std::vector<Picture>& pictures, int64_t first,
                      int64_t view, const ViewFunction& function, int64_t size) {
  const int64_t n = std::min(kChunk, source.size() - first);
  at::Tensor pixels = at::zeros({n, 3, size, size}, at::kFloat);
  for (int64_t i = 0; i < n; ++i) {
    if (!pictures[static_cast<size_t>(first + i)].reason.empty()) continue;
    const std::vector<float> values =
        function(source.record(first + i), {.record = first + i, .view = view});
    BLIP2_CHECK(static_cast<int64_t>(values.size()) == 3 * size * size);
    std::memcpy(pixels.mutable_data_ptr<float>() + i * 3 * size * size, values.data(),
                values.size() * sizeof(float));
  }
  return pixels;
}

void compute_view(ViewWriter& writer, const Source& source, const std::vector<Picture>& pictures,
                  int64_t view, const ImageEncoder& encoder, const ViewFunction& function,
                  int64_t image_size, Progress& progress) {
  const auto load = [&](int64_t first) {
    return load_chunk(source, pictures, first, view, function, image_size);
  };
  int64_t first = writer.rows_done();
  std::future<at::Tensor> next;
  if (first < source.size()) next = std::async(std::launch::async, load, first);
  while (first < source.size()) {
    const at::Tensor pixels = next.get();
    const int64_t following = first + pixels.size(0);
    if (following < source.size()) next = std::async(std::launch::async, load, following);
    const at::NoGradGuard no_grad;
    writer.append(encoder.encode(pixels).to(at::kCPU, at::kHalf).contiguous());
    progress.advance(pixels.size(0));
    first = following;
    throw_if_interrupted();
  }
}

}  // namespace

std::string encoder_checksum(ImageEncoder& encoder) {
  std::string all;
  for (const NamedTensor& named : encoder.tensors()) {
    const at::Tensor values = named.tensor->to(at::kCPU).contiguous();
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(values.const_data_ptr()),
                                           values.nbytes());
    all += named.name + ":" + checksum(bytes) + ";";
  }
  return checksum(all);
}

FeatureCache::FeatureCache(const FeatureCacheConfig& config, const Source& source,
                           ImageEncoder& encoder, const ViewFunction& view) {
  make_directories(config.directory);
  int64_t tokens = 0;
  {
    const at::NoGradGuard no_grad;
    tokens = encoder.encode(at::zeros({1, 3, config.image_size, config.image_size})).size(1);
  }
  const double gigabytes = static_cast<double>(source.size() * tokens * encoder.width() * 2) *
                           static_cast<double>(config.num_views) / 1e9;
  if (gigabytes > config.max_gigabytes) {
    fail(ErrorCode::kUnavailable,
         "{}: expected at most {:.1f} GB of features, found {:.1f} GB for {} pictures in {} views; "
         "feature_cache_gb raises the limit",
         config.directory.string(), config.max_gigabytes, gigabytes, source.size(),
         config.num_views);
  }
  check_manifest(config.directory, {{"format", kCacheFormat},
                                    {"encoder", encoder_checksum(encoder)},
                                    {"views", config.views},
                                    {"image_size", config.image_size}});
  const std::vector<Picture> pictures = open_pictures(config.directory, source, view);
  Progress progress("image features", source.size() * config.num_views, "pictures");
  for (int64_t v = 0; v < config.num_views; ++v) {
    const fs::path path = view_path(config.directory, v);
    if (!fs::exists(path)) {
      ViewWriter writer(path, source.size(), tokens, encoder.width());
      progress.advance(writer.rows_done());
      compute_view(writer, source, pictures, v, encoder, view, config.image_size, progress);
      writer.commit();
    } else {
      progress.advance(source.size());
    }
    files_.push_back(std::make_unique<SafetensorsFile>(path));
    views_.push_back(files_.back()->read("image_embeds"));
    if (views_.back().sizes() != at::IntArrayRef({source.size(), tokens, encoder.width()})) {
      fail(ErrorCode::kCorruptData,
           "{}: expected the shape [{}, {}, {}], found [{}]; remove the file and run again",
           path.string(), source.size(), tokens, encoder.width(),
           fmt::join(views_.back().sizes(), ", "));
    }
  }
  progress.finish();
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (!pictures[i].reason.empty()) unusable_[static_cast<int64_t>(i)] = pictures[i].reason;
  }
}

void FeatureCache::check(int64_t index) const {
  const auto found = unusable_.find(index);
  if (found != unusable_.end()) fail(ErrorCode::kCorruptData, "{}", found->second);
}

void FeatureCache::read(int64_t index, int64_t view, at::Tensor out) const {
  out.copy_(views_[static_cast<size_t>(view)][index]);
}

}  // namespace blip2
