// The engine of name tables: pairs of patterns that turn our tensor names into another program's
// and back. The tables themselves belong to the models.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// A pair of patterns of dotted segments. `*` matches one segment, `**` (only at the end) for
/// the rest, one segment or more. What the wildcards of one side capture fills those of the other,
/// in order.
///   {"layers.*.attention.**", "encoder.layer.*.attn.**"}
struct RenameRule {
  std::string ours;
  std::string theirs;
};

/// An ordered list of rules; in either direction the first rule that matches wins. Several of their
/// names may lead to one of ours (old and new layouts): to_theirs() then gives the first rule's.
class NameTable {
 public:
  /// Throws kInvalidArgument for a rule whose sides capture differently, an empty segment, a
  /// misplaced
  /// `**`, or a wildcard that is only part of a segment.
  explicit NameTable(std::vector<RenameRule> rules);

  /// The other program's name, or nothing where no rule matches. Throws kInvalidArgument if that
  /// name would not lead back to `ours` (an earlier rule catches it): such a table is wrong.
  std::optional<std::string> to_theirs(const std::string& ours) const;
  /// Our name, or nothing where no rule matches.
  std::optional<std::string> to_ours(const std::string& theirs) const;

 private:
  std::vector<RenameRule> rules_;
};

/// Whether a dotted name matches a pattern in which `*` matches one segment and `**`, anywhere, for
/// any number of segments, none included: "**.position_ids" fits "position_ids" and
/// "a.b.position_ids".
bool name_matches(std::string_view pattern, std::string_view name);

}  // namespace blip2
