// Regular expressions by Oniguruma, with newer tables of character properties. The library is loaded
// when the first expression is compiled, and its names stay its own: it exports a regcomp() that
// other libraries would call instead of libc's.
#include "blip2/text/regex.h"

#include <dlfcn.h>
#include <oniguruma.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/unicode_tables.h"

namespace blip2 {

namespace {

/// The functions and tables of the shared library that are in use.
struct Oniguruma {
  decltype(&onig_initialize) initialize;
  decltype(&onig_unicode_define_user_property) define_user_property;
  decltype(&onig_error_code_to_str) error_code_to_str;
  decltype(&onig_new) compile;
  decltype(&onig_search) search;
  decltype(&onig_free) free;
  decltype(&onig_region_new) region_new;
  decltype(&onig_region_free) region_free;
  OnigEncoding utf8;
  OnigSyntaxType* syntax;
};

/// The library; loaded once. Throws kUnavailable.
const Oniguruma& oniguruma() {
  static const Oniguruma library = [] {
    constexpr const char* kName = "libonig.so.5";
    void* const handle = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      fail(ErrorCode::kUnavailable, "{}: cannot be loaded: {}; install Debian's libonig5", kName,
           dlerror());
    }
    const auto find = [&]<typename T>(const char* name, T*& address) {
      address = reinterpret_cast<T*>(dlsym(handle, name));
      if (address == nullptr) fail(ErrorCode::kUnavailable, "{}: {} is missing", kName, name);
    };
    Oniguruma found{};
    find("onig_initialize", found.initialize);
    find("onig_unicode_define_user_property", found.define_user_property);
    find("onig_error_code_to_str", found.error_code_to_str);
    find("onig_new", found.compile);
    find("onig_search", found.search);
    find("onig_free", found.free);
    find("onig_region_new", found.region_new);
    find("onig_region_free", found.region_free);
    find("OnigEncodingUTF8", found.utf8);
    OnigSyntaxType** syntax = nullptr;
    find("OnigDefaultSyntax", syntax);
    found.syntax = *syntax;
    return found;
  }();
  return library;
}

}  // namespace

struct Regex::Compiled {
  OnigRegex regex = nullptr;
  ~Compiled() {
    if (regex != nullptr) oniguruma().free(regex);
  }
};

