// What emoji are called: Unicode's list of them (emoji-test.txt) and CLDR's English names and
// keywords (annotations/en.xml). Names only, no pictures.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

struct EmojiName {
  std::string name;                   ///< as CLDR's speech synthesis has it: "grinning face"
  std::vector<std::string> keywords;  ///< in the file's order
};

/// The emoji that show a thing or a scene. Left out: flags, keycaps, components, and everything
/// with a skin tone.
class EmojiNames {
 public:
  /// Reads emoji-test.txt, en.xml and en_derived.xml in `unicode_folder`. Throws kUnavailable,
  /// naming tools/fetch_assets, where one is missing, and kCorruptData for a line that is not as
  /// expected.
  explicit EmojiNames(const std::filesystem::path& unicode_folder);

  /// The name of a sequence (joiners and variation selectors may be there or not), or nullptr.
  const EmojiName* find(std::u32string_view sequence) const;

 private:
  std::map<std::u32string, EmojiName> names_;  // by bare_sequence()
};

/// The sequence without joiners (U+200D) and variation selectors (U+FE0F): packages differ in them.
std::u32string bare_sequence(std::u32string_view sequence);

/// What men's, women's and neutral forms of one emoji share: the bare sequence with a gender sign
/// dropped and people made neutral; all families are one, and all couples of a kind.
std::u32string ungendered_sequence(std::u32string_view sequence);

/// Code points from hexadecimal, parted by any of `separators`. Empty where something else is
/// found.
std::u32string parse_code_points(std::string_view text, std::string_view separators);

}  // namespace blip2
