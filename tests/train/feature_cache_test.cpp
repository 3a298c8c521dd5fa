// The cache of image features: its values, that an interrupted computation resumes, and that a
// truncated or false cache is refused, and one of another encoder, other pictures or other views.
#include "blip2/train/feature_cache.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/data/open_source.h"
#include "blip2/models/vision/efficientnet.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kSize = 16;      // pixels a side
constexpr int64_t kPictures = 19;  // more than the cache encodes at once
constexpr float kTolerance = 2e-3F;

EfficientNetEncoder small_encoder(uint64_t seed) {
  EfficientNetConfig config;
  config.stem_width = 4;
  config.stages = {{1, 3, 2, 1, 3}};
  config.head_width = 6;
  config.num_classes = 2;
  EfficientNet model = make_efficientnet(config);
  Random random(seed, "encoder");
  for (const NamedTensor& named : named_tensors(model)) {
    if (named.tensor->is_floating_point()) fill_uniform(*named.tensor, 0.5, random);
    if (named.name.ends_with("running_var")) named.tensor->abs_();
  }
  return EfficientNetEncoder(std::move(model));
}

class FeatureCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream rows(folder_ / "data.jsonl");
    for (int i = 0; i < kPictures; ++i) {
      write_file_atomic(folder_ / fmt::format("{}.bin", i), fmt::format("picture {}", i));
      rows << fmt::format("{{\"image\": \"{0}.bin\", \"caption\": \"c\", \"key\": \"k{0}\"}}\n", i);
    }
    rows.close();
    config_.directory = folder_ / "cache";
    config_.num_views = 2;
    config_.image_size = kSize;
    config_.views = "test views";
  }

  std::unique_ptr<Source> source() const {
    SourceConfig config;
    config.name = "pictures";
    config.annotations = {list_};
    return open_source(config);
  }

  /// Noise of the picture's bytes and the view; picture 3 cannot be used.
  static std::vector<float> view(const Record& record, RecordView view) {
    if (record.key == "k3") fail(ErrorCode::kCorruptData, "{}: no picture", record.image.string());
    Random random(hash_text(read_file(record.image)), "pixels", static_cast<uint64_t>(view.view));
    std::vector<float> pixels(3 * kSize * kSize);
    for (float& value : pixels) value = static_cast<float>(random.uniform());
    return pixels;
  }

  FeatureCache open(uint64_t encoder_seed = 1) {
    EfficientNetEncoder encoder = small_encoder(encoder_seed);
    return FeatureCache(config_, *source(), encoder, view);
  }

  /// Features straight from the encoder, as the cache keeps them.
  at::Tensor expected(int64_t index, int64_t view_index) {
    const at::NoGradGuard no_grad;
    std::vector<float> pixels = view(source()->record(index), {index, view_index});
    return small_encoder(1)
        .encode(at::from_blob(pixels.data(), {1, 3, kSize, kSize}, at::kFloat))[0]
        .to(at::kHalf)
        .to(at::kFloat);
  }

  void expect_right(const FeatureCache& cache) {
    at::Tensor found = at::zeros({cache.num_tokens(), cache.width()});
    for (int64_t i = 0; i < kPictures; ++i) {
      if (i == 3) continue;
      cache.check(i);
      for (int64_t v = 0; v < config_.num_views; ++v) {
        cache.read(i, v, found);
        EXPECT_LE((found - expected(i, v)).abs().max().item<float>(), kTolerance) << i << " " << v;
      }
    }
  }

  void expect_refused(ErrorCode code, const std::string& words) {
    try {
      open();
      FAIL() << "opened; expected an error with: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr(config_.directory.string()));
    }
  }

  fs::path file(const char* name) const { return config_.directory / name; }
  void cut(const char* name, size_t bytes_left) const { fs::resize_file(file(name), bytes_left); }

  testing::TemporaryFolder folder_;
  fs::path list_ = folder_ / "data.jsonl";
  FeatureCacheConfig config_;
};

TEST_F(FeatureCacheTest, GivesTheEncodersOutput) {
  const FeatureCache cache = open();
  EXPECT_EQ(cache.num_views(), 2);
  EXPECT_EQ(cache.num_tokens(), 16);
  EXPECT_EQ(cache.width(), 6);
  expect_right(cache);
  // Which no other row would be.
  EXPECT_GT((expected(0, 0) - expected(1, 0)).abs().max().item<float>(), 5 * kTolerance);
  EXPECT_GT((expected(0, 0) - expected(0, 1)).abs().max().item<float>(), 5 * kTolerance);
  try {
    cache.check(3);
    FAIL() << "a picture that cannot be used passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), HasSubstr("3.bin"));
  }
}

TEST_F(FeatureCacheTest, IsComputedOnce) {
  open();
  const auto written = fs::last_write_time(file("view-001.safetensors"));
  int64_t num_views_made = 0;
  EfficientNetEncoder encoder = small_encoder(1);
  expect_right(
      FeatureCache(config_, *source(), encoder, [&](const Record& record, RecordView wanted) {
        ++num_views_made;
        return view(record, wanted);
      }));
  EXPECT_EQ(num_views_made, 0);
  EXPECT_EQ(fs::last_write_time(file("view-001.safetensors")), written);
}

