// Names joined by zero bytes, which no path holds.
#include "blip2/data/record_identity.h"

namespace blip2 {

namespace {

/// Two members of a shard may have one name.
std::string place_of(const Record& record) {
  std::string place = record.image.string();
  if (record.stored) {
    place += '\0' + record.stored->file.string() + '\0' + std::to_string(record.stored->offset);
  }
  return place;
}

}  // namespace

std::string picture_identity(const Record& record) {
  return record.image_id.empty() ? "image" + ('\0' + place_of(record))
                                 : "image_id" + ('\0' + record.image_id);
}

std::string record_identity(const Record& record) {
  return record.listed_in.string() + '\0' + record.key + '\0' + place_of(record);
}

std::string within_data_set(const std::string& data_set, const std::string& identity) {
  return data_set + '\0' + identity;
}

}  // namespace blip2
