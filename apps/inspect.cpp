// blip2 inspect: prints what a model directory holds, and which tensors are missing, unused,
// misshapen or, if asked for, not finite.
#include "blip2/models/directory/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

constexpr double kMebibyte = 1024.0 * 1024.0;

bool is_sound(const Inspection& model) {
  return model.missing.empty() && model.unused.empty() && model.misshapen.empty() &&
         model.mistyped.empty() && model.not_finite.empty();
}

const char* expected_type(const Mistyped& tensor) {
  return tensor.expects_fractions ? "floating-point numbers" : "whole numbers";
}

std::string faults_text(const Inspection& model) {
  std::string text;
  for (const std::string& name : model.missing) text += fmt::format("missing: {}\n", name);
  for (const std::string& name : model.unused) text += fmt::format("unused: {}\n", name);
  for (const Misshapen& tensor : model.misshapen) {
    text += fmt::format("misshapen: {}: expected {}, found {}\n", tensor.name, tensor.expected,
                        tensor.found);
  }
  for (const Mistyped& tensor : model.mistyped) {
    text += fmt::format("stored as other numbers: {}: expected {}, found {}\n", tensor.name,
                        expected_type(tensor), tensor.found);
  }
  for (const NotFinite& tensor : model.not_finite) {
    text += fmt::format("not finite: {}: {}\n", tensor.name, counts_text(tensor));
  }
  if (text.empty()) text = "nothing is missing, unused or misshapen\n";
  if (!model.has_read_values) return text + "values were not read: --check looks for NaN\n";
  return model.not_finite.empty() ? text + "every value is finite\n" : text;
}

std::string to_text(const Inspection& model) {
  std::string text = fmt::format("{}, {} tensors\n", model.kind, model.tensors.size());
  for (const InspectedPart& part : model.parts) {
    text += fmt::format("\n{} ({}), {}: {} parameters\n", part.name, part.family,
                        part.frozen ? "frozen" : "trained", part.parameters);
    for (const auto& [name, value] : part.sizes) text += fmt::format("  {} {}\n", name, value);
  }
  text += fmt::format("\nparameters: {} trained, {} frozen\nmemory of the weights:",
                      model.trained_parameters(), model.frozen_parameters());
  for (const auto& [dtype, bytes] : model.memory_bytes) {
    text += fmt::format(" {} {:.0f} MiB", dtype, static_cast<double>(bytes) / kMebibyte);
  }
  return text + "\n" + faults_text(model);
}

Json to_json(const Inspection& model) {
  Json parts = Json::array();
  for (const InspectedPart& part : model.parts) {
    Json sizes = Json::object();
    for (const auto& [name, value] : part.sizes) sizes[name] = value;
    parts.push_back({{"name", part.name},
                     {"family", part.family},
                     {"trained", !part.frozen},
                     {"parameters", part.parameters},
                     {"shape", sizes}});
  }
  Json misshapen = Json::array();
  for (const Misshapen& tensor : model.misshapen) {
    misshapen.push_back(
        {{"name", tensor.name}, {"expected", tensor.expected}, {"found", tensor.found}});
  }
  Json mistyped = Json::array();
  for (const Mistyped& tensor : model.mistyped) {
    mistyped.push_back(
        {{"name", tensor.name}, {"expected", expected_type(tensor)}, {"found", tensor.found}});
  }
  Json not_finite = Json::array();
  for (const NotFinite& tensor : model.not_finite) {
    not_finite.push_back(
        {{"name", tensor.name}, {"nan", tensor.num_nan}, {"infinite", tensor.num_infinite}});
  }
  return {{"family", model.kind},
          {"parameters",
           {{"trained", model.trained_parameters()}, {"frozen", model.frozen_parameters()}}},
          {"memory_bytes", model.memory_bytes},
          {"tensors", model.tensors.size()},
          {"parts", parts},
          {"missing", model.missing},
          {"unused", model.unused},
          {"misshapen", misshapen},
          {"mistyped", mistyped},
          {"values_read", model.has_read_values},
          {"not_finite", not_finite}};
}

struct Inspect {
  std::string directory;
  bool check = false;
  RowWriter rows;

  void add(Options& options) {
    options.require("DIR", directory, "directory of a model, an image encoder or a language model");
    options.add("--check", check, "read every value, and name the tensors with NaN or infinities");
    rows.add(options);
  }

  int run(const GeneralOptions&) const {
    const Inspection model = inspect_directory(directory, check ? Values::kRead : Values::kUnread);
    std::string text = to_text(model);
    text.pop_back();
    rows.write({json_on_one_line(to_json(model)), text});
    return is_sound(model) ? 0 : 1;
  }
};

}  // namespace

Verb inspect_verb() {
  return make_verb<Inspect>("inspect", "prints the parts, shapes and faults of a model directory");
}

}  // namespace blip2
