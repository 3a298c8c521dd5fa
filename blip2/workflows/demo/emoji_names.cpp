// Reads Unicode's and CLDR's files line by line: programs write them, one entry a line.
#include "blip2/workflows/demo/emoji_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/utf8.h"

namespace blip2 {

namespace {

constexpr char32_t kJoiner = 0x200D;
constexpr char32_t kVariationSelector = 0xFE0F;
constexpr char32_t kFemaleSign = 0x2640;
constexpr char32_t kMaleSign = 0x2642;
constexpr char32_t kPerson = 0x1F9D1;
constexpr char32_t kChild = 0x1F9D2;
constexpr char32_t kHeart = 0x2764;
constexpr char32_t kKissMark = 0x1F48B;

bool is_skin_tone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }

/// Gendered characters and the neutral character of each.
constexpr std::array<std::pair<char32_t, char32_t>, 14> kNeutral = {{
    {0x1F468, kPerson},  // man
    {0x1F469, kPerson},  // woman
    {0x1F466, kChild},   // boy
    {0x1F467, kChild},   // girl
    {0x1F474, 0x1F9D3},  // old man -> older person
    {0x1F475, 0x1F9D3},  // old woman
    {0x1F478, 0x1FAC5},  // princess -> person with crown
    {0x1F934, 0x1FAC5},  // prince
    {0x1F936, 0x1F385},  // Mrs. Claus -> Santa Claus
    {0x1F483, 0x1F57A},  // woman dancing -> man dancing
    {0x1F46C, 0x1F46B},  // men holding hands -> woman and man holding hands
    {0x1F46D, 0x1F46B},  // women holding hands
    {0x1F930, 0x1FAC4},  // pregnant woman -> pregnant person
    {0x1FAC3, 0x1FAC4},  // pregnant man
}};

std::string read_asset(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) {
    fail(ErrorCode::kUnavailable, "{} is not there: run tools/fetch_assets", path.string());
  }
  return read_file(path);
}

