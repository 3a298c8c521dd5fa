// summary.json: a shard's state without its name and worker, and the number of shards.
#include "blip2/workflows/capfilt/outcome.h"

#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

void write_outcome(const CapFiltFolder& folder, const CapFiltOutcome& outcome) {
  const ShardState all{"", outcome.counts, outcome.seconds, ""};
  Json json = Json::parse(to_json(all));
  json.erase("shard");
  json.erase("worker");
  json["num_shards"] = outcome.num_shards;
  write_file_atomic(folder.summary(), json_document(json));
}

CapFiltOutcome read_outcome(const CapFiltFolder& folder) {
  const std::string where = folder.summary().string();
  Json json = read_json_object<Json>(folder.summary());
  const int64_t num_shards = OrderedJsonFields(json, where).integer("num_shards");
  json["shard"] = json["worker"] = "";
  const ShardState all = parse_shard_state(json.dump(), where);
  return {num_shards, all.counts, all.seconds};
}

}  // namespace blip2
