// Which records are of one picture, and how a record is named apart from all others. What a picture
// is called in a file says nothing outside that file's data set.
#pragma once

#include <string>

#include "blip2/data/record.h"

namespace blip2 {

/// Equal for records of one picture of a data set: the same image_id, or without one the same path
/// (in a shard, the same place). One picture under two names is two.
std::string picture_identity(const Record& record);

/// Names a record within its data set: where it is listed, its key and its picture. Random streams
/// are named by it.
std::string record_identity(const Record& record);

/// Text that names something of one data set, made unique over all of them.
std::string within_data_set(const std::string& data_set, const std::string& identity);

}  // namespace blip2
