// The demo's pictures with their captions, split into what is trained on and two held-out sets.
// From names and files alone: no picture is decoded here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct DemoPicture {
  std::string key;                    ///< "tanuki/1f40e", "tuxpaint/animals/birds/crow"
  std::filesystem::path image;        ///< absolute
  std::string caption;                ///< lower case, no mark at the end: "a great blue heron"
  std::string caption_group;          ///< equal where captions say the same (demo_captions.h)
  std::string style;                  ///< "tanuki" (Noto) | "gemojione" (EmojiOne) | "tuxpaint"
  std::string concept_id;             ///< the smallest name of an emoji or stamp in the concept
  std::vector<std::string> keywords;  ///< CLDR's; for Tux Paint, the names of the folders
};

/// A concept is what must not be divided: forms of one emoji that differ in gender, captions that
/// say the same, a stamp and its mirrored copy, and whatever these join. Each concept falls by a
/// hash of its name, on every machine alike, to one of three lots. Each list is in the order of the
/// keys' hashes, so that its first pictures are a fair sample.
struct DemoPictures {
  std::vector<DemoPicture> train;
  /// A: all pictures of a tenth of the concepts, in every style.
  std::vector<DemoPicture> unseen_concepts;
  /// B: for 15 in 100 of the concepts, where two styles draw the same thing, one style's drawing of
  /// it (tanuki's where there is one), one a concept. The other styles' are in `train`; further
  /// drawings of the concept in the held-out style (another gender) are in no list.
  std::vector<DemoPicture> unseen_drawings;
};

/// Reads the pictures and the Unicode files below the folder of assets. Left out: flags, keycaps,
/// and emoji with a skin tone. Throws kUnavailable, naming tools/fetch_assets, where something is
/// missing.
DemoPictures read_demo_pictures(const std::filesystem::path& assets);

/// Writes train.jsonl, unseen_concepts.jsonl and unseen_drawings.jsonl in `directory`: a line a
/// picture,
/// {"image", "caption", "image_id", "key", "style", "concept", "caption_group", "keywords"}.
/// "image_id" is the caption group, so that run.mask_same_image keeps captions that say the same
/// from being negatives.
void write_demo_pictures(const DemoPictures& pictures, const std::filesystem::path& directory);

}  // namespace blip2
