// What a directory's side files add to a tokenizer's parts: tokens, ids by role, and options. For
// .cpp files of this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "blip2/base/json_fields.h"
#include "blip2/text/tokenizer_parts.h"

namespace blip2 {

/// The directory's side files; those that are missing are empty objects.
struct SideFiles {
  std::shared_ptr<nlohmann::json> config_document, map_document, added_document;
  JsonFields config, special_tokens_map, added_tokens;
  bool has_config;

  explicit SideFiles(const std::filesystem::path& directory);
  SideFiles(const SideFiles&) = delete;
  SideFiles& operator=(const SideFiles&) = delete;

  /// The tokenizer's class without the "Fast" that means nothing here; "" = not said.
  std::string tokenizer_class() const;
  /// Whether transformers 5 has saved it. That library's classes take tokenizer.json as it is.
  bool is_newer() const;
  /// What a directory without a configuration is taken for.
  void set_default_class(const char* name);
};

/// How many <extra_id_...> T5's class has.
int64_t num_extra_ids(const SideFiles& files);

/// A token that a class has for a role where no file names one.
struct DefaultToken {
  const char* role;
  const char* content;
};

/// What is added to the parts besides what they hold.
struct Completion {
  const SideFiles& files;
  std::span<const std::string> extra_special_tokens;
};

/// Puts it into the frame of `parts`. Throws kCorruptData.
void complete_frame(TokenizerParts& parts, const Completion& with,
                    std::span<const DefaultToken> class_defaults);

}  // namespace blip2
