// The names of emoji: Unicode's list (emoji-test.txt), and CLDR's English names and keywords
// (annotations/en.xml). No pictures.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

struct EmojiName {
  std::string name;                   ///< CLDR's name for speech synthesis: "grinning face"
  std::vector<std::string> keywords;  ///< in the file's order
};

/// The emoji that show a thing or a scene: all except flags, keycaps, components, and sequences
/// with a skin tone.
class EmojiNames {
 public:
  /// Reads emoji-test.txt, en.xml and en_derived.xml in `unicode_folder`. Throws kUnavailable,
  /// naming tools/fetch_assets, where one is missing, and kCorruptData for a malformed line.
  explicit EmojiNames(const std::filesystem::path& unicode_folder);

  /// The name of a sequence, with or without joiners and variation selectors; or nullptr.
  const EmojiName* find(std::u32string_view sequence) const;

 private:
  std::map<std::u32string, EmojiName> names_;  // by bare_sequence()
};

/// The sequence without joiners (U+200D) and variation selectors (U+FE0F): packages differ in them.
std::u32string bare_sequence(std::u32string_view sequence);

/// Equal for the men's, women's and neutral forms of one emoji: the bare sequence without gender
/// signs and with neutral people. All families are equal, and all couples of a kind.
std::u32string ungendered_sequence(std::u32string_view sequence);

/// Code points from hexadecimal numbers, separated by any of `separators`. Empty for other text.
std::u32string parse_code_points(std::string_view text, std::string_view separators);

}  // namespace blip2
