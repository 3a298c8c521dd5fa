// Writing, features and matching on a device whose memory cannot be read in place and whose tensors
// do not mix with the CPU's: they are what they are on the CPU.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/captioner.h"
#include "tests/device/strict_device.h"
#include "tests/models/support.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

using testing::relative_difference;
using testing::TemporaryFolder;

class TasksOnADevice : public ::testing::Test {
 protected:
  /// The model as a file gives it, on a device.
  Bundle there(const Bundle& bundle, at::Device device) {
    save_bundle(bundle, folder_ / "model");
    return load_bundle(folder_ / "model", {.device = device});
  }

  static at::Tensor embeds(const Bundle& bundle) {
    const at::Tensor pixels = testing::tiny_pixels();
    return encode_images(bundle, at::cat({pixels, pixels * 0.5}));
  }

  TemporaryFolder folder_;
};

std::vector<std::string> texts(const Bundle& bundle, const at::Tensor& embeds,
                               const std::vector<std::string>& prompts,
                               const GenerationOptions& options) {
  std::vector<Prompt> rows;
  for (const std::string& prompt : prompts) {
    rows.push_back({static_cast<int64_t>(rows.size()) % 2, prompt});
  }
  const std::vector<uint64_t> streams(rows.size(), 3);
  std::vector<std::string> written;
  for (const auto& captions :
       write_captions(start_writing(bundle, embeds, rows), options, streams, 7)) {
    for (const Caption& caption : captions) written.push_back(caption.text);
  }
  return written;
}

std::vector<GenerationOptions> searches() {
  std::vector<GenerationOptions> all(4);
  for (GenerationOptions& options : all) options.max_new_tokens = 6;
  all[1].num_beams = 3;
  all[1].num_return_sequences = 2;
  all[2].do_sample = true;
  all[2].num_return_sequences = 3;
  all[2].repetition_penalty = 1.3;
  all[3].num_beams = 2;
  all[3].do_sample = true;
  return all;
}

TEST_F(TasksOnADevice, ALanguageModelWritesTheSameTexts) {
  const Bundle model = testing::tiny_stage2(folder_.path());
  const Bundle host = there(model, at::kCPU), device = there(model, testing::strict_device());
  EXPECT_LT(relative_difference(embeds(device).cpu(), embeds(host)), 1e-5);
  const std::vector<std::string> prompts = {"a", "a fox", "x y", "a fox"};  // padded, shared
  for (const GenerationOptions& options : searches()) {
    EXPECT_EQ(texts(device, embeds(device), prompts, options),
              texts(host, embeds(host), prompts, options));
  }
}

TEST_F(TasksOnADevice, AQFormerWritesTheSameTexts) {
  const Bundle model = testing::tiny_retrieval(folder_.path());
  const Bundle host = there(model, at::kCPU), device = there(model, testing::strict_device());
  for (const GenerationOptions& options : searches()) {
    EXPECT_EQ(texts(device, embeds(device), {"", ""}, options),
              texts(host, embeds(host), {"", ""}, options));
  }
}

TEST_F(TasksOnADevice, FeaturesAndMatchesAreTheSame) {
  const Bundle model = testing::tiny_retrieval(folder_.path());
  const std::vector<std::string> said = {"a fox", "a red square", "fox a fox a fox"};
  std::vector<at::Tensor> cosines, logits;
  for (const at::Device device : {at::Device(at::kCPU), testing::strict_device()}) {
    const Bundle bundle = there(model, device);
    const TextFeatures features = text_features(bundle, said, 9);
    const at::Tensor seen = embeds(bundle);
    cosines.push_back(all_similarities(image_features(bundle, seen), features.projected).cpu());
    logits.push_back(pair_logits(bundle, seen, features, {1, 0, 1, 0}, {0, 2, 2, 1}).cpu());
  }
  EXPECT_LT(relative_difference(cosines[1], cosines[0]), 1e-5);
  EXPECT_LT(relative_difference(logits[1], logits[0]), 1e-5);
}

}  // namespace
}  // namespace blip2