namespace {

constexpr size_t kNumCategories = UTF8PROC_CATEGORY_CO + 1;

/// The general categories by utf8proc's numbers; the first letter is the major class.
constexpr std::array<const char*, kNumCategories> kCategoryNames{
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};

/// A property of which the tables hold newer characters, with the categories that it joins. The
/// library takes 20 of them, which leaves out most long names.
struct Property {
  const char* name;
  std::vector<const char*> categories;
};
const std::vector<Property>& newer_properties() {
  static const std::vector<Property> properties{
      {"L", {"Lu", "Ll", "Lt", "Lm", "Lo"}},
      {"Letter", {"Lu", "Ll", "Lt", "Lm", "Lo"}},
      {"LC", {"Lu", "Ll", "Lt"}},
      {"Lu", {"Lu"}},
      {"Ll", {"Ll"}},
      {"Lm", {"Lm"}},
      {"Lo", {"Lo"}},
      {"M", {"Mn", "Mc", "Me"}},
      {"Mn", {"Mn"}},
      {"Mc", {"Mc"}},
      {"N", {"Nd", "Nl", "No"}},
      {"Number", {"Nd", "Nl", "No"}},
      {"Nd", {"Nd"}},
      {"P", {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}},
      {"Punctuation", {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}},
      {"Pd", {"Pd"}},
      {"Po", {"Po"}},
      {"S", {"Sm", "Sc", "Sk", "So"}},
      {"Sm", {"Sm"}},
      {"So", {"So"}}};
  return properties;
}

using Ranges = std::vector<OnigCodePoint>;  // their number, then first and last of each

void add_to_ranges(Ranges& ranges, OnigCodePoint c) {
  if (ranges.size() > 1 && ranges.back() + 1 == c) {
    ranges.back() = c;
    return;
  }
  ranges.push_back(c);
  ranges.push_back(c);
  ++ranges[0];
}

/// The category of every character, as the reference has it.
std::vector<uint8_t> reference_categories() {
  std::vector<uint8_t> categories(0x110000);
  for (char32_t c = 0; c < categories.size(); ++c) {
    categories[c] = static_cast<uint8_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
  }
  for (const auto& row : unicode_tables::kNewCategories) {
    for (char32_t c = row.first; c <= row.last; ++c) {
      categories[c] = static_cast<uint8_t>(row.value);
    }
  }
  return categories;
}

/// Makes the library ready, with the reference's categories in place of its own. Its tables live as
/// long as the program.
void start_library() {
  OnigEncoding encoding = oniguruma().utf8;
  BLIP2_CHECK(oniguruma().initialize(&encoding, 1) == ONIG_NORMAL);
  const std::vector<uint8_t> categories = reference_categories();
  static std::vector<Ranges> kept;
  kept.reserve(newer_properties().size());
  for (const Property& property : newer_properties()) {
    std::array<bool, kNumCategories> wanted{};
    for (size_t i = 0; i < kNumCategories; ++i) {
      wanted[i] = std::any_of(
          property.categories.begin(), property.categories.end(),
          [&](const char* name) { return kCategoryNames[i] == std::string_view(name); });
    }
    Ranges& ranges = kept.emplace_back(Ranges{0});
    for (char32_t c = 0; c < categories.size(); ++c) {
      if (wanted[categories[c]]) add_to_ranges(ranges, c);
    }
    BLIP2_CHECK(oniguruma().define_user_property(property.name, ranges.data()) == ONIG_NORMAL);
  }
}

const OnigUChar* bytes_of(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

std::string message_of(int code, OnigErrorInfo* info) {
  std::array<OnigUChar, ONIG_MAX_ERROR_MESSAGE_LEN> text;
  const int length = info != nullptr ? oniguruma().error_code_to_str(text.data(), code, info)
                                     : oniguruma().error_code_to_str(text.data(), code);
  return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(std::max(length, 0))};
}

}  // namespace

Regex::Regex(const std::string& pattern, const std::string& source) : pattern_(pattern) {
  static std::once_flag started;
  std::call_once(started, start_library);
  if (!is_valid_utf8(pattern)) {
    fail(ErrorCode::kCorruptData, "{}: expected a regular expression in UTF-8, found {}", source,
         quote(pattern));
  }
  auto compiled = std::make_shared<Compiled>();
  OnigErrorInfo info{};
  const int code = oniguruma().compile(&compiled->regex, bytes_of(pattern.data()),
                                       bytes_of(pattern.data() + pattern.size()), ONIG_OPTION_NONE,
                                       oniguruma().utf8, oniguruma().syntax, &info);
  if (code != ONIG_NORMAL) {
    compiled->regex = nullptr;  // freed by the library
    fail(ErrorCode::kUnsupported, "{}: the regular expression {} is refused: {}", source,
         quote(pattern), message_of(code, &info));
  }
  compiled_ = std::move(compiled);
}

std::vector<TextRange> Regex::matches(std::string_view text) const {
  std::vector<TextRange> found;
  const std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region(
      oniguruma().region_new(), [](OnigRegion* r) { oniguruma().region_free(r, 1); });
  const OnigUChar* const begin = bytes_of(text.data());
  const OnigUChar* const end = begin + text.size();
  for (size_t position = 0; position <= text.size();) {
    const int code = oniguruma().search(compiled_->regex, begin, end, begin + position, end,
                                        region.get(), ONIG_OPTION_NONE);
    if (code == ONIG_MISMATCH) break;
    if (code < 0) {
      fail(ErrorCode::kInvalidArgument, "a text of {} bytes: the regular expression {}: {}",
           text.size(), quote(pattern_), message_of(code, nullptr));
    }
    const TextRange match{static_cast<size_t>(region->beg[0]), static_cast<size_t>(region->end[0])};
    if (match.start == match.stop && !found.empty() && found.back().stop == match.stop) {
      if (position == text.size()) break;
      next_code_point(text, position);
      continue;
    }
    found.push_back(match);
    position = match.stop;
  }
  return found;
}

}  // namespace blip2
