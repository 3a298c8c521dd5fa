// Draws captions, scores them with the ranker and the matcher, and keeps the best.
#include "blip2/tasks/capfilt.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <map>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/base/random.h"
#include "blip2/data/caption_cleaning.h"
#include "blip2/image/prepare.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/similarity.h"
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"
#include "blip2/tasks/captioner.h"

namespace blip2 {
namespace {

using Inputs = std::span<const CapFiltInput>;

/// The encoder's raw output for a batch of pictures. [B, P, Dv]
at::Tensor encode_inputs(const Bundle& bundle, Inputs inputs) {
  std::vector<std::vector<float>> pixels;
  for (const CapFiltInput& input : inputs) {
    pixels.push_back(prepare_pixels(input.image, bundle.transform));
  }
  const Autocast autocast(bundle.arithmetic);
  return encode_pictures(bundle, {pixels.begin(), pixels.end()});
}

/// The encoder's output of a batch by each model, computed once for all its parts.
class Encodings {
 public:
  explicit Encodings(Inputs inputs) : inputs_(inputs) {}

  const at::Tensor& by(const Bundle& bundle) {
    at::Tensor& embeds = embeds_[&bundle];
    if (!embeds.defined()) embeds = encode_inputs(bundle, inputs_);
    return embeds;
  }

 private:
  Inputs inputs_;
  std::map<const Bundle*, at::Tensor> embeds_;
};

/// The different texts of a batch, so that each is read once.
class Texts {
 public:
  /// Returns the place of a text.
  int64_t add(const std::string& text) {
    const auto [found, is_new] = places_.emplace(text, static_cast<int64_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return found->second;
  }
  const std::vector<std::string>& all() const { return texts_; }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, int64_t> places_;
};

void add_candidate(std::vector<CaptionCandidate>& candidates, std::string text,
                   CaptionCandidate::Source source) {
  if (clean_caption(text).empty()) return;  // training would read nothing
  candidates.push_back({.text = std::move(text), .source = source});
}

/// A candidate and its place among the texts of the batch.
struct Scored {
  CaptionCandidate* candidate;
  int64_t picture;
  int64_t text;
};

void require_number(double value, const char* what) {
  if (!std::isfinite(value)) fail(ErrorCode::kInternal, "the {} gives no numbers", what);
}

/// Cosines of the ranker.
void score(const Bundle& ranker, const at::Tensor& image_embeds, const TextFeatures& texts,
           const std::vector<Scored>& pairs) {
  const at::Tensor cosines =  // [B, M]
      all_similarities(image_features(ranker, image_embeds), texts.projected).cpu().contiguous();
  const float* values = cosines.const_data_ptr<float>();
  for (const Scored& pair : pairs) {
    pair.candidate->score = values[pair.picture * cosines.size(1) + pair.text];
    require_number(pair.candidate->score, "ranker");
  }
}

/// Probabilities of the matcher. Each pair of a picture and a text is computed once.
void match(const Bundle& matcher, const at::Tensor& image_embeds, const TextFeatures& texts,
           const std::vector<Scored>& pairs) {
  std::map<std::pair<int64_t, int64_t>, int64_t> places;
  std::vector<int64_t> images, rows;
  for (const Scored& pair : pairs) {
    const bool is_new =
        places.emplace(std::pair(pair.picture, pair.text), static_cast<int64_t>(images.size()))
            .second;
    if (!is_new) continue;
    images.push_back(pair.picture);
    rows.push_back(pair.text);
  }
  const at::Tensor probabilities =  // [pairs, 2]: no, yes
      at::softmax(pair_logits(matcher, image_embeds, texts, images, rows), 1).cpu().contiguous();
  const float* values = probabilities.const_data_ptr<float>();
  for (const Scored& pair : pairs) {
    const double yes = values[2 * places.at({pair.picture, pair.text}) + 1];
    require_number(yes, "matcher");
    pair.candidate->match_probability = yes;
  }
}

void validate(const CapFiltModels& models, const CapFiltOptions& options) {
  if (models.captioner == nullptr || models.ranker == nullptr) {
    fail(ErrorCode::kInvalidArgument, "CapFilt: expected a captioner and a ranker");
  }
  if (!has_similarity(*models.ranker)) {
    fail(ErrorCode::kUnsupported,
         "ranker: expected a CLIP, a BLIP for retrieval or a BLIP-2 for retrieval (stage 1), found "
         "a model without image-text features");
  }
  if (models.matcher != nullptr && !has_matching(*models.matcher)) {
    fail(ErrorCode::kUnsupported,
         "matcher: expected a BLIP for retrieval or a BLIP-2 for retrieval (stage 1), found a "
         "model without a matching head");
  }
  if (can_write(*models.captioner) && options.prompt.empty() &&
      models.captioner->writer->facts().prompting == Prompting::kRequired) {
    fail(ErrorCode::kInvalidArgument, "prompt: an InstructBLIP needs an instruction");
  }
  Captioner(*models.captioner, options.generation, options.prompt);  // checks these
  require_within("CapFilt", "num_kept", options.rules.num_kept, at_least(1));
  if (const auto least = options.rules.min_similarity) {
    require_within("CapFilt", "min_similarity", *least, between(-1, 1));
  }
  if (const auto least = options.rules.min_match_probability) {
    require_within("CapFilt", "min_match_probability", *least, between(0, 1));
    if (models.matcher == nullptr) {
      fail(ErrorCode::kInvalidArgument,
           "CapFilt: min_match_probability: expected a matcher, found none");
    }
  }
}

}  // namespace

GenerationOptions default_capfilt_generation(const Bundle& captioner) {
  GenerationOptions options;
  options.num_return_sequences = 10;
  options.do_sample = true;
  options.top_p = 0.9;
  options.top_k = 50;
  options.repetition_penalty = 1.1;
  if (can_write(captioner) && captioner.writer->facts().counts_prompt) {
    options.min_length = 5;
    options.max_length = 20;
  } else {
    options.min_new_tokens = 5;
    options.max_new_tokens = 20;
  }
  return options;
}

std::string default_capfilt_prompt(const Bundle& captioner) {
  const std::string published =
      can_write(captioner) ? captioner.writer->facts().caption_prompt : std::string();
  return published.empty() ? captioner.prompt : published;
}

struct CapFilt::State {
  CapFiltModels models;
  CapFiltOptions options;

