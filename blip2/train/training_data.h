// The data of a run: the mixture of data sets, the stream of batches, and the image encoder's
// output for each batch, from a cache or from pixels. What a batch is used for is the
// responsibility of the stage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blip2/data/pipeline.h"
#include "blip2/image/prepare.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/feature_cache.h"
#include "blip2/train/records/data_state.h"

namespace blip2 {

class TrainingData {
 public:
  /// Which part of each global batch this process takes.
  struct Share {
    int64_t rank = 0;
    int64_t num_ranks = 1;
  };

  /// Opens the data sets of `config` and computes missing feature caches. `encoder` must outlive
  /// this. Unusable records are written to `skipped_path` (JSON lines: source, record, file, key, reason), one
  /// file for all processes.
  TrainingData(const TrainConfig& config, ImageEncoder& encoder, const ImageTransform& transform,
               std::filesystem::path skipped_path, Share share);
  /// For one process.
  TrainingData(const TrainConfig& config, ImageEncoder& encoder, const ImageTransform& transform,
               std::filesystem::path skipped_path)
      : TrainingData(config, encoder, transform, std::move(skipped_path), Share{}) {}

  /// Makes next() return the batch at `position` of the run.
  void seek(const DataPosition& position);
  Batch next();
  /// How the run divides its epochs.
  EpochShape shape() const;
  /// What the data sets list, by name; goes through the lists.
  std::vector<DataList> lists() const;

  /// The encoder's raw output for a batch, [B, P, Dv] float32; with its graph if it is trained.
  at::Tensor image_embeds(const Batch& batch) const;

 private:
  /// A data set as its pictures need it.
  struct Part {
    DatasetConfig config;
    ImageTransform transform;
    ViewOptions view;
    std::optional<FeatureCache> cache;
  };

  void open_part(const std::string& name, const DatasetConfig& config,
                 std::vector<MixturePart>& mixture);
  void load(Sample& sample) const;
  void note_skipped(const SkippedRecord& record);
  at::Tensor encode(const Batch& batch, const std::vector<size_t>& samples) const;

  RunConfig run_;
  bool is_encoder_trained_ = false;
  Activations activations_ = Activations::kKept;  // of an encoder that is trained
  Share share_;
  ImageEncoder& encoder_;
  Arithmetic arithmetic_ = Arithmetic::kFloat32;  // of the encoder
  ImageTransform transform_;
  std::filesystem::path skipped_path_;
  std::set<std::string> known_skipped_;
  std::vector<Part> parts_;
  std::unique_ptr<Mixture> mixture_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace blip2
