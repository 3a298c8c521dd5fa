// The bytes of the format, made without a library for protocol buffers.
#include "blip2/train/records/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  constexpr uint32_t kReversedPolynomial = 0x82f63b78;
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? (value >> 1) ^ kReversedPolynomial : value >> 1;
    }
    table[byte] = value;
  }
  return table;
}

/// TFRecord masks its CRCs, since a CRC of data that contains CRCs is weak.
uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

template <typename Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// In protocol buffers a field is its key, then its value. Field numbers: tensorflow.Event (1
// wall_time, 2 step, 3 file_version, 5 summary, 7 session_log), Summary (1 value), Summary.Value (1
// tag, 2 simple_value), SessionLog (1 status).

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string key(uint32_t field, uint32_t wire_type) { return varint(field << 3 | wire_type); }

std::string varint_field(uint32_t field, uint64_t value) { return key(field, 0) + varint(value); }

std::string double_field(uint32_t field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<uint64_t>(value));
}

std::string bytes_field(uint32_t field, std::string_view bytes) {
  return key(field, 2) + varint(bytes.size()) + std::string(bytes);
}

std::string float_field(uint32_t field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<uint32_t>(value));
}

/// The first fields of an event. In proto3 a value of 0 is not written.
std::string event_head(double wall_time_s, int64_t step) {
  return double_field(1, wall_time_s) +
         (step == 0 ? "" : varint_field(2, static_cast<uint64_t>(step)));
}

double wall_time_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(uint64_t{payload.size()});
  return length + little_endian(masked_crc(length)) + std::string(payload) +
         little_endian(masked_crc(payload));
}

std::string file_version_event(double wall_time) {
  return double_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}

std::string session_start_event(double wall_time, int64_t step) {
  constexpr uint64_t kStart = 1;
  return event_head(wall_time, step) + bytes_field(7, varint_field(1, kStart));
}

std::string scalars_event(double wall_time, int64_t step,
                          const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  }
  return event_head(wall_time, step) + bytes_field(5, summary);
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& directory, int64_t first_step) {
  make_directories(directory);
  // Readers read the files of a folder in the order of their names.
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  path_ = directory / fmt::format("events.out.tfevents.{}.blip2.{}", now_us.count(), getpid());
  file_.open(path_, std::ios::binary);
  append(file_version_event(wall_time_s()));
  append(session_start_event(wall_time_s(), first_step));
}

void TensorBoardWriter::write(int64_t step,
                              const std::vector<std::pair<std::string, double>>& scalars) {
  append(scalars_event(wall_time_s(), step, scalars));
}

void TensorBoardWriter::append(std::string_view event) {
  file_ << tfrecord(event) << std::flush;
  if (!file_) {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace blip2
