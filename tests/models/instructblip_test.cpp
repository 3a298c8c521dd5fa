// InstructBLIP's Q-Former, which reads the instruction beside its queries, against transformers
// (tools/make_instructblip_goldens.py).
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/names/hugging_face.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using testing::relative_difference;

QFormerConfig golden_config() {
  return {.hidden_size = 24,
          .num_hidden_layers = 3,
          .num_attention_heads = 3,
          .intermediate_size = 36,
          .vocab_size = 31,
          .max_position_embeddings = 11,
          .cross_attention_frequency = 2,
          .encoder_hidden_size = 20,
          .num_query_tokens = 5};
}

class InstructBlipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model_)) {
      const auto theirs = instruct_names().to_theirs(named.name);
      ASSERT_TRUE(theirs && instruct_names().to_ours(*theirs) == named.name) << named.name;
      slots.push_back({"model." + *theirs, named.tensor});
    }
    load(file_, slots, {.copy = true, .ignore_unused = {"in.**", "out.**"}});
  }

  const at::NoGradGuard no_grad_;
  const SafetensorsFile file_{testing::golden("instructblip/qformer.safetensors")};
  Stage2 model_ = make_stage2(golden_config(), 1e-6, 28, TextSide::kPresent);
  const at::Tensor image_ = file_.read("in.image"), ids_ = file_.read("in.ids"),
                   mask_ = file_.read("in.mask");
};

TEST_F(InstructBlipTest, EqualsTransformers) {
  const Text text = pack_text(ids_, mask_);
  EXPECT_LT(relative_difference(query_output(model_, image_, text), file_.read("out.queries")),
            1e-5);
  EXPECT_LT(relative_difference(language_inputs(model_, image_, text), file_.read("out.inputs")),
            1e-5);
}

TEST_F(InstructBlipTest, ABatchEqualsSingles) {
  const at::Tensor all = language_inputs(model_, image_, pack_text(ids_, mask_));
  for (int64_t row = 0; row < 3; ++row) {
    const int64_t length = mask_[row].sum().item<int64_t>();
    const at::Tensor ids = ids_.narrow(0, row, 1).narrow(1, 0, length);
    const at::Tensor found =
        language_inputs(model_, image_.narrow(0, row, 1), pack_text(ids, at::ones_like(ids)));
    EXPECT_LT(relative_difference(found, all.narrow(0, row, 1)), 1e-5) << row;
  }
}

TEST_F(InstructBlipTest, TheInstructionMatters) {
  const at::Tensor with = language_inputs(model_, image_, pack_text(ids_, mask_));
  EXPECT_GT(relative_difference(language_inputs(model_, image_), with), 1e-2);
  const at::Tensor other = ids_.remainder(30) + 1;
  EXPECT_GT(relative_difference(language_inputs(model_, image_, pack_text(other, mask_)), with),
            1e-3);
}

TEST_F(InstructBlipTest, AnInstructionBeyondThePositionsIsRefused) {
  const at::Tensor ids = at::zeros({3, 12}, at::kLong);
  try {
    query_output(model_, image_, pack_text(ids, at::ones_like(ids)));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("at most 11 tokens, found 12"));
  }
}

TEST(InstructBlip, WithoutATextSideNothingChanges) {
  Stage2 without = make_stage2(golden_config(), 1e-6, 28);
  Stage2 with = make_stage2(golden_config(), 1e-6, 28, TextSide::kPresent);
  std::vector<std::string> names;
  for (const NamedTensor& named : named_tensors(without)) {
    names.push_back(named.name);
    EXPECT_TRUE(instruct_names().to_theirs(named.name)) << named.name;
  }
  for (const NamedTensor& named : named_tensors(with)) {
    const bool is_text = named.name.find("text_feed_forward") != std::string::npos ||
                         named.name.find("word_embeddings") != std::string::npos ||
                         named.name.find("position_embeddings") != std::string::npos;
    EXPECT_NE(is_text, ::testing::Value(names, ::testing::Contains(named.name))) << named.name;
  }
}

}  // namespace
}  // namespace blip2
