// A worker takes shards by leases until all are done; one of the workers then joins the results.
#include "blip2/workflows/capfilt/job.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/log.h"
#include "blip2/base/progress.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/index.h"
#include "blip2/workflows/capfilt/gather.h"
#include "blip2/workflows/capfilt/inputs.h"
#include "blip2/workflows/capfilt/lease.h"
#include "blip2/workflows/capfilt/shard.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kGather = "gather";  // the lease of the job's end

/// The models of a job. A model that plays several parts is loaded once.
class JobModels {
 public:
  JobModels(const CapFiltConfig& config, at::Device device)
      : options_(bundle_options(config.dtype, device)) {
    options_.resize_order = parse_resize_order(config.resize_order);
    models_.captioner = load(config.captioner);
    models_.ranker = load(config.ranker);
    if (!config.matcher.empty()) models_.matcher = load(config.matcher);
  }

  const CapFiltModels& models() const { return models_; }

 private:
  const Bundle* load(const std::string& directory) {
    const fs::path path = fs::weakly_canonical(directory);
    for (const Loaded& known : loaded_) {
      if (known.path == path) return known.bundle.get();
    }
    loaded_.push_back({path, std::make_unique<Bundle>(load_bundle(directory, options_))});
    return loaded_.back().bundle.get();
  }

  struct Loaded {
    fs::path path;
    std::unique_ptr<Bundle> bundle;
  };
  BundleOptions options_;
  std::vector<Loaded> loaded_;
  CapFiltModels models_;
};

CapFiltFolder::Job describe_job(const LoadedCapFiltConfig& loaded, const CapFiltInputs& inputs) {
  const CapFiltConfig& config = loaded.config();
  CapFiltFolder::Job job;
  job.num_shards = std::ssize(inputs.shards());
  job.lease_s = config.lease_s;
  job.config_yaml = loaded.to_yaml();
  job.identity = result_options(config);
  job.identity.emplace_back("captioner", model_fingerprint(config.captioner));
  job.identity.emplace_back("ranker", model_fingerprint(config.ranker));
  job.identity.emplace_back("matcher",
                            config.matcher.empty() ? "none" : model_fingerprint(config.matcher));
  job.identity.emplace_back("num_shards", std::to_string(job.num_shards));
  job.identity.emplace_back("inputs", inputs.fingerprint());
  return job;
}

/// This worker's part in a job.
class Worker {
 public:
  Worker(const LoadedCapFiltConfig& config, const CapFiltInputs& inputs, const CapFilt& capfilt,
         SharedCounter& counter)
      : config_(config.config()),
        inputs_(inputs),
        capfilt_(capfilt),
        counter_(counter),
        folder_(config_.output),
        leases_(folder_.leases(), config_.lease_s),
        is_done_(inputs.shards().size(), false),
        progress_("captions", std::ssize(inputs.shards()), "shards", count_done()) {}

  void run(const std::function<void(const std::string&, const std::string&)>& failed) {
    failed_ = failed;
    for (int64_t shard = counter_.next(); shard < num_shards(); shard = counter_.next()) {
      try_shard(shard);
    }
    // Shards that other workers held, and may have lost since.
    for (int64_t left = try_all(); left > 0; left = try_all()) {
      progress_.set_note(fmt::format("other workers hold {} shards", left));
      progress_.advance(0);
      pause();
    }
    progress_.finish();
  }

  CapFiltOutcome finish() {
    std::error_code error;
    while (!fs::exists(folder_.summary(), error)) {
      const std::optional<int64_t> generation = leases_.take(kGather);
      if (!generation) {
        pause();
        continue;
      }
      const HeldLease lease(leases_, kGather, *generation, config_.lease_s / 4);
      if (fs::exists(folder_.summary(), error)) break;
      folder_.remove_all_leavings();
      const bool has_captions =
          std::ranges::find(config_.output_formats, "blip_json") != config_.output_formats.end();
      gather_capfilt(folder_, num_shards(), has_captions);
    }
    folder_.remove_leases();
    return read_outcome(folder_);
  }

