// Pictures of blocks and of noise, written as PNG, and annotations that name them.
#include "tests/support/tiny/pictures.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "blip2/base/files.h"
#include "blip2/base/random.h"
#include "blip2/image/encode.h"

namespace blip2::testing {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<std::string> write_pictures(const TemporaryFolder& folder, int count) {
  std::vector<std::string> paths;
  Random random(3, "pictures");
  for (int i = 0; i < count; ++i) {
    Image image{30, 30, std::vector<uint8_t>(size_t{30} * 30 * 3)};
    uint8_t colours[27];
    for (uint8_t& value : colours) value = static_cast<uint8_t>(random.below(256));
    for (size_t p = 0; p < image.rgb.size(); ++p) {
      const size_t x = p / 3 % 30 / 10, y = p / 90 / 10;
      image.rgb[p] = colours[(y * 3 + x) * 3 + p % 3];
    }
    paths.push_back(folder.write("pictures/" + std::to_string(i) + ".png", encode_png(image)));
  }
  return paths;
}

namespace {

/// Writes `directory`/images/NUMBER.png: noise. Returns the file's name.
std::string write_picture(const fs::path& directory, int number) {
  fs::create_directories(directory / "images");
  Random random(1, "picture", static_cast<uint64_t>(number));
  Image image{40, 30, std::vector<uint8_t>(40 * 30 * 3)};
  for (uint8_t& byte : image.rgb) byte = static_cast<uint8_t>(random.below(256));
  const std::string file = fmt::format("{}.png", number);
  write_file_atomic(directory / "images" / file, encode_png(image));
  return file;
}

}  // namespace

void write_coco(const fs::path& directory, int num_pictures) {
  const char* names[] = {"a red square", "a blue field", "a green flag", "a dark wall"};
  Json records = Json::array();
  for (int i = 0; i < num_pictures; ++i) {
    const std::string file = write_picture(directory, i);
    for (int caption = 0; caption < 2; ++caption) {
      records.push_back({{"image", file},
                         {"caption", fmt::format("{} {}", names[(i + caption) % 4], i)},
                         {"image_id", fmt::format("coco_{}", i)}});
    }
  }
  write_file_atomic(directory / "annotations.json", records.dump());
}

void write_questions(const fs::path& directory, int num_pictures) {
  const char* things[] = {"square", "field", "flag", "wall"};
  Json records = Json::array();
  for (int i = 0; i < num_pictures; ++i) {
    records.push_back({{"image", write_picture(directory, i)},
                       {"question", fmt::format("What colour is the {}?", things[i % 4])},
                       {"question_id", i},
                       {"answer", {"red", "red", "dark blue"}}});
  }
  write_file_atomic(directory / "questions.json", records.dump());
}

}  // namespace blip2::testing
