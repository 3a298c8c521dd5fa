// A data set as it is evaluated: pictures with all that is said of each. Which records are of one
// picture is said by data/record_identity.h.
#pragma once

#include <string>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/tasks/failed_input.h"

namespace blip2 {

struct Bundle;

/// The pictures of a source, in the order of their first records: the first record of each, with
/// the captions of all of them in order. A blank caption is none. A record that is not well-formed
/// fails alone, a picture without a caption too.
std::vector<Record> read_evaluation_set(const Source& source, const FailedInput& failed);

/// Removes the captions that the model cannot read as texts, and the pictures that have no other.
void remove_unreadable_texts(const Bundle& bundle, int64_t max_text_length,
                             std::vector<Record>& pictures, const FailedInput& failed);

}  // namespace blip2
