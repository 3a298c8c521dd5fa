// Telling what a path is by the files that lie there.
#include "blip2/models/directory/found_directory.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {
using Json = nlohmann::ordered_json;

constexpr std::string_view kCachePrefix = "models--";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// --- Names on the Hub

bool is_hub_word(const std::string& word) {
  return !word.empty() && word != "." && word != ".." &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

/// "X" or "X/Y".
bool is_hub_name(const fs::path& path) {
  const auto num_words = std::distance(path.begin(), path.end());
  return path.is_relative() && (num_words == 1 || num_words == 2) &&
         std::all_of(path.begin(), path.end(),
                     [](const fs::path& word) { return is_hub_word(word.string()); });
}

fs::path hub_cache() {
  if (const char* cache = std::getenv("HF_HUB_CACHE")) return cache;
  if (const char* home = std::getenv("HF_HOME")) return fs::path(home) / "hub";
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "" : home) / ".cache/huggingface/hub";
}

[[noreturn]] void fail_as_hub_name(const fs::path& path) {
  std::string folder(kCachePrefix);
  for (const fs::path& word : path) {
    folder += (folder == kCachePrefix ? "" : "--") + word.string();
  }
  const fs::path cached = hub_cache() / folder;
  if (is_there(cached)) {
    fail(ErrorCode::kNotFound,
         "{}: no such file or directory. This program takes a path; the model of that name on the "
         "Hugging Face Hub lies in {}",
         path.string(), cached.string());
  }
  fail(ErrorCode::kNotFound,
       "{}: no such file or directory. If it is a name on the Hugging Face Hub, download it first: "
       "hf download {} --local-dir DIR",
       path.string(), path.string());
}

// --- Caches of the Hub

std::string first_line(const fs::path& path) {
  std::string text = is_there(path) ? read_file(path) : "";
  text.resize(std::min(text.find_first_of(" \t\r\n"), text.size()));
  return text;
}

fs::path newest_snapshot(const fs::path& cache) {
  const fs::path snapshots = cache / "snapshots";
  const std::string main = first_line(cache / "refs/main");
  if (is_hub_word(main) && is_folder(snapshots / main)) return snapshots / main;
  fs::path newest;
  fs::file_time_type newest_time = fs::file_time_type::min();
  for (const fs::directory_entry& entry : fs::directory_iterator(snapshots)) {
    std::error_code error;
    const fs::file_time_type time = fs::last_write_time(entry.path(), error);
    if (error || !is_folder(entry.path())) continue;
    if (newest.empty() || time > newest_time || (time == newest_time && entry.path() > newest)) {
      newest = entry.path();
      newest_time = time;
    }
  }
  if (newest.empty()) {
    fail(ErrorCode::kNotFound, "{}: a cache of the Hugging Face Hub without a snapshot",
         cache.string());
  }
  return newest;
}

/// Fails for the folder that holds the caches of many models.
void refuse_hub_folder(const fs::path& path) {
  std::string first;
  size_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kCachePrefix)) continue;
    ++count;
    if (first.empty() || name < first) first = name;
  }
  if (count == 0) return;
  fail(
      ErrorCode::kUnsupported,
      "{}: a cache of the Hugging Face Hub with {} models, not one model: give one of its folders, "
      "such as {}",
      path.string(), count, (path / first).string());
}

// --- Other things than models

[[noreturn]] void refuse_adapter(const fs::path& path) {
  const fs::path file = path / "adapter_config.json";
  const Json config = is_there(file) ? Json::parse(read_file(file), nullptr, false) : Json();
  const auto word = [&](const char* key) {
    const bool is_said = config.is_object() && config.contains(key) && config[key].is_string();
    return is_said ? config[key].get<std::string>() : "";
  };
  const std::string type = word("peft_type"), base = word("base_model_name_or_path");
  fail(ErrorCode::kUnsupported,
       "{}: a PEFT adapter{} of {}, not a whole model: merge it into that model with PEFT "
       "(merge_and_unload(), then save_pretrained()), and give the result",
       path.string(), type.empty() ? "" : " (" + printable(type) + ")",
       base.empty() ? "an unnamed model" : printable(base));
}

/// A file by which a directory without a config.json is known.
struct Telltale {
  const char* file;
  const char* what;
};

