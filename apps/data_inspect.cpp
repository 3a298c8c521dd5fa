// blip2 data inspect: counts what the data sets of a configuration hold.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/base/progress.h"
#include "blip2/data/inspection.h"
#include "blip2/data/open_source.h"
#include "blip2/train/config/loader.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Json to_json(const std::string& name, const DatasetConfig& dataset,
             const SourceInspection& source) {
  Json samples = Json::array();
  for (const auto& [index, record] : source.samples) {
    samples.push_back({{"record", index},
                       {"key", record.key},
                       {"image", record.image.string()},
                       {"captions", record.captions}});
  }
  return {{"source", name},
          {"format", dataset.format},
          {"records", source.records},
          {"inspected", source.inspected},
          {"missing_pictures", source.missing},
          {"unusable", source.unusable},
          {"first_missing", source.first_missing},
          {"first_unusable", source.first_unusable},
          {"captions", source.captions},
          {"words",
           {{"min", source.words.min},
            {"median", source.words.median},
            {"mean", source.words.mean},
            {"p95", source.words.p95},
            {"max", source.words.max}}},
          {"samples", samples}};
}

std::string example(int64_t count, const std::string& first) {
  return count == 0 ? "0" : fmt::format("{} (the first: {})", count, columns({first}));
}

std::string to_text(const std::string& name, const DatasetConfig& dataset,
                    const SourceInspection& source) {
  std::string text = fmt::format("{} ({})\n  records: {}", name, dataset.format, source.records);
  if (source.inspected < source.records) text += fmt::format(", {} inspected", source.inspected);
  text += fmt::format("\n  missing pictures: {}\n  unusable records: {}\n",
                      example(source.missing, source.first_missing),
                      example(source.unusable, source.first_unusable));
  text += fmt::format("  captions: {}, words: {} to {}, mean {:.1f}, median {}, 95 % at most {}\n",
                      source.captions, source.words.min, source.words.max, source.words.mean,
                      source.words.median, source.words.p95);
  text += "  samples (record, key, picture, captions):\n";
  for (const auto& [index, record] : source.samples) {
    std::vector<std::string> cells = {std::to_string(index), record.key, record.image.string()};
    cells.insert(cells.end(), record.captions.begin(), record.captions.end());
    text += "    " + columns(cells) + "\n";
  }
  text.pop_back();
  return text;
}

struct DataInspect {
  std::string path;
  std::vector<std::string> overrides;
  int64_t records = 0;
  RowWriter rows;

  void add(Options& options) {
    options.require("CONFIG.yaml", path, "configuration whose `datasets` are inspected");
    options.add("--set a.b=VALUE", overrides, "value that replaces the file's; may be repeated");
    options.add("--records N", records,
                "most records to inspect of each source, evenly spread; 0: all", at_least(0));
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    const LoadedTrainConfig loaded(path, overrides);
    int status = 0;
    for (const auto& [name, dataset] : loaded.config().datasets) {
      Row row;
      try {
        row = inspect(name, dataset, general);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted || error.code() == ErrorCode::kInternal) throw;
        rows.write_failure(general, "source", name, error.what());
        status = 3;
        continue;
      }
      rows.write(row);
    }
    return status;
  }

  Row inspect(const std::string& name, const DatasetConfig& dataset,
              const GeneralOptions& general) const {
    const std::unique_ptr<Source> source = open_source(source_config(name, dataset));
    Progress progress(name, records > 0 ? std::min(records, source->size()) : source->size(),
                      "records");
    InspectionOptions options;
    options.max_records = records;
    options.seed = general.seed_or_default();
    options.progress = [&progress](int64_t count) { progress.advance(count); };
    const SourceInspection found = inspect_source(*source, options);
    return {json_on_one_line(to_json(name, dataset, found)), to_text(name, dataset, found)};
  }
};

}  // namespace

Verb data_inspect_verb() {
  return make_verb<DataInspect>(
      "data inspect", "prints counts, caption lengths and samples of a configuration's data sets");
}

}  // namespace blip2
