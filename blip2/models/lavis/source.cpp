// LAVIS's files as sources under Hugging Face's names, and the way back.
#include "blip2/models/lavis/source.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/derived_source.h"

namespace blip2 {
namespace {

constexpr const char* kPositionIds = "Qformer.bert.embeddings.position_ids";
constexpr const char* kDecoder = "Qformer.cls.predictions.decoder.";
constexpr const char* kWordEmbeddings = "Qformer.bert.embeddings.word_embeddings.weight";
constexpr const char* kHeadBias = "Qformer.cls.predictions.bias";
constexpr int64_t kMostBlocks = 10'000;
constexpr int64_t kMostRows = 1'000'000'000;
constexpr std::array kProjections = {"q_proj", "k_proj", "v_proj"};

/// The dtypes in which weights are split and joined.
bool is_weight_dtype(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16 ||
         dtype == at::kDouble;
}

using Infos = std::map<std::string, const TensorInfo*>;

Infos index(const TensorSource& source) {
  Infos infos;
  for (const TensorInfo& info : source.infos()) infos[info.name] = &info;
  return infos;
}

/// The number of the block in "PREFIXblocks.N.REST"; nothing where the name is another.
std::optional<int64_t> block_number(const std::string& name, const std::string& blocks) {
  if (!name.starts_with(blocks)) return std::nullopt;
  int64_t number = 0;
  const char* begin = name.data() + blocks.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), number);
  if (error != std::errc() || end == begin || *end != '.') return std::nullopt;
  if (number < 0 || number >= kMostBlocks) return std::nullopt;
  return number;
}

std::string blocks_of(const LavisLayout& layout) {
  return lavis_vision_prefix(layout) +
         (layout.vision == LavisVision::kClip ? "transformer.resblocks." : "blocks.");
}

/// Blocks from this one on are left out.
int64_t num_kept_blocks(const TensorSource& source, const LavisLayout& layout,
                        const LavisOptions& options) {
  int64_t num_blocks = 0;
  for (const TensorInfo& info : source.infos()) {
    const auto number = block_number(info.name, blocks_of(layout));
    if (number) num_blocks = std::max(num_blocks, *number + 1);
  }
  if (options.num_vision_layers) {
    if (*options.num_vision_layers < 1 || *options.num_vision_layers > num_blocks) {
      fail(ErrorCode::kInvalidArgument,
           "{}: {} blocks of the image encoder wanted, the file has {}", source.describe(),
           *options.num_vision_layers, num_blocks);
    }
    return *options.num_vision_layers;
  }
  if (layout.model != LavisModel::kImageEncoder || layout.vision == LavisVision::kBlip) {
    return num_blocks;
  }
  const bool is_eva = layout.vision == LavisVision::kEva;
  const bool is_whole = is_eva ? source.has("norm.weight") || num_blocks == 40
                               : source.has("ln_post.weight") || num_blocks == 24;
  return num_blocks - (is_whole ? 1 : 0);
}

/// Replaces the end of a name.
std::string with_end(const std::string& name, const std::string& end, const std::string& other) {
  return name.substr(0, name.size() - end.size()) + other;
}

/// The way from LAVIS's names.
class Reader {
 public:
  Reader(const TensorSource& file, const LavisLayout& layout, int64_t num_blocks)
      : file_(file),
        layout_(layout),
        names_(lavis_names(layout)),
        patterns_(unused_lavis_tensors(layout)),
        infos_(index(file)),
        num_blocks_(num_blocks) {}

  void run() {
    for (const TensorInfo& info : file_.infos()) {
      if (!skip(info) && !join_biases(info) && !cut_projections(info)) rename(info);
    }
    if (layout_.model == LavisModel::kStage1) {
      use_copy(kWordEmbeddings, std::string(kDecoder) + "weight");
      use_copy(kHeadBias, std::string(kDecoder) + "bias");
    }
  }

  std::vector<DerivedTensor> tensors;
  std::vector<std::string> unused;

 private:
  bool skip(const TensorInfo& info) {
    const auto number = block_number(info.name, blocks_of(layout_));
    const bool is_left_out =
        (number && *number >= num_blocks_) ||
        std::any_of(patterns_.begin(), patterns_.end(),
                    [&](const std::string& pattern) { return name_matches(pattern, info.name); });
    if (is_left_out) unused.push_back(info.name);
    return is_left_out;
  }

  std::string ours(const std::string& name) const { return names_.to_ours(name).value_or(name); }

  void rename(const TensorInfo& info) { tensors.push_back(renamed_tensor(info, ours(info.name))); }