constexpr Telltale kTelltales[] = {
    {"model_index.json",
     "a pipeline of diffusers, not a model: give the folder of one of its parts"},
    {"open_clip_config.json", "a model of open_clip: convert it to a CLIPModel of transformers"},
    {"modules.json", "a model of sentence-transformers: give the folder of its transformer"},
    {"params.json", "a checkpoint in Meta's layout: convert it to Hugging Face's"},
    {"pytorch_model.bin.index.json", "weights without their config.json"},
    {"model.safetensors.index.json", "weights without their config.json"},
    {"model.safetensors", "weights without their config.json"},
    {"pytorch_model.bin", "weights without their config.json"}};

void refuse_other(const fs::path& path) {
  for (const char* file :
       {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}) {
    if (is_there(path / file)) refuse_adapter(path);
  }
  if (is_there(path / "config.json")) return;
  for (const Telltale& telltale : kTelltales) {
    if (!is_there(path / telltale.file)) continue;
    fail(ErrorCode::kUnsupported, "{}: expected config.json, found {}: {}", path.string(),
         telltale.file, telltale.what);
  }
  refuse_hub_folder(path);
}

// --- Quantised checkpoints

/// What a `quantization_config` says: "bitsandbytes (8 bits)"; "" where it quantises nothing.
std::string quantiser(const Json& config) {
  const auto has = [&](const char* key) { return config.value(key, Json(false)) == true; };
  if (!config.is_object()) return "a program that is not named";
  const Json method = config.value("quant_method", Json());
  std::string name = method.is_string() ? method.get<std::string>() : "";
  if (config.contains("load_in_8bit") || config.contains("load_in_4bit")) {
    if (!has("load_in_8bit") && !has("load_in_4bit")) return "";
    return has("load_in_8bit") ? "bitsandbytes (8 bits)" : "bitsandbytes (4 bits)";
  }
  if (name.empty()) return config.empty() ? "" : "a program that is not named";
  if (name == "gptq" || name == "awq") {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
  const Json bits = config.value("bits", Json());
  return bits.is_number_integer() ? fmt::format("{} ({} bits)", printable(name), bits.dump())
                                  : printable(name);
}

[[noreturn]] void fail_as_quantised(const std::string& where, const std::string& by) {
  fail(
      ErrorCode::kUnsupported,
      "{}: expected floating-point weights, found a checkpoint that is quantised by {}: load it in "
      "transformers, call dequantize(), save it, and give the result",
      where, by);
}

void refuse_quantised_config(const ConfigFields& fields) {
  const Json* config = fields.find("quantization_config");
  if (config == nullptr) return;
  const std::string by = quantiser(*config);
  if (!by.empty()) fail_as_quantised(fields.where("quantization_config"), by);
}

/// What quantised tensors are called beside the ones that they stand for.
struct QuantisedName {
  std::string_view part;
  const char* by;
};

constexpr QuantisedName kQuantisedNames[] = {{".SCB", "bitsandbytes (8 bits)"},
                                             {".quant_state.bitsandbytes", "bitsandbytes (4 bits)"},
                                             {".g_idx", "GPTQ"},
                                             {".qweight", "AWQ or GPTQ"},
                                             {".weight_packed", "compressed-tensors"},
                                             {".weight_scale_inv", "an FP8 quantiser"}};

}  // namespace

fs::path model_directory(const fs::path& path) {
  if (!is_there(path)) {
    if (is_hub_name(path)) fail_as_hub_name(path);
    return path;
  }
  if (!is_folder(path)) return path;
  if (!is_there(path / "config.json") && is_folder(path / "snapshots")) {
    return model_directory(newest_snapshot(path));
  }
  refuse_other(path);
  return path;
}

void refuse_quantised(const ConfigFields& config) {
  refuse_quantised_config(config);
  for (const char* part : {"text_config", "vision_config", "qformer_config"}) {
    if (!config.has(part) || !config.find(part)->is_object()) continue;
    refuse_quantised_config(config.fields(part));
  }
}

void refuse_quantised(const TensorSource& weights) {
  for (const QuantisedName& known : kQuantisedNames) {
    for (const TensorInfo& info : weights.infos()) {
      if (info.name.find(known.part) == std::string::npos) continue;
      fail_as_quantised(fmt::format("{}: {}", weights.describe(), quote(info.name)), known.by);
    }
  }
}

}  // namespace blip2
