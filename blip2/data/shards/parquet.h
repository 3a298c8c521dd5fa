// Text columns of a parquet file. The reading is done by Apache Arrow's library, which is large and
// needed by few: it sits in a plug-in of its own (plugins/parquet.cpp), loaded when it is first
// asked for.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The values of one row, in the order of the columns asked for; nullptr data for a null.
using ParquetRow = std::function<void(const std::vector<std::string_view>& values)>;

/// Calls `row` for each row of a file. Throws kUnsupported where there is no plug-in, saying how to
/// build it; kNotFound; kCorruptData for a damaged file and for a column that is not there or holds
/// no texts. Thread-safe.
void read_parquet(const std::filesystem::path& path, const std::vector<std::string>& columns,
                  const ParquetRow& row);

/// Whether the plug-in is there: $BLIP2_PARQUET, else libblip2_parquet.so beside the program.
bool has_parquet();

extern "C" {
/// What the plug-in is called with, for each row: as many values as columns.
typedef void (*Blip2ParquetRow)(void* context, const char* const* values, const size_t* sizes);
/// The plug-in's one function, "blip2_read_parquet". Returns 0, or 1 with a one-line reason in
/// `message`.
typedef int (*Blip2ReadParquet)(const char* path, const char* const* columns, size_t num_columns,
                                Blip2ParquetRow row, void* context, char* message,
                                size_t message_size);
}

}  // namespace blip2
