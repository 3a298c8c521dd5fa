// The parquet plugin, loaded when it is first needed.
#include "blip2/data/shards/parquet.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>

#include "blip2/base/error.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

fs::path plugin_path() {
  const char* given = std::getenv("BLIP2_PARQUET");
  if (given != nullptr && *given != '\0') return given;
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / "libblip2_parquet.so";
}

struct Plugin {
  Blip2ReadParquet read = nullptr;
  std::string reason;
};

Plugin load_plugin() {
  void* library = dlopen(plugin_path().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {nullptr, dlerror()};
  void* function = dlsym(library, "blip2_read_parquet");
  if (function == nullptr) return {nullptr, dlerror()};
  return {reinterpret_cast<Blip2ReadParquet>(function), ""};
}

const Plugin& plugin() {
  static const Plugin loaded = load_plugin();
  return loaded;
}

struct RowContext {
  const ParquetRow& row;
  std::vector<std::string_view> values;
};

void pass_row(void* context, const char* const* values, const size_t* sizes) {
  auto& to = *static_cast<RowContext*>(context);
  for (size_t i = 0; i < to.values.size(); ++i) to.values[i] = {values[i], sizes[i]};
  to.row(to.values);
}

}  // namespace

bool has_parquet() { return plugin().read != nullptr; }

void read_parquet(const fs::path& path, const std::vector<std::string>& columns,
                  const ParquetRow& row) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    fail(ErrorCode::kNotFound, "{}: expected a parquet file, found none", path.string());
  }
  if (!has_parquet()) {
    fail(ErrorCode::kUnsupported,
         "{}: parquet is read by a plug-in that is not there ({}); `make parquet` builds it",
         path.string(), plugin().reason);
  }
  std::vector<const char*> names;
  for (const std::string& column : columns) names.push_back(column.c_str());
  RowContext context{row, std::vector<std::string_view>(columns.size())};
  std::array<char, 1024> message{};
  if (plugin().read(path.c_str(), names.data(), names.size(), pass_row, &context, message.data(),
                    message.size()) != 0) {
    fail(ErrorCode::kCorruptData, "{}: {}", path.string(), message.data());
  }
}

}  // namespace blip2
