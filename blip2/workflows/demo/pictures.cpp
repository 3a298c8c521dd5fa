// Lists and names the pictures, joins them into concepts, and splits these by hash.
#include "blip2/workflows/demo/pictures.h"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/list_files.h"
#include "blip2/base/random.h"
#include "blip2/workflows/demo/captions.h"
#include "blip2/workflows/demo/emoji_names.h"

namespace blip2 {

namespace {

// Shares of the concepts, of 2^64 hash values.
constexpr double kUnseenConcepts = 0.10;
constexpr double kUnseenDrawings = 0.15;

std::vector<std::filesystem::path> list_asset_pictures(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> pictures;
  if (std::filesystem::is_directory(folder)) pictures = list_files(folder, {".png"});
  if (pictures.empty()) {
    fail(ErrorCode::kUnavailable, "{}: expected pictures, found none: run tools/fetch_assets",
         folder.string());
  }
  return pictures;
}

std::string hex_name(std::u32string_view sequence) {
  std::string name;
  for (const char32_t c : sequence) {
    name += fmt::format("{}{:x}", name.empty() ? "" : "-", static_cast<uint32_t>(c));
  }
  return name;
}

/// Reads one emoji style. concept_id is the emoji's ungendered name until join_concepts().
void read_emoji(const std::filesystem::path& folder, const std::string& style,
                std::string_view prefix, const EmojiNames& names,
                std::vector<DemoPicture>& pictures) {
  for (const auto& path : list_asset_pictures(folder)) {
    std::string stem = path.stem().string();
    if (!stem.starts_with(prefix)) continue;  // tanuki's flags have names of two letters
    const std::u32string sequence = parse_code_points(stem.substr(prefix.size()), "-_");
    const EmojiName* name = names.find(sequence);
    if (name == nullptr) continue;
    const std::string caption = tidy_caption(name->name);
    pictures.push_back({.key = style + "/" + hex_name(bare_sequence(sequence)),
                        .image = std::filesystem::absolute(path),
                        .caption = caption,
                        .caption_group = caption_group(caption),
                        .style = style,
                        .concept_id = "emoji/" + hex_name(ungendered_sequence(sequence)),
                        .keywords = name->keywords});
  }
}

/// A stamp `X_mirror` is drawn for mirrored use and shares the sentence of `X`.
std::filesystem::path without_mirror(std::filesystem::path picture) {
  constexpr std::string_view kMirror = "_mirror";
  std::string stem = picture.stem().string();
  if (stem.ends_with(kMirror)) stem.resize(stem.size() - kMirror.size());
  return picture.replace_filename(stem);
}

/// Reads Tux Paint's stamps: X.png and the first line of X.txt.
void read_stamps(const std::filesystem::path& folder, std::vector<DemoPicture>& pictures) {
  for (const auto& path : list_asset_pictures(folder)) {
    const std::filesystem::path stamp = without_mirror(path);
    std::filesystem::path text = stamp;
    text += ".txt";
    if (!std::filesystem::is_regular_file(text)) {
      fail(ErrorCode::kUnavailable, "{} is not there: run tools/fetch_assets", text.string());
    }
    const std::string sentences = read_file(text);
    const std::string_view line(sentences.data(), std::min(sentences.find('\n'), sentences.size()));
    const std::string caption = tidy_caption(first_sentence(line));
    if (caption.empty()) continue;
    const auto relative = path.lexically_relative(folder);
    std::vector<std::string> keywords;
    for (const auto& part : relative.parent_path()) {
      keywords.push_back(part.string());
      std::ranges::replace(keywords.back(), '_', ' ');
    }
    auto key = std::filesystem::path("tuxpaint") / relative;
    pictures.push_back({.key = key.replace_extension().generic_string(),
                        .image = std::filesystem::absolute(path),
                        .caption = caption,
                        .caption_group = caption_group(caption),
                        .style = "tuxpaint",
                        .concept_id = "stamp/" + stamp.lexically_relative(folder).generic_string(),
                        .keywords = std::move(keywords)});
  }
}

/// Union-find over names; a set is known by its smallest name.
class NameSets {
 public:
  std::string find(const std::string& name) {
    const auto parent = parents_.try_emplace(name, name).first;
    if (parent->second != name) parent->second = find(parent->second);
    return parent->second;
  }
  void join(const std::string& left, const std::string& right) {
    const auto [low, high] = std::minmax({find(left), find(right)});
    parents_[high] = low;
  }

