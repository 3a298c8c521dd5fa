// Conceptual Captions as published: a line a picture, its caption and its URL, and a folder of the
// pictures that could be downloaded.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// `Train_GCC-training.tsv` (CC3M: caption, URL) and `cc12m.tsv` (URL, caption): the column that
/// starts with http:// or https:// is the URL. A first line that names the columns is ignored.
/// Picture i of a file, counted from 0, is `rules.images`/I_CRC.jpg, CRC the CRC-32 of its URL in
/// decimal digits, as LAVIS's download_data_cc3m.py saves it (or without .jpg, as the script that
/// this comes from does). Lines are read on demand. record() throws kCorruptData, naming file and
/// line, for a line of other than two columns or without one URL.
std::unique_ptr<Source> open_cc_tsv(const std::vector<std::filesystem::path>& files,
                                    const RecordRules& rules);

}  // namespace blip2