  /// q_bias and v_bias: the first makes the bias of all three, the second is part of it.
  bool join_biases(const TensorInfo& info) {
    const std::string query = ".attn.q_bias", value = ".attn.v_bias";
    if (layout_.vision != LavisVision::kEva || !info.name.starts_with(blocks_of(layout_))) {
      return false;
    }
    const bool is_query = info.name.ends_with(query);
    if (!is_query && !info.name.ends_with(value)) return false;
    const std::string other =
        is_query ? with_end(info.name, query, value) : with_end(info.name, value, query);
    const auto found = infos_.find(other);
    if (found == infos_.end()) {
      fail(ErrorCode::kCorruptData, "{}: {} is there without {}", file_.describe(),
           quote(info.name), quote(other));
    }
    if (!is_query) return true;
    const TensorInfo& partner = *found->second;
    if (info.shape.size() != 1 || partner.shape != info.shape || partner.dtype != info.dtype ||
        !is_weight_dtype(info.dtype) || info.shape[0] > kMostRows) {
      fail(ErrorCode::kCorruptData,
           "{}: {} of shape {} and {} of shape {} must be vectors of one length and float type",
           file_.describe(), quote(info.name), shape_text(info.shape), quote(other),
           shape_text(partner.shape));
    }
    const std::string name = ours(with_end(info.name, query, ".attn.qkv.bias"));
    tensors.push_back({{name, info.dtype, {3 * info.shape[0]}},
                       [query_name = info.name, other](const TensorSource& source) {
                         const at::Tensor q = source.read(query_name);
                         return at::cat({q, at::zeros_like(q), source.read(other)});
                       }});
    return true;
  }

  /// in_proj_weight and in_proj_bias, whose rows are queries, keys, values.
  bool cut_projections(const TensorInfo& info) {
    const std::string fused = ".attn.in_proj_";
    if (layout_.vision != LavisVision::kClip || !info.name.starts_with(blocks_of(layout_))) {
      return false;
    }
    const size_t place = info.name.rfind(fused);
    if (place == std::string::npos) return false;
    const std::string kind = info.name.substr(place + fused.size());  // weight or bias
    if (info.shape.empty() || info.shape[0] % 3 != 0) {
      fail(ErrorCode::kCorruptData,
           "{}: {} of shape {} must have rows for queries, keys and values", file_.describe(),
           quote(info.name), shape_text(info.shape));
    }
    // The table leads from the output projection, which has the same parent.
    const std::string sibling = info.name.substr(0, place) + ".attn.out_proj." + kind;
    const std::string parent = with_end(ours(sibling), "out_proj." + kind, "");
    TensorInfo third = info;
    third.shape[0] /= 3;
    for (size_t i = 0; i < kProjections.size(); ++i) {
      third.name = parent + kProjections[i] + "." + kind;
      const int64_t rows = third.shape[0], begin = static_cast<int64_t>(i) * rows;
      tensors.push_back({third, [name = info.name, begin, rows](const TensorSource& source) {
                           return source.read(name).narrow(0, begin, rows);
                         }});
    }
    return true;
  }

  /// Takes a tied copy where the tensor itself is not there.
  void use_copy(const std::string& name, const std::string& copy) {
    const auto found = infos_.find(copy);
    if (infos_.contains(name) || found == infos_.end()) return;
    tensors.push_back(renamed_tensor(*found->second, ours(name)));
    std::erase(unused, copy);
  }

  const TensorSource& file_;
  LavisLayout layout_;
  NameTable names_;
  std::vector<std::string> patterns_;
  Infos infos_;
  int64_t num_blocks_;
};

/// The way to LAVIS's names.
class Writer {
 public:
  Writer(const TensorSource& source, const LavisLayout& layout)
      : source_(source), layout_(layout), names_(lavis_names(layout)), infos_(index(source)) {}

  void run() {
    for (const TensorInfo& info : source_.infos()) {
      if (cut_bias(info) || join_projections(info)) continue;
      tensors.push_back(renamed_tensor(info, theirs(info.name)));
    }
  }

  void add(const LavisExtras& extras) {
    if (layout_.model == LavisModel::kStage1 && extras.tied_copies) {
      add_copy("embeddings.word_embeddings.weight", std::string(kDecoder) + "weight");
      add_copy("cls.predictions.bias", std::string(kDecoder) + "bias");
    }
    const bool has_qformer = layout_.model == LavisModel::kStage1 ||
                             layout_.model == LavisModel::kStage2 ||
                             layout_.model == LavisModel::kInstruct;
    const int64_t length = extras.num_position_ids;
    if (!has_qformer || length == 0) return;
    tensors.push_back({{kPositionIds, at::kLong, {1, length}}, [length](const TensorSource&) {
                         return at::arange(length, at::kLong).unsqueeze(0);
                       }});
  }

  std::vector<DerivedTensor> tensors;

 private:
  std::string theirs(const std::string& name) const {
    const std::optional<std::string> found = names_.to_theirs(name);
    if (!found) {
      fail(ErrorCode::kUnsupported, "{}: tensor {} has no place in LAVIS's {}", source_.describe(),
           quote(name), lavis_title(layout_));
    }
    return *found;
  }

