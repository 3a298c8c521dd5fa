// A writer of TensorBoard event files, for scalars only: TFRecord frames around protocol buffers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blip2 {

/// CRC-32C (Castagnoli) of the bytes.
uint32_t crc32c(std::string_view bytes);

/// The TFRecord frame of `payload`: length, masked CRC of the length, payload, masked CRC of the
/// payload.
std::string tfrecord(std::string_view payload);

/// tensorflow.Event messages, as protocol buffers.
std::string file_version_event(double wall_time_s);
/// Makes readers discard the values of earlier files from `step` on.
std::string session_start_event(double wall_time_s, int64_t step);
std::string scalars_event(double wall_time_s, int64_t step,
                          const std::vector<std::pair<std::string, double>>& scalars);

/// One event file. Readers see each write at once.
class TensorBoardWriter {
 public:
  /// Creates a new event file in `directory` for a run whose next step is `first_step`.
  TensorBoardWriter(const std::filesystem::path& directory, int64_t first_step);

  void write(int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void append(std::string_view event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace blip2
