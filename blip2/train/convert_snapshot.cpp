// Assembles the run's model, fills it from the snapshot, and saves it.
#include "blip2/train/convert_snapshot.h"

#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/train/optimizer.h"
#include "blip2/train/records/snapshot.h"
#include "blip2/train/run.h"
#include "blip2/train/trained_tensors.h"
#include "blip2/train/weight_average.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

TrainConfig configuration(const RunState& state, const fs::path& snapshot) {
  if (state.config_yaml.empty()) {
    fail(ErrorCode::kUnsupported,
         "{}: expected a snapshot with its configuration, found one of an older version; its run "
         "can still be resumed",
         snapshot.string());
  }
  TrainConfig config;
  ConfigDocument document(config);
  document.read_text(state.config_yaml, snapshot.string());
  document.check();
  return config;
}

}  // namespace

bool is_snapshot(const fs::path& path) { return fs::exists(path / kSnapshotState); }

void convert_snapshot(const fs::path& snapshot, const fs::path& target) {
  const RunState state = verify_snapshot(snapshot);
  const TrainConfig config = configuration(state, snapshot);
  Bundle bundle = assemble(config);
  const std::vector<NamedTensor> parameters = trained_tensors(bundle, config.model);
  AdamW optimizer(parameters, {});
  WeightAverage average(parameters, config.run.average_weights_from);
  SnapshotTensors tensors{parameters, optimizer.state()};
  for (const NamedTensor& mean : average.state()) tensors.optimizer.push_back(mean);
  load_snapshot(snapshot, tensors);
  average.swap(state.step);
  save_bundle(bundle, target);
}

}  // namespace blip2
