// convert: whole directories to LAVIS's names and back, what a file takes from its base, and every
// refusal, after which nothing stands at the target.
#include "blip2/models/convert.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <map>

#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/vision/vit_family.h"
#include "tests/checkpoint/golden.h"
#include "tests/models/support.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using checkpoint_test::error_of;
using checkpoint_test::summarise;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// As LAVIS's, without a bias of the keys.
Vit tiny_eva() {
  VitConfig config;
  config.hidden_size = 6;
  config.intermediate_size = 10;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.image_size = 16;
  config.patch_size = 4;
  Vit vision = make_vit(config);
  testing::fill_distinct(named_tensors(vision), 6);
  for (const NamedTensor& named : named_tensors(vision)) {
    if (named.name.ends_with("qkv.bias")) named.tensor->narrow(0, 6, 6).zero_();
  }
  return vision;
}

void see_with(Vit vision, Bundle& bundle) {
  bundle.vision_json = vit_json(vision.config);
  bundle.image_encoder = std::make_unique<VitEncoder>(std::move(vision));
}

void convert_to_lavis_names(const fs::path& directory, const fs::path& file) {
  convert_to_directory(directory, file, {.names = WeightNames::kLavis});
}

using Change = std::function<void(std::map<std::string, at::Tensor>&)>;

void rewrite(const fs::path& from, const fs::path& to, const Change& change) {
  const auto source = open_source(from);
  std::map<std::string, at::Tensor> tensors;
  for (const TensorInfo& info : source->infos()) {
    tensors[info.name] = source->read(info.name).clone();  // what is mapped cannot be changed
  }
  change(tensors);
  std::vector<StoredTensor> list;
  for (const auto& [name, tensor] : tensors) list.push_back({name, tensor});
  write_safetensors(to, list);
}

class ConvertLavis : public ::testing::Test {
 protected:
  void SetUp() override {
    Bundle retrieval = testing::tiny_retrieval(folder_.path());
    see_with(tiny_eva(), retrieval);
    save_bundle(retrieval, folder_ / "retrieval");
    Bundle stage2 = testing::tiny_stage2(folder_.path());
    see_with(tiny_eva(), stage2);
    save_bundle(stage2, folder_ / "generative");
    convert_to_lavis_names(folder_ / "retrieval", folder_ / "stage1.safetensors");
    convert_to_lavis_names(folder_ / "generative", folder_ / "stage2.safetensors");
  }

  /// The message with which a changed stage-1 file is refused.
  std::string refusal(const Change& change, const fs::path& base) {
    rewrite(folder_ / "stage1.safetensors", folder_ / "changed.safetensors", change);
    const std::string message = error_of([&] {
      convert_to_directory(folder_ / "changed.safetensors", folder_ / "made", {.base = base});
    });
    EXPECT_FALSE(fs::exists(folder_ / "made")) << message;
    return message;
  }

  const at::NoGradGuard no_grad_;
  const TemporaryFolder folder_;
};

TEST_F(ConvertLavis, ADirectoryComesBackWithTheSameTensorsAndTheFileWithTheSameBytes) {
  for (const auto& [file, directory] : {std::pair{"stage1.safetensors", "retrieval"},
                                        std::pair{"stage2.safetensors", "generative"}}) {
    convert_to_directory(folder_ / file, folder_ / "back", {.base = folder_ / directory});
    EXPECT_EQ(summarise(*open_source(folder_ / "back")),
              summarise(*open_source(folder_ / directory)));
    EXPECT_EQ(read_file(folder_ / "back" / "config.json"),
              read_file(folder_ / directory / "config.json"));
    EXPECT_NO_THROW(load_bundle(folder_ / "back"));
    convert_to_lavis_names(folder_ / "back", folder_ / "again.safetensors");
    EXPECT_EQ(read_file(folder_ / "again.safetensors"), read_file(folder_ / file));
  }
}

TEST_F(ConvertLavis, FrozenPartsThatTheFileLacksComeFromTheBase) {
  rewrite(folder_ / "stage2.safetensors", folder_ / "published.safetensors", [](auto& tensors) {
    std::erase_if(tensors, [](const auto& entry) {
      return entry.first.starts_with("visual_encoder.") || entry.first.starts_with("llm_model.");
    });
    tensors.at("query_tokens").add_(1);
  });
  convert_to_directory(folder_ / "published.safetensors", folder_ / "made",
                       {.base = folder_ / "generative"});
  const auto made = open_source(folder_ / "made"), base = open_source(folder_ / "generative");
  auto found = summarise(*made), wanted = summarise(*base);
  EXPECT_NE(found.at("query_tokens"), wanted.at("query_tokens"));
  found.erase("query_tokens");
  wanted.erase("query_tokens");
  EXPECT_EQ(found, wanted);
}

TEST_F(ConvertLavis, ABaseIsNeededAndOfTheRightClass) {
  const Change nothing = [](auto&) {};
  EXPECT_THAT(refusal(nothing, {}), HasSubstr("expected --base DIR"));
  EXPECT_THAT(refusal(nothing, folder_ / "generative"),
              AllOf(HasSubstr("expected a Blip2ForImageTextRetrieval"),
                    HasSubstr("found Blip2ForConditionalGeneration")));
  EXPECT_THAT(refusal(nothing, folder_ / "absent"), HasSubstr((folder_ / "absent").string()));
}

TEST_F(ConvertLavis, NamesTheTensorThatIsWrong) {
  const fs::path base = folder_ / "retrieval";
  EXPECT_THAT(refusal([](auto& tensors) { tensors.at("itm_head.bias")[1].fill_(NAN); }, base),
              AllOf(HasSubstr("itm_head.bias"), HasSubstr("not finite")));
  EXPECT_THAT(refusal([](auto& tensors) { tensors.at("itm_head.bias") = at::zeros({3}); }, base),
              AllOf(HasSubstr("itm_head.bias"), HasSubstr("[2]"), HasSubstr("[3]")));
  EXPECT_THAT(
      refusal([](auto& tensors) { tensors["Qformer.bert.pooler.bias"] = at::zeros({3}); }, base),
      AllOf(HasSubstr("Qformer.bert.pooler.bias"), HasSubstr("has no place")));
}

TEST_F(ConvertLavis, AnImageEncoderThatLavisDoesNotHaveIsRefused) {
  save_bundle(testing::tiny_retrieval(folder_.path()), folder_ / "efficient");
  EXPECT_THAT(error_of([&] {
                convert_to_lavis_names(folder_ / "efficient", folder_ / "file.safetensors");
              }),
              HasSubstr("LAVIS does not have this image encoder"));
  EXPECT_FALSE(fs::exists(folder_ / "file.safetensors"));
}

TEST_F(ConvertLavis, WhatStoodAtTheTargetStaysWhenTheFileIsRefused) {
  convert_to_directory(folder_ / "stage1.safetensors", folder_ / "made",
                       {.base = folder_ / "retrieval"});
  const auto before = summarise(*open_source(folder_ / "made"));
  rewrite(folder_ / "stage1.safetensors", folder_ / "bad.safetensors",
          [](auto& tensors) { tensors.at("temp").fill_(INFINITY); });
  EXPECT_THAT(error_of([&] {
                convert_to_directory(folder_ / "bad.safetensors", folder_ / "made",
                                     {.base = folder_ / "retrieval"});
              }),
              HasSubstr("temp"));
  EXPECT_EQ(summarise(*open_source(folder_ / "made")), before);
}

}  // namespace
}  // namespace blip2