 private:
  std::map<std::string, std::string> parents_;
};

/// Joins pictures of one emoji or stamp, and pictures of one caption group, into concepts.
void join_concepts(std::vector<DemoPicture>& pictures) {
  NameSets sets;
  const auto group_name = [](const DemoPicture& picture) {
    return "~" + picture.caption_group;  // sorts after every emoji and stamp
  };
  for (const DemoPicture& picture : pictures) sets.join(picture.concept_id, group_name(picture));
  for (DemoPicture& picture : pictures) picture.concept_id = sets.find(picture.concept_id);
}

/// The drawing of a concept to hold out: one whose caption group another style draws too, tanuki's
/// first, then the smallest key. Null if every group has one style only.
const DemoPicture* choose_held_out(const std::vector<const DemoPicture*>& drawings) {
  const DemoPicture* chosen = nullptr;
  for (const DemoPicture* drawing : drawings) {
    const bool elsewhere = std::ranges::any_of(drawings, [&](const DemoPicture* other) {
      return other->style != drawing->style && other->caption_group == drawing->caption_group;
    });
    const auto rank = [](const DemoPicture* picture) {
      return std::pair(picture->style != "tanuki", picture->key);
    };
    if (elsewhere && (chosen == nullptr || rank(drawing) < rank(chosen))) chosen = drawing;
  }
  return chosen;
}

DemoPictures split(const std::vector<DemoPicture>& pictures) {
  std::map<std::string, std::vector<const DemoPicture*>> concepts;
  for (const DemoPicture& picture : pictures) concepts[picture.concept_id].push_back(&picture);
  DemoPictures result;
  for (const auto& [concept_id, drawings] : concepts) {
    const double lot = Random(hash_text(concept_id), "lot").uniform();
    const DemoPicture* held_out = nullptr;
    if (lot >= kUnseenConcepts && lot < kUnseenConcepts + kUnseenDrawings) {
      held_out = choose_held_out(drawings);
    }
    for (const DemoPicture* drawing : drawings) {
      if (lot < kUnseenConcepts) {
        result.unseen_concepts.push_back(*drawing);
      } else if (drawing == held_out) {
        result.unseen_drawings.push_back(*drawing);
      } else if (held_out == nullptr || drawing->style != held_out->style) {
        result.train.push_back(*drawing);
      }
    }
  }
  for (auto* list : {&result.train, &result.unseen_concepts, &result.unseen_drawings}) {
    std::ranges::sort(*list, {}, [](const DemoPicture& picture) {
      return std::pair(hash_text(picture.key), picture.key);
    });
  }
  return result;
}

/// What a list calls its pictures.
enum class ImageIds { kOfGroups, kOwn };

std::string to_jsonl(const std::vector<DemoPicture>& pictures, ImageIds ids) {
  std::string lines;
  for (const DemoPicture& picture : pictures) {
    const nlohmann::ordered_json row = {
        {"image", picture.image.string()},
        {"caption", picture.caption},
        {"image_id", ids == ImageIds::kOwn ? picture.key : picture.caption_group},
        {"key", picture.key},
        {"style", picture.style},
        {"concept", picture.concept_id},
        {"caption_group", picture.caption_group},
        {"keywords", picture.keywords}};
    lines += json_on_one_line(row) + "\n";
  }
  return lines;
}

}  // namespace

DemoPictures read_demo_pictures(const std::filesystem::path& assets) {
  const EmojiNames names(assets / "unicode");
  std::vector<DemoPicture> pictures;
  read_emoji(assets / "pictures" / "tanuki", "tanuki", "emoji_u", names, pictures);
  read_emoji(assets / "pictures" / "gemojione", "gemojione", "", names, pictures);
  read_stamps(assets / "pictures" / "tuxpaint", pictures);
  join_concepts(pictures);
  return split(pictures);
}

void write_demo_pictures(const DemoPictures& pictures, const std::filesystem::path& directory) {
  make_directories(directory);
  write_file_atomic(directory / "train.jsonl", to_jsonl(pictures.train, ImageIds::kOfGroups));
  write_file_atomic(directory / "unseen_concepts.jsonl",
                    to_jsonl(pictures.unseen_concepts, ImageIds::kOwn));
  write_file_atomic(directory / "unseen_drawings.jsonl",
                    to_jsonl(pictures.unseen_drawings, ImageIds::kOwn));
}

}  // namespace blip2
