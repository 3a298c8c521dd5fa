// Candidates of a BLIP are ranked as LAVIS ranks them (tools/make_blip_goldens.py).
#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/generate/rank.h"
#include "blip2/models/blip/answerer.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

BlipTextConfig golden_config() {
  BlipTextConfig config;
  config.vocab_size = 41;
  config.hidden_size = 24;
  config.encoder_hidden_size = 20;
  config.intermediate_size = 36;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.max_position_embeddings = 19;
  config.bos_token_id = 39;
  config.sep_token_id = 3;
  return config;
}

BlipAnswerer load_golden(const SafetensorsFile& file) {
  BlipAnswerer model = make_blip_answerer(golden_config(), OutputMatrix::kTied);
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : file.infos()) {
    if (info.name.starts_with("model.")) {
      tensors.push_back({info.name.substr(6), file.read(info.name).clone()});
    }
  }
  const auto source = make_memory_source("golden", std::move(tensors));
  load(*source, named_slots(named_tensors(model), blip_names(), *source),
       {.copy = true, .ignore_unused = unused_blip_tensors(OutputMatrix::kTied)});
  return model;
}

/// The ids of each answer after [DEC], without padding.
std::vector<std::vector<int64_t>> answers_of(const SafetensorsFile& file) {
  const at::Tensor ids = file.read("in.answers"), mask = file.read("in.answer_mask");
  std::vector<std::vector<int64_t>> answers;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const int64_t length = mask[row].sum().item<int64_t>();
    std::vector<int64_t>& answer = answers.emplace_back();
    for (int64_t t = 1; t < length; ++t) answer.push_back(ids[row][t].item<int64_t>());
  }
  return answers;
}

TEST(AnswerRanking, EqualsLavis) {
  const at::NoGradGuard no_grad;
  const SafetensorsFile file(testing::tests_directory() / "golden/blip/answerer.safetensors");
  const BlipAnswerer model = load_golden(file);
  const TextContext questions = read_questions(
      model, file.read("in.image"), pack_text(file.read("in.ids"), file.read("in.mask")));
  const at::Tensor order = file.read("out.ranked"), scores = file.read("out.scores");
  const RankRequest request = {
      .texts = answers_of(file), .num_scored = order.size(1), .label_smoothing = 0.1};
  for (int64_t row = 0; row < order.size(0); ++row) {
    const auto decoder =
        decode_answers(model, select_rows(questions, at::tensor({row}, at::kLong)));
    const std::vector<RankedText> ranked = rank_texts(*decoder, request);
    ASSERT_EQ(std::ssize(ranked), order.size(1));
    for (int64_t place = 0; place < order.size(1); ++place) {
      const RankedText& found = ranked[static_cast<size_t>(place)];
      EXPECT_EQ(static_cast<int64_t>(found.text), order[row][place].item<int64_t>());
      const double expected = scores[row][place].item<double>();
      EXPECT_NEAR(found.score, expected, 1e-5 * std::abs(expected)) << row << " " << place;
    }
  }
}

}  // namespace
}  // namespace blip2