TEST_F(FeatureCacheTest, AnInterruptedComputationResumes) {
  open();
  const std::string whole = read_file(file("view-001.safetensors"));
  // What a run that was killed leaves: whole rows and a torn one, beside the place of the file.
  const std::string torn = whole.substr(0, whole.size() - 7 * 16 * 6 * 2 - 11);
  fs::remove(file("view-001.safetensors"));
  write_file_atomic(file("view-001.safetensors.partial"), torn);
  expect_right(open());
  EXPECT_EQ(read_file(file("view-001.safetensors")).size(), whole.size());
  EXPECT_FALSE(fs::exists(file("view-001.safetensors.partial")));
}

TEST_F(FeatureCacheTest, AForeignPartialFileIsStartedAnew) {
  open();
  fs::remove(file("view-000.safetensors"));
  write_file_atomic(file("view-000.safetensors.partial"), std::string(5000, 'x'));
  expect_right(open());
}

TEST_F(FeatureCacheTest, ATruncatedViewIsRefused) {
  open();
  const size_t size = fs::file_size(file("view-000.safetensors"));
  for (const size_t left : {size - 1, size / 2, size_t{9}, size_t{3}, size_t{0}}) {
    SCOPED_TRACE(left);
    cut("view-000.safetensors", left);
    expect_refused(ErrorCode::kCorruptData, "view-000.safetensors");
  }
}

TEST_F(FeatureCacheTest, AViewOfAnotherShapeIsRefused) {
  open();
  const std::string whole = read_file(file("view-000.safetensors"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string lying = whole;
    const size_t place = lying.find(from);
    ASSERT_NE(place, std::string::npos);
    lying.replace(place, from.size(), to);
    write_file_atomic(file("view-000.safetensors"), lying);
  };
  with("[19,16,6]", "[16,19,6]");  // as many values, another shape
  expect_refused(ErrorCode::kCorruptData, "view-000.safetensors");
  with("image_embeds", "image_tokens");
  expect_refused(ErrorCode::kNotFound, "view-000.safetensors");
  with("\"F16\"", "\"F32\"");
  expect_refused(ErrorCode::kCorruptData, "view-000.safetensors");
}

TEST_F(FeatureCacheTest, DamagedRecordsAreRefused) {
  open();
  const std::string manifest = read_file(file("manifest.json"));
  cut("manifest.json", manifest.size() / 2);
  expect_refused(ErrorCode::kCorruptData, "manifest.json");
  write_file_atomic(file("manifest.json"), manifest);
  const size_t keys = fs::file_size(file("keys.jsonl"));
  cut("keys.jsonl", keys - 5);  // within the last row
  expect_refused(ErrorCode::kCorruptData, "keys.jsonl:19");
}

TEST_F(FeatureCacheTest, AnotherEncodersCacheIsRefused) {
  open(2);
  expect_refused(ErrorCode::kInvalidArgument, "encoder");
}

TEST_F(FeatureCacheTest, OtherViewsAreRefused) {
  open();
  config_.views = "other views";
  expect_refused(ErrorCode::kInvalidArgument, "views");
}

TEST_F(FeatureCacheTest, AChangedPictureIsRefused) {
  open();
  write_file_atomic(folder_ / "7.bin", "another picture");
  expect_refused(ErrorCode::kInvalidArgument, "k7");
}

TEST_F(FeatureCacheTest, AViewIsDrawnForTheNumberOfItsRecord) {
  std::set<std::pair<int64_t, int64_t>> asked;
  EfficientNetEncoder encoder = small_encoder(1);
  FeatureCache(config_, *source(), encoder, [&](const Record& record, RecordView wanted) {
    EXPECT_EQ(record.key, fmt::format("k{}", wanted.record));
    asked.emplace(wanted.record, wanted.view);
    return view(record, wanted);
  });
  EXPECT_EQ(asked.size(), size_t{2 * kPictures - 1});  // of picture 3 one, which fails
}

TEST_F(FeatureCacheTest, AMovedListFindsItsCache) {
  open();
  fs::create_directory(folder_ / "moved");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) {
      fs::rename(entry.path(), folder_ / "moved" / entry.path().filename());
    }
  }
  list_ = folder_ / "moved" / "data.jsonl";
  expect_right(open());
}

TEST_F(FeatureCacheTest, TheCacheOfAnEarlierVersionIsRefused) {
  open();
  std::string manifest = read_file(file("manifest.json"));
  manifest.replace(manifest.find("\"format\": 2"), 11, "\"format\": 1");
  write_file_atomic(file("manifest.json"), manifest);
  expect_refused(ErrorCode::kInvalidArgument, "format: expected 2, found 1");
}

TEST_F(FeatureCacheTest, ACacheAboveItsLimitIsRefused) {
  config_.max_gigabytes = 1e-6;
  expect_refused(ErrorCode::kUnavailable, "GB");
  EXPECT_FALSE(fs::exists(file("keys.jsonl")));
}

}  // namespace
}  // namespace blip2
