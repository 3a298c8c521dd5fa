// Pictures made in a test, and small data sets of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace blip2::testing {

/// Writes `count` PNG pictures of 3 x 3 blocks of random colours. Returns their paths.
std::vector<std::string> write_pictures(const TemporaryFolder& folder, int count);

/// Writes `directory`/annotations.json in COCO's layout and `directory`/images with `num_pictures`
/// pictures of noise. Each picture has two records with one image_id and a caption each.
void write_coco(const std::filesystem::path& directory, int num_pictures);

/// Writes `directory`/questions.json and the same pictures: a question for each, with three
/// answers.
void write_questions(const std::filesystem::path& directory, int num_pictures);

}  // namespace blip2::testing
