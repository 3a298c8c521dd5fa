// From records to pixels in worker threads (load), and from pixels or caches to features (encode).
#include "blip2/train/training_data.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/data/caption_cleaning.h"
#include "blip2/data/image_bytes.h"
#include "blip2/data/open_source.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/module.h"
#include "blip2/nn/pixel_batch.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;
namespace {

/// The random stream of a cached view. It goes by the record's number, as the cache does: names may
/// be the same, or change with a folder's place.
Random view_random(uint64_t seed, RecordView view) {
  return Random(seed, "view", static_cast<uint64_t>(view.record), static_cast<uint64_t>(view.view));
}

/// Reads and transforms `picture`, which is a Record or a Sample.
std::vector<float> pixels_of(const auto& picture, const ImageTransform& transform,
                             const ViewOptions& view, Random& random) {
  const ImageBytes file(picture.image, picture.stored);
  return prepare_view(file.bytes(), picture.image.string(), transform, view, random);
}

/// What decides the views of a feature cache.
std::string view_description(const DatasetConfig& config, uint64_t seed) {
  std::string text = fmt::format("{}, seed {}, resize_order {}", config.augment,
                                 config.augment == "none" ? 0 : seed, config.resize_order);
  if (config.exif_rotate) text += ", exif_rotate";
  if (config.max_image_pixels != DatasetConfig{}.max_image_pixels) {
    text += fmt::format(", max_image_pixels {}", config.max_image_pixels);
  }
  return text;
}

std::string on_one_line(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// The rows of a file without their reasons: what names a record.
std::set<std::string> read_skipped(const fs::path& path) {
  std::set<std::string> known;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) continue;
    row.erase("reason");
    known.insert(on_one_line(row));
  }
  return known;
}

}  // namespace

TrainingData::TrainingData(const TrainConfig& config, ImageEncoder& encoder,
                           const ImageTransform& transform, fs::path skipped_path, Share share)
    : run_(config.run),
      is_encoder_trained_(!config.model.freeze_vit),
      activations_(config.model.use_grad_checkpoint ? Activations::kRecomputed
                                                    : Activations::kKept),
      share_(share),
      encoder_(encoder),
      transform_(transform),
      skipped_path_(std::move(skipped_path)),
      known_skipped_(read_skipped(skipped_path_)) {
  const at::Device device = encoder_.tensors().front().tensor->device();
  arithmetic_ = is_encoder_trained_ ? arithmetic(run_.amp, device) : run_.frozen_arithmetic(device);
  std::vector<MixturePart> mixture;
  for (const auto& [name, dataset] : config.datasets) open_part(name, dataset, mixture);
  mixture_ = std::make_unique<Mixture>(std::move(mixture));
  if (shape().batches_per_epoch() == 0) {
    fail(ErrorCode::kInvalidArgument,
         "run.batch_size_train: expected at most the {} samples of an epoch over the {} ranks, "
         "found {}",
         mixture_->epoch_size(), share_.num_ranks, run_.batch_size_train);
  }
}

void TrainingData::open_part(const std::string& name, const DatasetConfig& config,
                             std::vector<MixturePart>& mixture) {
  std::unique_ptr<Source> source = open_source(source_config(name, config));
  if (config.image_size != transform_.image_size) {
    fail(ErrorCode::kInvalidArgument, "datasets.{}.image_size: expected the encoder's {}, found {}",
         name, transform_.image_size, config.image_size);
  }
  Part& part = parts_.emplace_back();
  part.config = config;
  part.transform = transform_;
  part.transform.resize_order = parse_resize_order(config.resize_order);
  part.view.augmentation = parse_augmentation(config.augment);
  part.view.decode.max_pixels = config.max_image_pixels;
  part.view.decode.exif_rotate = config.exif_rotate;
  if (!config.feature_cache.empty()) {
    const uint64_t seed = static_cast<uint64_t>(run_.seed);
    const ViewFunction view = [&](const Record& record, RecordView wanted) {
      Random random = view_random(seed, wanted);
      ViewOptions options = part.view;
      if (wanted.view == 0) options.augmentation = Augmentation::kNone;
      return pixels_of(record, part.transform, options, random);
    };
    FeatureCacheConfig cache;
    cache.directory = config.feature_cache;
    cache.num_views = config.views;
    cache.image_size = config.image_size;
    cache.max_gigabytes = config.feature_cache_gb;
    cache.views = view_description(config, seed);
    part.cache.emplace(cache, *source, encoder_, view);
  }
  mixture.push_back({name, std::move(source), config.sample_ratio});
}

