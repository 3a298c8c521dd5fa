// Rotary positions between config.json and values.
#include "blip2/models/language/rope.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;
using Kind = RopeScaling::Kind;

struct RopeType {
  const char* name;
  Kind kind;
};

constexpr RopeType kTypes[] = {{"default", Kind::kNone},
                               {"linear", Kind::kLinear},
                               {"dynamic", Kind::kDynamic},
                               {"llama3", Kind::kLlama3},
                               {"yarn", Kind::kYarn}};

/// Keys of any type: transformers ignores those that its type does not have.
constexpr std::string_view kScalingKeys[] = {
    "type",     "rope_type",       "rope_theta",       "partial_rotary_factor",
    "factor",   "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
    "mscale",   "mscale_all_dim",  "attention_factor", "beta_fast",
    "truncate", "beta_slow",       "finetuned"};

Kind parse_kind(const ConfigFields& fields) {
  const std::string old_spelling = fields.text("type", fields.text("rope_type", ""));
  const std::string name = fields.text("rope_type", old_spelling);
  if (name != old_spelling)
    fields.fail_at("rope_type", fmt::format("{}, as of type", old_spelling));
  for (const RopeType& type : kTypes) {
    if (name == type.name) return type.kind;
  }
  const std::string where = fields.where(fields.has("rope_type") ? "rope_type" : "type");
  fail(ErrorCode::kUnsupported, "{}: expected default, linear, dynamic, llama3 or yarn, found {}",
       where, name.empty() ? "nothing" : quote(name));
}

/// What YaRN multiplies cosines and sines with where a file does not say it.
double yarn_attention_factor(double factor, double mscale, double mscale_all_dim) {
  const auto scale = [&](double weight) {
    return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
  };
  return mscale > 0 && mscale_all_dim > 0 ? scale(mscale) / scale(mscale_all_dim) : scale(1.0);
}

void parse_yarn(const ConfigFields& fields, RopeScaling& scaling) {
  scaling.attention_factor =
      fields.positive("attention_factor",
                      yarn_attention_factor(scaling.factor, fields.number("mscale", 0, at_least(0)),
                                            fields.number("mscale_all_dim", 0, at_least(0))));
  scaling.beta_fast = fields.positive("beta_fast", scaling.beta_fast);
  scaling.beta_slow = fields.positive("beta_slow", scaling.beta_slow);
  scaling.truncates = fields.flag("truncate", scaling.truncates);
}

RopeScaling parse_scaling(const ConfigFields& fields, int64_t max_position_embeddings) {
  for (const auto& [key, value] : fields.json().items()) {
    const bool is_known =
        std::find(std::begin(kScalingKeys), std::end(kScalingKeys), key) != std::end(kScalingKeys);
    if (is_known || value.is_null()) continue;
    parse_kind(fields);  // a type that is not known is the better reason
    fail(ErrorCode::kUnsupported, "{}: this program does not know the key", fields.where(key));
  }
  RopeScaling scaling;
  scaling.kind = parse_kind(fields);
  if (scaling.kind == Kind::kNone) return scaling;
  const int64_t original = fields.size("original_max_position_embeddings", max_position_embeddings);
  scaling.original_max_position_embeddings =
      scaling.kind == Kind::kDynamic ? max_position_embeddings : original;
  if (scaling.kind == Kind::kYarn && !fields.has("factor")) {
    scaling.factor = static_cast<double>(max_position_embeddings) / static_cast<double>(original);
  } else {
    scaling.factor = fields.number("factor", above(0));
  }
  if (scaling.kind == Kind::kLlama3) {
    scaling.low_freq_factor = fields.number("low_freq_factor", above(0));
    scaling.high_freq_factor = fields.number("high_freq_factor", above(0));
  } else if (scaling.kind == Kind::kYarn) {
    parse_yarn(fields, scaling);
  }
  return scaling;
}

void require_whole_heads(const ConfigFields& fields) {
  if (fields.number("partial_rotary_factor", 1.0) != 1.0) {
    fields.fail_at("partial_rotary_factor", "1: every dimension of a head is rotated");
  }
}

/// The settings of one spelling. `theta` is that of the configuration itself.
Rope parse_object(const ConfigFields& fields, double theta, int64_t max_position_embeddings) {
  require_whole_heads(fields);
  return {fields.positive("rope_theta", theta), parse_scaling(fields, max_position_embeddings)};
}

bool is_said(const ConfigFields& fields, const char* key) {
  return fields.has(key) && !(fields.find(key)->is_object() && fields.find(key)->empty());
}

/// Settings as text, to compare them by.
std::string text_of(const Rope& rope) {
  return fmt::format("{} {}", rope.theta, format_rope_scaling(rope.scaling).dump());
}

}  // namespace

const std::vector<std::string_view>& rope_keys() {
  static const std::vector<std::string_view> keys = {"rope_theta", "rope_scaling",
                                                     "rope_parameters", "partial_rotary_factor"};
  return keys;
}

Rope parse_rope(const ConfigFields& fields, double theta, int64_t max_position_embeddings) {
  require_whole_heads(fields);
  const double own_theta = fields.positive("rope_theta", theta);
  const auto read = [&](const char* key) {
    return parse_object(fields.fields(key), own_theta, max_position_embeddings);
  };
  const bool is_old = is_said(fields, "rope_scaling"), is_new = is_said(fields, "rope_parameters");
  if (!is_old && !is_new) return {own_theta, {}};
  const Rope rope = read(is_old ? "rope_scaling" : "rope_parameters");
  const bool agree = (!is_old || !is_new || text_of(read("rope_parameters")) == text_of(rope)) &&
                     (!fields.has("rope_theta") || rope.theta == own_theta);
  if (!agree) {
    fail(ErrorCode::kCorruptData,
         "{}: rope_theta and rope_scaling say other things than rope_parameters, or than "
         "rope_scaling.rope_theta: expected one of the spellings",
         fields.where());
  }
  return rope;
}

Json format_rope_scaling(const RopeScaling& scaling) {
  if (scaling.kind == Kind::kNone) return nullptr;
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const RopeType& one) { return one.kind == scaling.kind; });
  Json object = {{"rope_type", type->name}, {"factor", scaling.factor}};
  if (scaling.kind == Kind::kLlama3) {
    object["low_freq_factor"] = scaling.low_freq_factor;
    object["high_freq_factor"] = scaling.high_freq_factor;
  } else if (scaling.kind == Kind::kYarn) {
    object["attention_factor"] = scaling.attention_factor;
    object["beta_fast"] = scaling.beta_fast;
    object["beta_slow"] = scaling.beta_slow;
    object["truncate"] = scaling.truncates;
  }
  if (scaling.kind == Kind::kLlama3 || scaling.kind == Kind::kYarn) {
    object["original_max_position_embeddings"] = scaling.original_max_position_embeddings;
  }
  return object;
}

}  // namespace blip2
