// Reads, checks and writes the files of an index.
#include "blip2/tasks/index.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/base64.h"
#include "blip2/base/directory_writer.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_text.h"
#include "blip2/base/python_json.h"
#include "blip2/base/quote.h"
#include "blip2/base/text_file.h"
#include "blip2/base/utf8.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/embedder.h"
#include "blip2/tasks/feature_spool.h"
#include "blip2/tasks/output_text.h"

namespace blip2 {
namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

namespace {

constexpr const char* kFormat = "blip2-index-1";
constexpr const char* kFeature = "itc_image";

std::string dump(const OrderedJson& json) { return json_on_one_line(json); }

/// Of any version of the format.
bool is_index_json(std::string_view content) {
  const OrderedJson json = try_parse_json<OrderedJson>(content).value_or(OrderedJson());
  return json.is_object() && json.contains("format") && json["format"].is_string() &&
         json["format"].get<std::string>().starts_with("blip2-index-");
}

const DirectoryMark kIndexDirectory{
    "index", "index.json", is_index_json, {"index.json", "images.jsonl", "features.safetensors"}};

/// The checksum of a file, or of 64 pieces of it if it is large.
std::string content_checksum(const fs::path& path) {
  constexpr size_t kPiece = size_t{1} << 20, kPieces = 64;
  const MappedFile file(path);
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() <= kPiece * kPieces) return checksum(bytes);
  std::string sums;
  for (size_t i = 0; i < kPieces; ++i) {
    const size_t offset = (bytes.size() - kPiece) / (kPieces - 1) * i;
    sums += checksum(bytes.subspan(offset, kPiece));
  }
  return checksum(std::string_view(sums)) + checksum(bytes.last(kPiece));
}

std::string image_line(const std::string& path) {
  OrderedJson row = {{"image", path}};
  if (!is_valid_utf8(path)) row["bytes"] = encode_base64(path);
  return json_line(dump(row));
}

/// The path of a line; none where it is not one.
std::optional<std::string> path_of(const OrderedJson& row) {
  if (!row.is_object() || !row.contains("image") || !row["image"].is_string()) return std::nullopt;
  const auto bytes = row.find("bytes");
  if (bytes == row.end()) return row["image"].get<std::string>();
  return bytes->is_string() ? decode_base64(bytes->get<std::string>()) : std::nullopt;
}

std::vector<std::string> read_images(const fs::path& path) {
  const std::string content = read_text_file(path);
  std::vector<std::string> images;
  for (size_t begin = 0; begin < content.size();) {
    size_t end = content.find('\n', begin);
    if (end == std::string::npos) {
      fail(ErrorCode::kCorruptData, "{}:{}: the last line is cut off", path.string(),
           images.size() + 1);
    }
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    const OrderedJson row = try_parse_json<OrderedJson>(line).value_or(OrderedJson());
    std::optional<std::string> image = path_of(row);
    if (!image) {
      fail(ErrorCode::kCorruptData, "{}:{}: expected {{\"image\": path}}", path.string(),
           images.size() + 1);
    }
    images.push_back(std::move(*image));
    begin = end + 1;
  }
  return images;
}

/// The first row that holds a NaN or an infinity; -1: none does. rows [N, Q, E].
int64_t first_row_of_no_numbers(const at::Tensor& rows) {
  constexpr uint32_t kExponent = 0x7f800000;
  const float* values = rows.const_data_ptr<float>();
  const int64_t size = rows.size(1) * rows.size(2);
  for (int64_t row = 0; row < rows.size(0); ++row, values += size) {
    uint32_t found = 0;  // no branch within a row: a vector of numbers at a time
    for (int64_t i = 0; i < size; ++i) {
      found |= (std::bit_cast<uint32_t>(values[i]) & kExponent) == kExponent ? 1U : 0U;
    }
    if (found != 0) return row;
  }
  return -1;
}

}  // namespace

std::string model_fingerprint(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    fail(ErrorCode::kNotFound, "{}: expected a model directory, found none", directory.string());
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string lines;
  for (const fs::path& file : files) {
    lines += fmt::format("{} {} {}\n", file.filename().string(), fs::file_size(file),
                         content_checksum(file));
  }
  return checksum(std::string_view(lines));
}

struct Index::State {
  fs::path directory, model, working_directory;
  std::string fingerprint;
  int64_t num_queries = 0, embed_dim = 0;
  std::vector<std::string> images;
  at::Tensor features;  // [N, Q, E], a view of the mapped file
};

