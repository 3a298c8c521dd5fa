// Whether a picture's owner has said no: the robots and opt-out fields of a record's JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// Names are compared without case, and "-" equals "_".
struct OptOutRule {
  /// Fields that are looked at, at the top of the object.
  std::vector<std::string> fields = {"robots",    "x_robots_tag", "opt_out",
                                     "optout",    "opted_out",    "noai",
                                     "noimageai", "no_ai",        "do_not_train"};
  /// What a field says where it says no. The first four are those by which img2dataset passes a
  /// picture over.
  std::vector<std::string> directives = {"noai", "noimageai", "noindex", "noimageindex", "none"};
};

/// The field by which the record is out; "" if it is not, and for what is no JSON object. A field
/// says no:
/// - by a text with one of the directives, as in an X-Robots-Tag header ("noai, noindex",
///   "otherbot: noai"; a list of texts likewise), whoever it is addressed to;
/// - with "robots" in its name, by false, 0, "no", "false" or "disallow";
/// - else by true, a number other than 0, "yes", "true" or "1".
std::string opted_out_by(std::string_view json, const OptOutRule& rule);

}  // namespace blip2
