// blip2 inspect: prints what a model directory holds, and which tensors are missing, unused or
// misshapen.
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
  return model.missing.empty() && model.unused.empty() && model.misshapen.empty();
}

std::string faults_text(const Inspection& model) {
  std::string text;
  for (const std::string& name : model.missing) text += fmt::format("missing: {}\n", name);
  for (const std::string& name : model.unused) text += fmt::format("unused: {}\n", name);
  for (const Misshapen& tensor : model.misshapen) {
    text += fmt::format("misshapen: {}: expected {}, found {}\n", tensor.name, tensor.expected,
                        tensor.found);
  }
  return text.empty() ? "nothing is missing, unused or misshapen\n" : text;
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
  return {{"family", model.kind},
          {"parameters",
           {{"trained", model.trained_parameters()}, {"frozen", model.frozen_parameters()}}},
          {"memory_bytes", model.memory_bytes},
          {"tensors", model.tensors.size()},
          {"parts", parts},
          {"missing", model.missing},
          {"unused", model.unused},
          {"misshapen", misshapen}};
}

struct Inspect {
  std::string directory;
  RowWriter rows;

  void add(Options& options) {
    options.require("DIR", directory, "directory of a model, an image encoder or a language model");
    rows.add(options);
  }

  int run(const GeneralOptions&) const {
    const Inspection model = inspect_directory(directory);
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
