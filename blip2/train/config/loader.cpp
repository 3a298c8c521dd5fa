// The order of sources: command-line options, `--set`, the file, the recipe, the defaults.
#include "blip2/train/config/loader.h"

#include <utility>

#include "blip2/base/log.h"
#include "blip2/base/text_file.h"
#include "blip2/train/config/checks.h"
#include "blip2/train/config/lavis.h"
#include "blip2/train/config/recipes.h"
#include "blip2/train/config/value_checks.h"

namespace blip2 {
namespace {

/// Completes and checks what the file and the command line gave.
void resolve(const TrainConfig& config, ConfigDocument& document, FileChecks checks) {
  apply_recipe(config, document);
  check_values(config, document);
  if (checks == FileChecks::kNow) check_files(config, document);
  document.check();
}

}  // namespace

LoadedTrainConfig::LoadedTrainConfig(const std::filesystem::path& path,
                                     const std::vector<std::string>& overrides, FileChecks checks,
                                     const std::map<std::string, std::string>& options)
    : document_(config_) {
  const std::string yaml = read_text_file(path);
  std::vector<std::string> warnings;
  if (!read_lavis(yaml, path.string(), document_, warnings)) {
    document_.read_text(yaml, path.string());
  }
  for (const std::string& warning : warnings) log_warning("{}", warning);
  document_.set_file(path.string());
  for (const std::string& assignment : overrides) document_.set(assignment);
  for (const auto& [option, assignment] : options) document_.set(assignment, option);
  resolve(config_, document_, checks);
}

LoadedTrainConfig::LoadedTrainConfig(TrainConfig values, const std::string& source)
    : config_(std::move(values)), document_(config_) {
  document_.read_text(ConfigDocument(config_).to_yaml(), source);
  resolve(config_, document_, FileChecks::kLater);
}

}  // namespace blip2
