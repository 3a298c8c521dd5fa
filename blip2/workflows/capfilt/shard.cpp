// Batches through the models into files, with a count for the fate of each record.
#include "blip2/workflows/capfilt/shard.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/json_text.h"
#include "blip2/data/shards/tar_writer.h"
#include "blip2/workflows/capfilt/pictures.h"
#include "blip2/workflows/capfilt/record.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

using Fate = CapFiltPicture::Fate;

/// The files of a shard. They appear at commit(); without it nothing stays.
class ShardFiles {
 public:
  ShardFiles(const CapFiltConfig& config, const CapFiltFolder& folder, const CapFiltShard& shard,
             int64_t number)
      : shard_(shard.name), failures_(folder.failures(number)) {
    const auto writes = [&](const char* format) {
      return std::ranges::find(config.output_formats, format) != config.output_formats.end();
    };
    if (writes("webdataset")) {
      make_directories(folder.tar(shard_).parent_path());
      tar_file_.emplace(folder.tar(shard_));
      tar_.emplace([this](std::string_view bytes) { tar_file_->write(bytes); });
    }
    if (writes("blip_json")) captions_.emplace(folder.captions(number));
  }

  void add(const CapFiltPicture& picture, const CapFiltResult& result) {
    const ShardRecord& record = picture.record;
    std::string image = fs::absolute(record.record.image).lexically_normal().string();
    std::optional<FileRange> stored = record.record.stored;
    if (tar_) {
      const std::string name = record.member + "." + record.extension;
      image = shard_ + "/" + name;
      stored = {shard_, tar_->add(name, picture.bytes), std::ssize(picture.bytes)};
      tar_->add(record.member + ".json",
                sidecar_json(record.fields, record.record.captions, result));
      tar_->add(record.member + ".txt", kept_captions(result).front());
    }
    if (captions_) captions_->write(caption_row(image, stored, result) + "\n");
  }

  void add_failure(const CapFiltPicture& picture) {
    const nlohmann::ordered_json json = {{"shard", shard_},
                                         {"record", picture.index},
                                         {"name", picture.name},
                                         {"error", picture.reason}};
    failures_.write(json_on_one_line(json) + "\n");
  }

  void commit() {
    if (tar_) tar_->finish();
    if (captions_) captions_->commit();
    failures_.commit();
    if (tar_file_) tar_file_->commit();
  }

 private:
  std::string shard_;
  AtomicFile failures_;
  std::optional<AtomicFile> tar_file_, captions_;
  std::optional<TarWriter> tar_;
};

CapFiltInput to_input(const CapFiltPicture& picture) {
  return {picture.record.stream, picture.image, picture.record.record.captions};
}

/// The results of the good pictures of a batch. A picture that the models refuse has none, and
/// fails.
std::vector<std::optional<CapFiltResult>> run_models(const CapFilt& capfilt,
                                                     const std::vector<CapFiltPicture*>& good) {
  std::vector<CapFiltInput> inputs;
  for (const CapFiltPicture* picture : good) inputs.push_back(to_input(*picture));
  std::vector<std::optional<CapFiltResult>> results;
  try {
    for (CapFiltResult& result : capfilt.run(inputs)) results.emplace_back(std::move(result));
    return results;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInterrupted || error.code() == ErrorCode::kInternal) throw;
    if (good.size() == 1) {
      good[0]->fate = Fate::kFailed;
      good[0]->reason = fmt::format("{}: {}", good[0]->name, error.what());
      return {std::nullopt};
    }
  }
  for (CapFiltPicture* picture : good) {  // one by one, to find the picture that is refused
    results.push_back(std::move(run_models(capfilt, {picture}).front()));
  }
  return results;
}

struct Failure {
  std::string name, reason;
};

/// Counts the fates of a shard's records and writes them to its files.
class ShardSums {
 public:
  explicit ShardSums(ShardFiles& files) : files_(files) {}

  void add(CapFiltPicture& picture, const std::optional<CapFiltResult>& result) {
    ++counts.records;
    if (picture.fate == Fate::kOptOut) ++counts.opt_out;
    if (picture.fate == Fate::kDuplicate) ++counts.duplicate;
    if (picture.fate == Fate::kNearDuplicate) ++counts.near_duplicate;
    if (picture.fate == Fate::kFailed) {
      ++counts.failed;
      files_.add_failure(picture);
      failures.push_back({picture.name, picture.reason});
    }
    if (!result) return;
    counts.add(*result);
    if (kept_captions(*result).empty()) {
      ++counts.no_caption;
    } else {
      ++counts.kept;
      files_.add(picture, *result);
    }
  }

  CapFiltCounts counts;
  std::vector<Failure> failures;

 private:
  ShardFiles& files_;
};

void add_batch(std::vector<CapFiltPicture>& batch, const CapFilt& capfilt, ShardSums& sums) {
  std::vector<CapFiltPicture*> good;
  for (CapFiltPicture& picture : batch) {
    if (picture.fate == Fate::kGood) good.push_back(&picture);
  }
  std::vector<std::optional<CapFiltResult>> results;
  if (!good.empty()) results = run_models(capfilt, good);
  auto next = results.begin();
  size_t place = 0;
  for (CapFiltPicture& picture : batch) {
    const bool was_good = place < good.size() && good[place] == &picture;
    sums.add(picture, was_good ? *next++ : std::nullopt);
    if (was_good) ++place;
  }
}

/// A shard that is too damaged to be opened: one record, which fails with the reason.
class DamagedShard final : public ShardRecords {
 public:
  explicit DamagedShard(const Error& error) : error_(error) {}
  int64_t size() const override { return 1; }
  ShardRecord read(int64_t) const override { throw error_; }

 private:
  Error error_;
};

std::unique_ptr<ShardRecords> open_records(const CapFiltInputs& inputs, const CapFiltShard& shard) {
  try {
    return inputs.open(shard);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) throw;
    return std::make_unique<DamagedShard>(error);
  }
}

}  // namespace

bool caption_shard(const ShardWorkshop& workshop, int64_t number) {
  const double started_s = now_s();
  const CapFiltShard& shard = workshop.inputs.shards()[static_cast<size_t>(number)];
  const std::unique_ptr<ShardRecords> records = open_records(workshop.inputs, shard);
  ShardFiles files(workshop.config, workshop.folder, shard, number);
  ShardSums sums(files);
  CapFiltPictures pictures(workshop.config, shard.name, *records);
  for (std::vector<CapFiltPicture> batch; pictures.next(batch);) {
    add_batch(batch, workshop.capfilt, sums);
    workshop.progress(sums.counts.records, records->size());
    throw_if_interrupted();
    if (!workshop.still_ours()) return false;
  }
  if (!sums.counts.add_up() || sums.counts.records != records->size()) {
    fail(ErrorCode::kInternal, "{}: expected counts of {} records, found {}", shard.name,
         records->size(), sums.counts.equation());
  }
  files.commit();
  write_file_atomic(workshop.folder.state(number),
                    to_json({shard.name, sums.counts, now_s() - started_s, workshop.worker}));
  for (const Failure& failure : sums.failures) workshop.failed(failure.name, failure.reason);
  return true;
}

}  // namespace blip2