/// Calls `use` with each line.
void for_each_text_line(std::string_view text, const auto& use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r"), text.size());
  const size_t end = text.find_last_not_of(" \t\r");
  return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

/// The text between `before` and `after` in a line; empty where either is missing.
std::string_view between(std::string_view line, std::string_view before, std::string_view after) {
  const size_t start = line.find(before);
  if (start == std::string_view::npos) return {};
  const size_t from = start + before.size();
  const size_t end = line.find(after, from);
  return end == std::string_view::npos ? std::string_view{} : line.substr(from, end - from);
}

std::string decode_xml(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string decoded;
  while (!text.empty()) {
    const auto entity = std::ranges::find_if(
        kEntities, [&](const auto& candidate) { return text.starts_with(candidate.first); });
    const bool found = entity != kEntities.end();
    decoded += found ? entity->second : text.front();
    text.remove_prefix(found ? entity->first.size() : 1);
  }
  return decoded;
}

std::vector<std::string> split_keywords(std::string_view text) {
  std::vector<std::string> keywords;
  while (!text.empty()) {
    const size_t end = std::min(text.find('|'), text.size());
    if (!trimmed(text.substr(0, end)).empty()) {
      keywords.emplace_back(trimmed(text.substr(0, end)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return keywords;
}

/// Reads `1F600 ; fully-qualified # <emoji> E1.0 grinning face` and the group lines before it.
std::map<std::u32string, EmojiName> read_emoji_list(const std::filesystem::path& path) {
  std::map<std::u32string, EmojiName> names;
  bool wanted_group = true;
  bool wanted_subgroup = true;
  for_each_text_line(read_asset(path), [&](std::string_view line) {
    if (line.starts_with("# group: ")) {
      wanted_group = line != "# group: Flags" && line != "# group: Component";
    } else if (line.starts_with("# subgroup: ")) {
      wanted_subgroup = line != "# subgroup: keycap";
    }
    if (line.empty() || line.front() == '#' || !wanted_group || !wanted_subgroup) return;
    const std::u32string sequence = parse_code_points(trimmed(line.substr(0, line.find(';'))), " ");
    const std::string_view comment = trimmed(line.substr(std::min(line.find('#'), line.size())));
    const size_t version = comment.find(" E");  // after the emoji itself
    const size_t name =
        comment.find(' ', version == std::string_view::npos ? version : version + 1);
    if (sequence.empty() || name == std::string_view::npos) {
      fail(ErrorCode::kCorruptData,
           "{}: expected \"code points; status # emoji version name\", found \"{}\"", path.string(),
           line);
    }
    if (std::ranges::none_of(sequence, is_skin_tone)) {
      names.try_emplace(
          bare_sequence(sequence),
          EmojiName{.name = std::string(trimmed(comment.substr(name))), .keywords = {}});
    }
  });
  return names;
}

/// Reads `<annotation cp="X">a | b</annotation>` and
/// `<annotation cp="X" type="tts">name</annotation>`.
void read_annotations(const std::filesystem::path& path,
                      std::map<std::u32string, EmojiName>& names) {
  size_t found = 0;
  for_each_text_line(read_asset(path), [&](std::string_view line) {
    const std::string sequence = decode_xml(between(line, "<annotation cp=\"", "\""));
    if (sequence.empty() || !is_valid_utf8(line)) return;
    const auto entry = names.find(bare_sequence(to_code_points(sequence)));
    ++found;
    if (entry == names.end()) return;
    if (line.find("\" type=\"tts\">") != std::string_view::npos) {
      entry->second.name = decode_xml(between(line, "\" type=\"tts\">", "</annotation>"));
    } else {
      entry->second.keywords = split_keywords(decode_xml(between(line, "\">", "</annotation>")));
    }
  });
  if (found == 0) {
    fail(ErrorCode::kCorruptData, "{}: expected <annotation cp=...> lines, found none",
         path.string());
  }
}

}  // namespace

EmojiNames::EmojiNames(const std::filesystem::path& unicode_folder)
    : names_(read_emoji_list(unicode_folder / "emoji-test.txt")) {
  read_annotations(unicode_folder / "en.xml", names_);
  read_annotations(unicode_folder / "en_derived.xml", names_);
}

const EmojiName* EmojiNames::find(std::u32string_view sequence) const {
  const auto entry = names_.find(bare_sequence(sequence));
  return entry == names_.end() ? nullptr : &entry->second;
}

std::u32string bare_sequence(std::u32string_view sequence) {
  std::u32string bare(sequence);
  std::erase_if(bare, [](char32_t c) { return c == kJoiner || c == kVariationSelector; });
  return bare;
}

std::u32string ungendered_sequence(std::u32string_view sequence) {
  std::u32string result = bare_sequence(sequence);
  if (result.size() > 1) {
    std::erase_if(result,
                  [](char32_t c) { return c == kFemaleSign || c == kMaleSign || is_skin_tone(c); });
  }
  for (char32_t& c : result) {
    const auto neutral = std::ranges::find(kNeutral, c, &std::pair<char32_t, char32_t>::first);
    if (neutral != kNeutral.end()) c = neutral->second;
  }
  const auto has = [&](char32_t c) { return result.find(c) != std::u32string::npos; };
  const bool couple = std::ranges::count(result, kPerson) > 1;
  if (couple && has(kKissMark)) return U"\U0001F48F";          // kiss
  if (couple && has(kHeart)) return U"\U0001F491";             // couple with heart
  if (result.size() > 1 && has(kChild)) return U"\U0001F46A";  // family
  if (couple) return U"\U0001F46B";                            // people holding hands
  return result;
}

std::u32string parse_code_points(std::string_view text, std::string_view separators) {
  std::u32string sequence;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    uint32_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + end, value, 16);
    if (error != std::errc{} || rest != text.data() + end || value > 0x10FFFF) return {};
    sequence.push_back(static_cast<char32_t>(value));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sequence;
}

}  // namespace blip2