 private:
  int64_t num_shards() const { return std::ssize(is_done_); }

  int64_t count_done() {
    for (int64_t shard = 0; shard < num_shards(); ++shard) look_at(shard);
    return std::ranges::count(is_done_, true);
  }

  /// Whether a shard is done, by this worker or another.
  bool look_at(int64_t shard) {
    const auto place = static_cast<size_t>(shard);
    if (!is_done_[place]) is_done_[place] = folder_.is_done(shard);
    return is_done_[place];
  }

  /// Tries every shard that is not done; returns how many are left.
  int64_t try_all() {
    int64_t left = 0;
    for (int64_t shard = 0; shard < num_shards(); ++shard) {
      const bool was_done = is_done_[static_cast<size_t>(shard)];
      if (!was_done && !try_shard(shard)) ++left;
    }
    return left;
  }

  /// Captions the shard unless it is done or another's. True where it is done now.
  bool try_shard(int64_t shard) {
    throw_if_interrupted();
    if (is_done_[static_cast<size_t>(shard)]) return true;
    const std::string id = CapFiltFolder::shard_id(shard);
    if (!look_at(shard)) {
      const std::optional<int64_t> generation = leases_.take(id);
      if (!generation) return false;
      const HeldLease lease(leases_, id, *generation, config_.lease_s / 4);
      // Another worker may have finished it before this one took the lease.
      if (!look_at(shard) && !work_on(shard, *generation, lease)) return false;
    }
    is_done_[static_cast<size_t>(shard)] = true;
    progress_.advance();
    return true;
  }

  bool work_on(int64_t shard, int64_t generation, const HeldLease& lease) {
    const std::string& name = inputs_.shards()[static_cast<size_t>(shard)].name;
    if (generation > 1) {
      log_info("{}: its worker is gone: starting it again", name);
      folder_.remove_leavings(shard, name);
    }
    const auto still_ours = [&lease] { return lease.holds(); };
    const auto note = [&](int64_t done, int64_t total) {
      progress_.set_note(fmt::format("{} of {} records of {}", done, total, name));
      progress_.advance(0);
    };
    try {
      const ShardWorkshop workshop{config_,    inputs_, capfilt_, folder_, leases_.worker().text(),
                                   still_ours, note,    failed_};
      if (caption_shard(workshop, shard)) return true;
    } catch (const Error& error) {  // another worker may have removed this one's files
      if (error.code() == ErrorCode::kInterrupted || still_ours()) throw;
    }
    log_warning("{}: its lease has expired, and another worker has taken it", name);
    return false;
  }

  void pause() const {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(0.5, config_.lease_s / 8)));
    throw_if_interrupted();
  }

  const CapFiltConfig& config_;
  const CapFiltInputs& inputs_;
  const CapFilt& capfilt_;
  SharedCounter& counter_;
  CapFiltFolder folder_;
  LeaseFolder leases_;
  std::vector<bool> is_done_;
  Progress progress_;
  std::function<void(const std::string&, const std::string&)> failed_;
};

}  // namespace

CapFiltOutcome run_capfilt(
    LoadedCapFiltConfig& config, at::Device device, SharedCounter& counter,
    const std::function<void(const std::string& name, const std::string& reason)>& failed) {
  const CapFiltInputs inputs(config.config());
  const JobModels models(config.config(), device);
  CapFiltOptions defaults;
  defaults.generation = default_capfilt_generation(*models.models().captioner);
  defaults.prompt = default_capfilt_prompt(*models.models().captioner);
  const CapFiltOptions options = config.resolve(defaults);
  const CapFiltFolder folder(config.config().output);
  const CapFilt capfilt(models.models(), options);
  folder.join(describe_job(config, inputs));
  Worker worker(config, inputs, capfilt, counter);
  worker.run(failed);
  return worker.finish();
}

}  // namespace blip2
