// The demo's pictures with their captions, split into a training set and two held-out sets. No
// picture is decoded here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct DemoPicture {
  std::string key;                    ///< "tanuki/1f40e", "tuxpaint/animals/birds/crow"
  std::filesystem::path image;        ///< absolute
  std::string caption;                ///< lower case, no mark at the end: "a great blue heron"
  std::string caption_group;          ///< equal where captions mean the same (captions.h)
  std::string style;                  ///< "tanuki" (Noto) | "gemojione" (EmojiOne) | "tuxpaint"
  std::string concept_id;             ///< the smallest name of an emoji or stamp in the concept
  std::vector<std::string> keywords;  ///< CLDR's; for Tux Paint, the names of the folders
};

/// A concept is a set of pictures that must not be divided: forms of one emoji that differ in
/// gender, captions that mean the same, a stamp and its mirrored copy, and what these join. A hash
/// of its name assigns each concept to one of three lots, the same on every machine. Each list is
/// in the order of the keys' hashes, so its first pictures are a fair sample.
struct DemoPictures {
  std::vector<DemoPicture> train;
  /// All pictures of a tenth of the concepts, in every style.
  std::vector<DemoPicture> unseen_concepts;
  /// For 15 % of the concepts, where two styles draw the same thing, one drawing a concept
  /// (tanuki's where there is one). Drawings of it in other styles are in `train`; other drawings
  /// of it in the held-out style (another gender) are in no list.
  std::vector<DemoPicture> unseen_drawings;
};

/// Reads the pictures and the Unicode files below the folder of assets, except flags, keycaps and
/// emoji with a skin tone. Throws kUnavailable, naming tools/fetch_assets, for a missing file.
DemoPictures read_demo_pictures(const std::filesystem::path& assets);

/// Writes train.jsonl, unseen_concepts.jsonl and unseen_drawings.jsonl in `directory`, a line a
/// picture: "image", "caption", "image_id", "key", "style", "concept", "caption_group", "keywords".
/// In train.jsonl "image_id" is the caption group, so with run.mask_same_image captions that mean
/// the same are no negatives; in the others it is the key, as each picture is evaluated.
void write_demo_pictures(const DemoPictures& pictures, const std::filesystem::path& directory);

}  // namespace blip2
