// The parquet plug-in: Apache Parquet's C++ library, as PyPI's pyarrow carries it, behind one C
// function (blip2/data/shards/parquet.h). It knows nothing else of the program.
#include <parquet/api/reader.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int64_t kBatch = 4096;  // values read at once

using Texts = std::vector<std::optional<std::string>>;

/// The place of a column of texts, in rows and not in lists.
int column_of(const parquet::SchemaDescriptor& schema, const std::string& name) {
  const int column = schema.ColumnIndex(name);
  if (column < 0) throw std::runtime_error("expected a column \"" + name + "\", found none");
  const parquet::ColumnDescriptor& found = *schema.Column(column);
  if (found.physical_type() != parquet::Type::BYTE_ARRAY || found.max_repetition_level() > 0 ||
      found.max_definition_level() > 1) {
    throw std::runtime_error("expected texts in column \"" + name + "\", found another type");
  }
  return column;
}

Texts read_column(parquet::RowGroupReader& group, int column) {
  const auto reader = std::static_pointer_cast<parquet::ByteArrayReader>(group.Column(column));
  const bool has_nulls = reader->descr()->max_definition_level() > 0;
  const int64_t rows = group.metadata()->num_rows();
  std::vector<int16_t> defined(static_cast<size_t>(kBatch), 1);
  std::vector<parquet::ByteArray> values(static_cast<size_t>(kBatch));
  Texts texts;
  while (static_cast<int64_t>(texts.size()) < rows) {
    int64_t num_values = 0;
    const int64_t levels = reader->ReadBatch(kBatch, has_nulls ? defined.data() : nullptr, nullptr,
                                             values.data(), &num_values);
    const int64_t read = has_nulls ? levels : num_values;
    if (read == 0) throw std::runtime_error("fewer values than rows");
    for (int64_t i = 0, value = 0; i < read; ++i) {
      if (has_nulls && defined[static_cast<size_t>(i)] == 0) {
        texts.emplace_back();
      } else {
        const parquet::ByteArray& bytes = values[static_cast<size_t>(value++)];
        texts.emplace_back(std::string(reinterpret_cast<const char*>(bytes.ptr), bytes.len));
      }
    }
  }
  return texts;
}

using Row = void (*)(void* context, const char* const* values, const size_t* sizes);

void read_rows(const char* path, const std::vector<std::string>& columns, Row row, void* context) {
  const auto file = parquet::ParquetFileReader::OpenFile(path, /*memory_map=*/true);
  const parquet::FileMetaData& metadata = *file->metadata();
  std::vector<int> places;
  for (const std::string& column : columns) places.push_back(column_of(*metadata.schema(), column));
  std::vector<const char*> values(columns.size());
  std::vector<size_t> sizes(columns.size());
  for (int number = 0; number < metadata.num_row_groups(); ++number) {
    const auto group = file->RowGroup(number);
    std::vector<Texts> texts;
    for (const int place : places) texts.push_back(read_column(*group, place));
    for (size_t i = 0; i < static_cast<size_t>(group->metadata()->num_rows()); ++i) {
      for (size_t c = 0; c < texts.size(); ++c) {
        const std::optional<std::string>& text = texts[c].at(i);
        values[c] = text ? text->data() : nullptr;
        sizes[c] = text ? text->size() : 0;
      }
      row(context, values.data(), sizes.data());
    }
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int blip2_read_parquet(
    const char* path, const char* const* columns, size_t num_columns, Row row, void* context,
    char* message, size_t message_size) {
  try {
    read_rows(path, {columns, columns + num_columns}, row, context);
    return 0;
  } catch (const std::exception& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::snprintf(message, message_size, "%s", text.c_str());
  } catch (...) {
    std::snprintf(message, message_size, "unknown failure");
  }
  return 1;
}
