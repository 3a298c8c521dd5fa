// The tables of known and of hostile globals.
#include "blip2/checkpoint/pickle/pickle_globals.h"

#include <algorithm>
#include <array>
#include <utility>

#include "blip2/checkpoint/dtypes.h"

namespace blip2 {
namespace {

using Kind = PickleGlobalKind;

/// "__builtin__" is how protocol 2 spells "builtins".
constexpr std::array kFunctions = {
    std::pair<std::string_view, Kind>{"collections.OrderedDict", Kind::kDictionary},
    std::pair<std::string_view, Kind>{"__builtin__.dict", Kind::kDictionary},
    std::pair<std::string_view, Kind>{"builtins.dict", Kind::kDictionary},
    std::pair<std::string_view, Kind>{"__builtin__.list", Kind::kSequence},
    std::pair<std::string_view, Kind>{"builtins.list", Kind::kSequence},
    std::pair<std::string_view, Kind>{"__builtin__.tuple", Kind::kSequence},
    std::pair<std::string_view, Kind>{"builtins.tuple", Kind::kSequence},
    std::pair<std::string_view, Kind>{"__builtin__.set", Kind::kSequence},
    std::pair<std::string_view, Kind>{"builtins.set", Kind::kSequence},
    std::pair<std::string_view, Kind>{"torch.Size", Kind::kSequence},
    std::pair<std::string_view, Kind>{"torch.device", Kind::kText},
    std::pair<std::string_view, Kind>{"_codecs.encode", Kind::kText},
    std::pair<std::string_view, Kind>{"torch._utils._rebuild_tensor", Kind::kRebuildTensor},
    std::pair<std::string_view, Kind>{"torch._utils._rebuild_tensor_v2", Kind::kRebuildTensor},
    std::pair<std::string_view, Kind>{"torch._utils._rebuild_tensor_v3", Kind::kRebuildTensorV3},
    std::pair<std::string_view, Kind>{"torch._utils._rebuild_parameter", Kind::kRebuildParameter},
    std::pair<std::string_view, Kind>{"torch._utils._rebuild_parameter_with_state",
                                      Kind::kRebuildParameter},
    std::pair<std::string_view, Kind>{"torch._tensor._rebuild_from_type_v2",
                                      Kind::kRebuildFromType},
};

/// Every global of these modules.
constexpr std::array<std::string_view, 20> kHostileModules = {
    "os",     "posix",      "nt",      "subprocess", "commands", "popen2",  "sys",
    "shutil", "socket",     "pty",     "runpy",      "ctypes",   "code",    "importlib",
    "imp",    "webbrowser", "marshal", "pickle",     "_pickle",  "platform"};

/// Of the module "builtins", "__builtin__" in protocol 2.
constexpr std::array<std::string_view, 9> kHostileBuiltins = {
    "eval", "exec", "execfile", "compile", "__import__", "open", "input", "apply", "breakpoint"};

}  // namespace

std::optional<PickleGlobal> find_pickle_global(std::string_view name) {
  for (const auto& [function, kind] : kFunctions) {
    if (name == function) return PickleGlobal{kind, at::kByte};
  }
  if (name == "torch.storage.UntypedStorage") return PickleGlobal{Kind::kStorage, at::kByte};
  if (!name.starts_with("torch.")) return std::nullopt;
  name.remove_prefix(6);
  for (const DtypeNames& known : dtypes()) {
    if (name == known.name) return PickleGlobal{Kind::kDtype, known.dtype};
  }
  if (name.starts_with("cuda.")) name.remove_prefix(5);
  for (const DtypeNames& known : dtypes()) {
    if (!known.storage.empty() && name == known.storage) {
      return PickleGlobal{Kind::kStorage, known.dtype};
    }
  }
  return std::nullopt;
}

bool is_hostile_pickle_global(std::string_view name) {
  const std::string_view package = name.substr(0, name.find('.'));
  if (std::find(kHostileModules.begin(), kHostileModules.end(), package) != kHostileModules.end()) {
    return true;
  }
  if (package != "builtins" && package != "__builtin__") return false;
  name.remove_prefix(std::min(package.size() + 1, name.size()));
  return std::find(kHostileBuiltins.begin(), kHostileBuiltins.end(), name) !=
         kHostileBuiltins.end();
}

}  // namespace blip2