EpochShape TrainingData::shape() const {
  return {.places = mixture_->epoch_size(),
          .is_sharded = mixture_->is_sharded(),
          .batch_size = run_.batch_size_train,
          .num_ranks = share_.num_ranks};
}

std::vector<DataList> TrainingData::lists() const {
  std::vector<DataList> lists;
  for (int64_t part = 0; part < mixture_->num_parts(); ++part) {
    lists.push_back({mixture_->name(part), fingerprint(mixture_->source(part))});
  }
  return lists;
}

void TrainingData::seek(const DataPosition& position) {
  PipelineConfig config;
  config.seed = static_cast<uint64_t>(run_.seed);
  config.batch_size = run_.batch_size_train;
  config.shuffle = run_.shuffle;
  config.num_workers = static_cast<int>(run_.num_workers);
  config.max_skipped_fraction = run_.max_skipped_fraction;
  if (run_.clean_captions) {
    config.clean_caption = [](const std::string& caption) { return clean_caption(caption); };
    config.clean_question = [](const std::string& question) { return clean_question(question); };
  }
  config.needs_question = task_of(run_) == TrainTask::kVqa;
  config.rank = share_.rank;
  config.num_ranks = share_.num_ranks;
  for (const Part& part : parts_) config.num_views = std::max(config.num_views, part.config.views);
  pipeline_.reset();
  pipeline_ = std::make_unique<Pipeline>(
      *mixture_, config, [this](Sample& sample) { load(sample); },
      [this](const SkippedRecord& record) { note_skipped(record); }, position);
}

Batch TrainingData::next() {
  BLIP2_CHECK(pipeline_ != nullptr);
  const double asked_s = now_s();
  Batch batch = pipeline_->next();
  batch.waited_s = now_s() - asked_s;
  return batch;
}

void TrainingData::load(Sample& sample) const {
  const Part& part = parts_[static_cast<size_t>(sample.address.part)];
  if (part.cache) {
    part.cache->check(sample.address.index);
    return;
  }
  sample.pixels = pixels_of(sample, part.transform, part.view, sample.augmentation);
}

void TrainingData::note_skipped(const SkippedRecord& record) {
  // Another rank may have recorded it already.
  if (share_.num_ranks > 1) known_skipped_.merge(read_skipped(skipped_path_));
  Json row = {{"source", record.source}, {"record", record.address.index}, {"key", record.key}};
  if (!record.listed_in.empty()) row["file"] = record.listed_in;
  if (!known_skipped_.insert(on_one_line(row)).second) return;
  log_warning("skipped {} of {}: {}", record.key, record.source, record.reason);
  row["reason"] = record.reason;
  std::ofstream file(skipped_path_, std::ios::app);
  file << on_one_line(row) << "\n" << std::flush;
  if (!file) {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", skipped_path_.string(),
         std::strerror(errno));
  }
}

at::Tensor TrainingData::encode(const Batch& batch, const std::vector<size_t>& samples) const {
  std::vector<std::span<const float>> pictures;
  for (const size_t i : samples) pictures.emplace_back(batch.samples[i].pixels);
  const at::Tensor pixels = stack_pixels(pictures, transform_.image_size, transform_.image_size);
  const Autocast autocast(arithmetic_);
  if (is_encoder_trained_) return widened(encoder_.encode_with_graph(pixels, activations_));
  const at::NoGradGuard no_grad;
  return widened(encoder_.encode(pixels));
}

at::Tensor TrainingData::image_embeds(const Batch& batch) const {
  std::vector<at::Tensor> rows(batch.samples.size());
  std::vector<size_t> uncached;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Sample& sample = batch.samples[i];
    const Part& part = parts_[static_cast<size_t>(sample.address.part)];
    if (!part.cache) {
      uncached.push_back(i);
      continue;
    }
    rows[i] = at::empty({part.cache->num_tokens(), part.cache->width()}, at::kFloat);
    part.cache->read(sample.address.index, sample.view % part.cache->num_views(), rows[i]);
  }
  if (uncached.size() == rows.size()) return encode(batch, uncached);
  if (!uncached.empty()) {
    const at::Tensor encoded = encode(batch, uncached);
    for (size_t i = 0; i < uncached.size(); ++i) {
      rows[uncached[i]] = encoded[static_cast<int64_t>(i)];
    }
  }
  return at::stack(rows);
}

}  // namespace blip2