Index::Index(const fs::path& directory) {
  auto state = std::make_shared<State>();
  const fs::path path = directory / "index.json";
  if (!fs::exists(path)) {
    fail(ErrorCode::kNotFound,
         "{}: expected an index (index.json), as `blip2 index build` makes it", directory.string());
  }
  const OrderedJson json = read_json_object<OrderedJson>(path);
  const OrderedJsonFields fields(json, path.string());
  if (const std::string format = fields.text("format"); format != kFormat) {
    fail(ErrorCode::kUnsupported, "{}: expected {}, found {}", fields.where("format"), kFormat,
         quote(format));
  }
  state->directory = directory;
  state->model = fields.text("model");
  state->fingerprint = fields.text("model_fingerprint");
  state->working_directory = fields.text("working_directory");
  const int64_t count = fields.integer("num_images", at_least(1));
  state->num_queries = fields.integer("num_queries", at_least(1));
  state->embed_dim = fields.integer("embed_dim", at_least(1));

  state->images = read_images(directory / "images.jsonl");
  if (static_cast<int64_t>(state->images.size()) != count) {
    fail(ErrorCode::kCorruptData, "{}: expected {} lines, as index.json says, found {}",
         (directory / "images.jsonl").string(), count, state->images.size());
  }
  const SafetensorsFile file(directory / "features.safetensors");
  const std::vector<int64_t> shape = {count, state->num_queries, state->embed_dim};
  const bool fits = file.infos().size() == 1 && file.infos()[0].name == kFeature &&
                    file.infos()[0].dtype == at::kFloat && file.infos()[0].shape == shape;
  if (!fits) {
    fail(ErrorCode::kCorruptData,
         "{}: expected one float32 tensor {} [{}, {}, {}], as index.json says", file.describe(),
         kFeature, count, state->num_queries, state->embed_dim);
  }
  state->features = file.read(kFeature);
  if (const int64_t row = first_row_of_no_numbers(state->features); row >= 0) {
    fail(ErrorCode::kCorruptData, "{}: expected finite numbers, found others in row {} ({})",
         file.describe(), row, state->images[static_cast<size_t>(row)]);
  }
  state_ = std::move(state);
}

int64_t Index::size() const { return static_cast<int64_t>(state_->images.size()); }
int64_t Index::num_queries() const { return state_->num_queries; }
int64_t Index::embed_dim() const { return state_->embed_dim; }
const fs::path& Index::model() const { return state_->model; }

const std::string& Index::image(int64_t row) const {
  return state_->images.at(static_cast<size_t>(row));
}

fs::path Index::image_file(int64_t row) const { return state_->working_directory / image(row); }

bool Index::is_made_by(const fs::path& directory) const {
  return model_fingerprint(directory) == state_->fingerprint;
}

std::span<const float> Index::features() const {
  return {state_->features.const_data_ptr<float>(), static_cast<size_t>(state_->features.numel())};
}

struct IndexBuilder::State {
  fs::path target;
  DirectoryWriter writer;
  Embedder embedder;
  fs::path model;
  std::string fingerprint;
  std::optional<FeatureSpool> spool;
  AtomicFile images;
  int64_t count = 0, num_queries = 0, embed_dim = 0;

  State(const fs::path& directory, Embedder made_of)
      : target(directory),
        writer(directory, kIndexDirectory),
        embedder(std::move(made_of)),
        images(writer.path() / "images.jsonl") {}

  /// Runs what writes files: its errors name the index, and not the folder that becomes it.
  template <typename Work>
  void write(const Work& work) const {
    try {
      work();
    } catch (const Error& error) {
      std::string message = error.what();
      const std::string folder = writer.path().string();
      const size_t at = message.find(folder);
      if (at == std::string::npos) throw;
      throw Error(error.code(), message.replace(at, folder.size(), target.string()));
    }
  }
};

IndexBuilder::IndexBuilder(const Bundle& bundle, const fs::path& model, const fs::path& directory)
    : state_(std::make_unique<State>(directory,
                                     Embedder(bundle, {kFeature}, bundle.max_text_length))) {
  state_->model = fs::absolute(model).lexically_normal();
  state_->fingerprint = model_fingerprint(model);
  state_->spool.emplace(state_->writer.path() / "features.safetensors");
}

IndexBuilder::~IndexBuilder() = default;

void IndexBuilder::add(const std::vector<Picture>& pictures) {
  if (pictures.empty()) return;
  for (const FeatureRows& rows : state_->embedder.embed(pictures, {})) {
    state_->num_queries = rows.row_shape.at(0);
    state_->embed_dim = rows.row_shape.at(1);
    state_->write([&] { state_->spool->append(rows); });
  }
  std::string lines;
  for (const Picture& picture : pictures) lines += image_line(picture.path);
  state_->write([&] { state_->images.write(lines); });
  state_->count += static_cast<int64_t>(pictures.size());
}

void IndexBuilder::finish() {
  State& state = *state_;
  if (state.count == 0) {
    fail(ErrorCode::kInvalidArgument, "{}: no index: no picture could be read",
         state.target.string());
  }
  state.write([&] {
    state.images.commit();
    state.spool->finish();
  });
  state.spool.reset();
  const OrderedJson json = {{"format", kFormat},
                            {"model", state.model.string()},
                            {"model_fingerprint", state.fingerprint},
                            {"working_directory", fs::current_path().string()},
                            {"num_images", state.count},
                            {"num_queries", state.num_queries},
                            {"embed_dim", state.embed_dim}};
  state.write([&] {
    write_file_atomic(state.writer.path() / "index.json", json_document(json));
    state.writer.commit();
  });
}

}  // namespace blip2