  bool is_vision(const std::string& name) const {
    return name.starts_with(hugging_face_vision_prefix(layout_) + "encoder.layers.");
  }

  bool cut_bias(const TensorInfo& info) {
    if (layout_.vision != LavisVision::kEva || !is_vision(info.name) ||
        !info.name.ends_with(".self_attn.qkv.bias")) {
      return false;
    }
    if (info.shape.size() != 1 || info.shape[0] % 3 != 0 || !is_weight_dtype(info.dtype)) {
      fail(ErrorCode::kCorruptData,
           "{}: {} of shape {} must have rows for queries, keys and values", source_.describe(),
           quote(info.name), shape_text(info.shape));
    }
    const std::string whole = theirs(info.name);
    const int64_t rows = info.shape[0] / 3;
    const auto add_part = [&](const std::string& end, int64_t begin) {
      tensors.push_back({{with_end(whole, "qkv.bias", end), info.dtype, {rows}},
                         [name = info.name, begin, rows](const TensorSource& source) {
                           const at::Tensor bias = source.read(name);
                           if (bias.narrow(0, rows, rows).ne(0).any().item<bool>()) {
                             fail(ErrorCode::kUnsupported,
                                  "{}: {} has a bias for the keys, which LAVIS's EVA-CLIP has not",
                                  source.describe(), quote(name));
                           }
                           return bias.narrow(0, begin, rows);
                         }});
    };
    add_part("q_bias", 0);
    add_part("v_bias", 2 * rows);
    return true;
  }

  /// q_proj makes the fused projection; the two others are part of it.
  bool join_projections(const TensorInfo& info) {
    if (layout_.vision != LavisVision::kClip || !is_vision(info.name)) return false;
    const std::string middle = ".self_attn.";
    const size_t place = info.name.rfind(middle);
    if (place == std::string::npos) return false;
    const std::string parent = info.name.substr(0, place + middle.size());
    const std::string rest = info.name.substr(parent.size());  // q_proj.weight
    const std::string kind = rest.substr(rest.find('.') + 1);
    const auto* projection =
        std::find(kProjections.begin(), kProjections.end(), rest.substr(0, rest.find('.')));
    if (projection == kProjections.end()) return false;
    std::vector<std::string> names;
    for (const char* name : kProjections) {
      names.push_back(parent + name + "." + kind);
      const auto found = infos_.find(names.back());
      if (found == infos_.end() || found->second->shape != info.shape || info.shape.empty() ||
          info.shape[0] > kMostRows || found->second->dtype != info.dtype ||
          !is_weight_dtype(info.dtype)) {
        fail(ErrorCode::kCorruptData, "{}: {} of shape {} is there without a {} of its shape",
             source_.describe(), quote(info.name), shape_text(info.shape), quote(names.back()));
      }
    }
    if (projection != kProjections.begin()) return true;
    const std::string output = theirs(parent + "out_proj." + kind);
    TensorInfo fused = info;
    fused.name = with_end(output, "out_proj." + kind, "in_proj_" + kind);
    fused.shape[0] *= 3;
    tensors.push_back({fused, [names](const TensorSource& source) {
                         std::vector<at::Tensor> parts;
                         for (const std::string& name : names) parts.push_back(source.read(name));
                         return at::cat(parts);
                       }});
    return true;
  }

  void add_copy(const std::string& name, const std::string& copy) {
    const auto found = infos_.find(name);
    if (found != infos_.end()) tensors.push_back(renamed_tensor(*found->second, copy));
  }

  const TensorSource& source_;
  LavisLayout layout_;
  NameTable names_;
  Infos infos_;
};

}  // namespace

LavisFile from_lavis(std::unique_ptr<TensorSource> file, const LavisOptions& options) {
  const std::optional<LavisLayout> layout = lavis_layout(*file);
  if (!layout) {
    fail(ErrorCode::kUnsupported,
         "{}: expected tensors named as in LAVIS or BLIP (query_tokens, visual_encoder.cls_token), "
         "found {}",
         file->describe(), file->infos().empty() ? "none" : quote(file->infos()[0].name));
  }
  Reader reader(*file, *layout, num_kept_blocks(*file, *layout, options));
  reader.run();
  const auto inner_name = [names = lavis_names(*layout)](const std::string& name) {
    return names.to_theirs(name);
  };
  LavisFile result;
  result.layout = *layout;
  result.unused = std::move(reader.unused);
  result.source = make_derived_source(std::move(file), std::move(reader.tensors), inner_name);
  return result;
}

std::unique_ptr<TensorSource> to_lavis(std::unique_ptr<TensorSource> source,
                                       const LavisLayout& layout, const LavisExtras& extras) {
  Writer writer(*source, layout);
  writer.run();
  writer.add(extras);
  return make_derived_source(std::move(source), std::move(writer.tensors));
}

}  // namespace blip2
