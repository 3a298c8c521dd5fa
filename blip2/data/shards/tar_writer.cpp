// POSIX.1-1988 ustar headers; POSIX.1-2001 pax records for long names.
#include "blip2/data/shards/tar_writer.h"

#include <array>
#include <cstring>
#include <numeric>
#include <optional>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

constexpr size_t kBlockBytes = 512;
constexpr size_t kNameBytes = 100, kPrefixBytes = 155;
constexpr int64_t kTooLarge = int64_t{1} << 33;  // 11 octal digits

/// A ustar header's fields that are written here.
enum Field : size_t {
  kName = 0,
  kMode = 100,
  kOwner = 108,
  kGroup = 116,
  kSize = 124,
  kTime = 136,
  kChecksum = 148,
  kType = 156,
  kMagic = 257,
  kDeviceMajor = 329,
  kDeviceMinor = 337,
  kPrefix = 345,
};

using Header = std::array<char, kBlockBytes>;

void put(Header& header, size_t at, std::string_view text) {
  std::memcpy(header.data() + at, text.data(), text.size());
}

/// Prefix and name, with a "/" between them that is not stored.
struct ParentAndName {
  std::string_view prefix, name;
};

std::optional<ParentAndName> parted(std::string_view name) {
  if (name.size() <= kNameBytes) return ParentAndName{"", name};
  for (size_t slash = name.find('/'); slash != std::string_view::npos && slash <= kPrefixBytes;
       slash = name.find('/', slash + 1)) {
    const std::string_view rest = name.substr(slash + 1);
    if (slash > 0 && !rest.empty() && rest.size() <= kNameBytes) {
      return ParentAndName{name.substr(0, slash), rest};
    }
  }
  return std::nullopt;
}

/// "LENGTH path=NAME\n", where LENGTH counts itself.
std::string pax_record(const std::string& name) {
  const std::string body = " path=" + name + "\n";
  size_t length = body.size();
  while (length != body.size() + std::to_string(length).size()) {
    length = body.size() + std::to_string(length).size();
  }
  return std::to_string(length) + body;
}

Header header_of(const ParentAndName& name, size_t size, char type) {
  Header header{};
  put(header, kName, name.name);
  put(header, kPrefix, name.prefix);
  put(header, kMode, "0000644");
  put(header, kOwner, "0000000");
  put(header, kGroup, "0000000");
  put(header, kSize, fmt::format("{:011o}", size));
  put(header, kTime, "00000000000");
  put(header, kChecksum, "        ");
  header[kType] = type;
  put(header, kMagic, std::string_view("ustar\00000", 8));
  put(header, kDeviceMajor, "0000000");
  put(header, kDeviceMinor, "0000000");
  const unsigned sum = std::accumulate(
      header.begin(), header.end(), 0U,
      [](unsigned so_far, char c) { return so_far + static_cast<unsigned char>(c); });
  put(header, kChecksum, fmt::format("{:06o}", sum));
  header[kChecksum + 6] = '\0';
  return header;
}

}  // namespace

void TarWriter::write(std::string_view bytes) {
  sink_(bytes);
  written_ += static_cast<int64_t>(bytes.size());
}

void TarWriter::write_entry(const std::string& name, std::string_view bytes, char type) {
  const std::optional<ParentAndName> parts = parted(name);
  BLIP2_CHECK(parts.has_value());
  const Header header = header_of(*parts, bytes.size(), type);
  write({header.data(), header.size()});
  write(bytes);
  static constexpr std::array<char, kBlockBytes> kZeros{};
  write({kZeros.data(), (kBlockBytes - bytes.size() % kBlockBytes) % kBlockBytes});
}

int64_t TarWriter::add(const std::string& name, std::string_view bytes) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    fail(ErrorCode::kInvalidArgument, "tar: expected a name of at least one byte and without NUL");
  }
  if (static_cast<int64_t>(bytes.size()) >= kTooLarge) {
    fail(ErrorCode::kInvalidArgument, "tar: {}: expected less than {} bytes, found {}", name,
         kTooLarge, bytes.size());
  }
  std::string stored = name;
  if (!parted(name)) {
    write_entry("pax_header", pax_record(name), 'x');
    stored = name.substr(name.size() - kNameBytes);  // for readers that do not know pax
  }
  const int64_t offset = written_ + static_cast<int64_t>(kBlockBytes);
  write_entry(stored, bytes, '0');
  return offset;
}

void TarWriter::finish() {
  static constexpr std::array<char, 2 * kBlockBytes> kEnd{};
  write({kEnd.data(), kEnd.size()});
}

}  // namespace blip2