  /// Captions of each picture, of its own stream.
  std::vector<std::vector<Caption>> draw(const at::Tensor& image_embeds, Inputs inputs) const {
    std::vector<Prompt> prompts;
    std::vector<uint64_t> streams;
    for (size_t i = 0; i < inputs.size(); ++i) {
      prompts.push_back({static_cast<int64_t>(i), options.prompt});
      streams.push_back(hash_text(inputs[i].stream));
    }
    const Autocast autocast(models.captioner->arithmetic);
    return write_captions(start_writing(*models.captioner, image_embeds, prompts),
                          options.generation, streams, options.seed);
  }

  std::vector<CaptionCandidate> candidates(const CapFiltInput& input,
                                           const std::vector<Caption>& drawn) const {
    using Source = CaptionCandidate::Source;
    std::vector<CaptionCandidate> all;
    for (const std::string& text : input.web_captions) {
      add_candidate(all, options.clean_web_captions ? clean_caption(text) : text, Source::kWeb);
    }
    for (const Caption& caption : drawn) add_candidate(all, caption.text, Source::kSynthetic);
    return all;
  }

  void judge(Encodings& encodings, std::vector<CapFiltResult>& results) const {
    Texts texts;
    std::vector<Scored> pairs;
    for (size_t i = 0; i < results.size(); ++i) {
      for (CaptionCandidate& candidate : results[i].candidates) {
        pairs.push_back({&candidate, static_cast<int64_t>(i), texts.add(candidate.text)});
      }
    }
    if (pairs.empty()) return;
    const Autocast ranking(models.ranker->arithmetic);
    const TextFeatures read =
        text_features(*models.ranker, texts.all(), models.ranker->max_text_length);
    score(*models.ranker, encodings.by(*models.ranker), read, pairs);
    if (models.matcher == nullptr) return;
    const Autocast matching(models.matcher->arithmetic);
    match(*models.matcher, encodings.by(*models.matcher),
          models.matcher == models.ranker
              ? read
              : text_ids(*models.matcher, texts.all(), models.matcher->max_text_length),
          pairs);
  }
};

CapFilt::CapFilt(const CapFiltModels& models, CapFiltOptions options) {
  validate(models, options);
  state_ = std::make_unique<State>(State{models, std::move(options)});
}

CapFilt::~CapFilt() = default;

std::vector<CapFiltResult> CapFilt::run(std::span<const CapFiltInput> inputs) const {
  if (inputs.empty()) return {};
  const at::NoGradGuard no_grad;
  Encodings encodings(inputs);
  const auto drawn = state_->draw(encodings.by(*state_->models.captioner), inputs);
  std::vector<CapFiltResult> results;
  for (size_t i = 0; i < inputs.size(); ++i) {
    results.push_back({state_->candidates(inputs[i], drawn[i])});
  }
  state_->judge(encodings, results);
  for (CapFiltResult& result : results) choose_captions(result.candidates, state_->options.rules);
  return results;
}

}  // namespace blip2
