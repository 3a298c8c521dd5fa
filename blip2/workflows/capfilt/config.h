// The configuration of a CapFilt job, from `blip2 capfilt CONFIG.yaml` and the command line. It
// holds and checks the values; other files use them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/config.h"
#include "blip2/data/shards/opt_out.h"
#include "blip2/generate/options.h"
#include "blip2/image/decode.h"
#include "blip2/image/resize.h"
#include "blip2/tasks/capfilt.h"

namespace blip2 {

struct CapFiltConfig {
  std::string captioner, ranker, matcher;
  std::vector<std::string> shards;
  std::string input_format = "auto";
  std::string images;
  std::vector<std::string> split;
  std::string img_key, caption_key, separator;
  std::string output;
  std::vector<std::string> output_formats = {"webdataset", "blip_json"};
  std::string report;
  std::optional<std::string> prompt;
  int64_t num_kept = 2;
  bool keep_original = false;
  bool clean_web_captions = true;
  std::optional<double> min_similarity;
  std::optional<double> min_match_probability;
  bool remove_duplicates = true;
  bool dedup = false;
  int64_t dedup_distance = 4;
  OptOutRule opt_out;
  int64_t batch_size = 8;
  int64_t records_per_shard = 10'000;
  double lease_s = 120;
  bool exif_rotate = false;
  int64_t max_image_pixels = 89'478'485;
  std::string resize_order = resize_order_names().front();
  int64_t max_image_bytes = 100'000'000;
  int64_t seed = 42;
  std::string dtype = "float32";
  GenerationOptions generation;  ///< before resolve(), only what the user gave has meaning
};

/// How the job's pictures are decoded.
inline DecodeOptions decode_options(const CapFiltConfig& config) {
  return {.max_pixels = config.max_image_pixels, .exif_rotate = config.exif_rotate};
}

/// "auto", and every format of data.
std::vector<std::string> capfilt_input_formats();

template <typename V>
void visit(CapFiltConfig& c, V&& v) {
  v("captioner", c.captioner, "directory of the model that writes captions");
  v("ranker", c.ranker, "directory of the model whose image-text similarity ranks them");
  v("matcher", c.matcher, "directory of a model with a matching head, for min_match_probability");
  v("shards", c.shards, "inputs to caption: .tar shards, folders, annotation files");
  v("input_format", c.input_format, "format of the inputs; auto: by their names and contents",
    one_of(capfilt_input_formats()));
  v("images", c.images, "folder that picture paths start from [the annotations' folder]");
  v("split", c.split, "coco_karpathy: train, restval, val or test; may be repeated");
  v("img_key", c.img_key, "field or column that names the picture [the format's own]");
  v("caption_key", c.caption_key, "field or column of the caption [the format's own]");
  v("separator", c.separator, "csv: what is between two columns [as in the file's first line]");
  v("output", c.output, "folder of the job, for shards, captions.json and its state");
  v("output_formats", c.output_formats,
    "format to write, webdataset or blip_json; may be repeated");
  v("report", c.report, "page to write at the end, with examples and counts");
  v("prompt", c.prompt, "text that each caption continues [the captioner's own]");
  v("num_kept", c.num_kept, "captions to keep for each picture, best first", at_least(1));
  v("keep_original", c.keep_original, "keep the web caption whatever its rank");
  v("clean_web_captions", c.clean_web_captions,
    "clean web captions as for training before they are ranked");
  v("min_similarity", c.min_similarity, "least cosine, by the ranker, of a caption that is kept",
    between(-1, 1));
  v("min_match_probability", c.min_match_probability,
    "least probability, by the matcher, of a caption that is kept", between(0, 1));
  v("remove_duplicates", c.remove_duplicates,
    "keep only the best of captions that are equal when cleaned for training");
  v("dedup", c.dedup, "keep only the first of nearly equal pictures in a shard");
  v("dedup_distance", c.dedup_distance,
    "most bits, of 64, in which hashes of nearly equal pictures differ", between(0, 16));
  v("opt_out_fields", c.opt_out.fields,
    "field of a record's JSON by which its owner opts out; may be repeated");
  v("opt_out_directives", c.opt_out.directives,
    "value of such a field that opts out; may be repeated");
  v("batch_size", c.batch_size, "pictures in a batch", between(1, 65536));
  v("records_per_shard", c.records_per_shard,
    "records in an output shard, for inputs without shards", at_least(1));
  v("lease_s", c.lease_s, "seconds without a sign of life after which a worker loses its shard",
    at_least(1));
  v("exif_rotate", c.exif_rotate, "rotate pictures by the EXIF orientation in their file");
  v("max_image_pixels", c.max_image_pixels, "most pixels of a picture; larger ones fail",
    at_least(1));
  v("resize_order", c.resize_order, "passes of a resize in the order of this version of Pillow",
    one_of(resize_order_names()));
  v("max_image_bytes", c.max_image_bytes, "most bytes of a picture file; larger ones fail",
    at_least(1));
  v("seed", c.seed, "seed of every random choice", at_least(0));
  v("dtype", c.dtype, "arithmetic of the models, as --dtype",
    one_of({"float32", "bfloat16", "auto"}));
  v.group("generation", c.generation, "generation of captions [the method's own]");
}

/// A value from the command line: "num_kept", "3", and the option that gave it, "--num-kept".
struct ConfigOverride {
  std::string path, value;
  std::string source = "the command line";
};

/// A configuration with where each value came from.
class LoadedCapFiltConfig {
 public:
  /// Reads `path` (empty: none), sets `overrides`, and checks everything. Throws kInvalidArgument
  /// with all faults, a line each, and kNotFound for a missing file.
  explicit LoadedCapFiltConfig(const std::filesystem::path& path,
                               const std::vector<ConfigOverride>& overrides = {});
  LoadedCapFiltConfig(const LoadedCapFiltConfig&) = delete;
  LoadedCapFiltConfig& operator=(const LoadedCapFiltConfig&) = delete;

  const CapFiltConfig& config() const { return config_; }
  /// The options of the method. `defaults` are the captioner's own generation and prompt; they fill
  /// what the user left out, here and in the configuration. Throws kInvalidArgument for values that
  /// contradict each other.
  CapFiltOptions resolve(CapFiltOptions defaults);
  /// All values with their sources, as YAML.
  std::string to_yaml() const { return document_.to_yaml(true); }

 private:
  CapFiltConfig config_;
  ConfigDocument document_;
};

/// The values that a job's results depend on, each as text. Two starts on one folder must agree on
/// them. Batch size, lease and report are not among them.
std::vector<std::pair<std::string, std::string>> result_options(const CapFiltConfig& resolved);

/// A field's value as ConfigDocument::set() takes it.
std::string config_text(const ConfigSlot& slot);

}  // namespace blip2
