// Lists of texts that a user gives: a file of a text a line, or a list with commas between.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

/// What a list is called in messages: the option that gave it and one of its texts, such as
/// "--labels" and "a label".
struct TextListWords {
  std::string option;
  std::string text;
};

/// The texts of a file, a line each, without the spaces around them; empty lines are skipped.
/// Throws kNotFound, kCorruptData for bytes that are no UTF-8 or control characters, and
/// kInvalidArgument for a text that is named twice.
std::vector<std::string> read_text_list(const std::filesystem::path& file,
                                        const TextListWords& words);

/// The texts between the commas of `list`, without the spaces around them. Throws kInvalidArgument
/// for an empty text or one that is named twice.
std::vector<std::string> split_text_list(const std::string& list, const TextListWords& words);

/// The parts between the commas of `list`, as they are, without the empty ones.
std::vector<std::string> split_names(const std::string& list);

}  // namespace blip2
