// GGUF's tensor types and their dequantisation.
#include "blip2/checkpoint/gguf_types.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace blip2 {
namespace {

/// Little-endian numbers inside a block, which has no alignment.
template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

float load_half(const std::byte* from) {
  return c10::detail::fp16_ieee_to_fp32_value(load<uint16_t>(from));
}

int low_bits(std::byte byte) { return std::to_integer<int>(byte) & 0x0F; }
int high_bits(std::byte byte) { return std::to_integer<int>(byte) >> 4; }

constexpr int kBlock = 32;        ///< elements of the plain types' blocks
constexpr int kSuperBlock = 256;  ///< of the K types'

/// half d, 16 bytes of two elements: the low halves are the first 16.
void dequantize_q4_0(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 18, out += kBlock) {
    const float d = load_half(block);
    const std::byte* codes = block + 2;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low_bits(codes[i]) - 8);
      out[i + 16] = d * static_cast<float>(high_bits(codes[i]) - 8);
    }
  }
}

/// half d, half m, 16 bytes of codes.
void dequantize_q4_1(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 20, out += kBlock) {
    const float d = load_half(block);
    const float m = load_half(block + 2);
    const std::byte* codes = block + 4;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low_bits(codes[i])) + m;
      out[i + 16] = d * static_cast<float>(high_bits(codes[i])) + m;
    }
  }
}

int fifth_bit(uint32_t bits, int i) { return static_cast<int>((bits >> i) & 1u) << 4; }

/// half d, 32 fifth bits, 16 bytes of codes.
void dequantize_q5_0(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 22, out += kBlock) {
    const float d = load_half(block);
    const auto high = load<uint32_t>(block + 2);
    const std::byte* codes = block + 6;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((low_bits(codes[i]) | fifth_bit(high, i)) - 16);
      out[i + 16] = d * static_cast<float>((high_bits(codes[i]) | fifth_bit(high, i + 16)) - 16);
    }
  }
}

/// half d, half m, 32 fifth bits, 16 bytes of codes.
void dequantize_q5_1(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 24, out += kBlock) {
    const float d = load_half(block);
    const float m = load_half(block + 2);
    const auto high = load<uint32_t>(block + 4);
    const std::byte* codes = block + 8;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low_bits(codes[i]) | fifth_bit(high, i)) + m;
      out[i + 16] = d * static_cast<float>(high_bits(codes[i]) | fifth_bit(high, i + 16)) + m;
    }
  }
}

/// half d, 32 signed bytes.
void dequantize_q8_0(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 34, out += kBlock) {
    const float d = load_half(block);
    for (int i = 0; i < kBlock; ++i) {
      out[i] = static_cast<float>(load<int8_t>(block + 2 + i)) * d;
    }
  }
}

/// The scale and minimum of group `i` of 8, packed in 12 bytes of 6-bit numbers: the first four of
/// each are in bytes 0-3 and 4-7, the others are split over bytes 8-11 and the top bits of 0-7.
struct GroupScale {
  float scale;
  float minimum;
};
GroupScale group_scale(const std::byte* packed, int i) {
  const auto at = [&](int j) { return std::to_integer<int>(packed[j]); };
  if (i < 4) return {static_cast<float>(at(i) & 63), static_cast<float>(at(i + 4) & 63)};
  const int scale = (at(i + 4) & 0x0F) | ((at(i - 4) >> 2) & 0x30);
  const int minimum = (at(i + 4) >> 4) | ((at(i) >> 2) & 0x30);
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

/// half d, half dmin, 12 bytes of scales, [32 bytes of fifth bits,] 128 bytes of codes: each run of
/// 32 codes gives two groups of 32 elements.
template <bool kHasFifthBit>
void dequantize_q4_or_q5_k(const std::byte* block, int64_t num_blocks, float* out) {
  constexpr int kHighBytes = kHasFifthBit ? 32 : 0;
  for (int64_t b = 0; b < num_blocks; ++b, block += 144 + kHighBytes) {
    const float d = load_half(block);
    const float dmin = load_half(block + 2);
    const std::byte* high = block + 16;
    const std::byte* codes = high + kHighBytes;
    for (int group = 0; group < 8; ++group) {
      const GroupScale packed = group_scale(block + 4, group);
      const float scale = d * packed.scale;
      const float minimum = dmin * packed.minimum;
      const std::byte* run = codes + group / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        int code = group % 2 == 0 ? low_bits(run[i]) : high_bits(run[i]);
        if (kHasFifthBit) code |= ((std::to_integer<int>(high[i]) >> group) & 1) << 4;
        *out++ = scale * static_cast<float>(code) - minimum;
      }
    }
  }
}

/// 128 bytes of low bits, 64 bytes of high bits, 16 signed scales, half d. Each half of the block
/// has four runs of 32 elements; a scale holds for 16.
void dequantize_q6_k(const std::byte* block, int64_t num_blocks, float* out) {
  for (int64_t b = 0; b < num_blocks; ++b, block += 210) {
    const std::byte* scales = block + 192;
    const float d = load_half(block + 208);
    for (int run = 0; run < 8; ++run) {
      const std::byte* low = block + run / 4 * 64 + run % 2 * 32;
      const std::byte* high = block + 128 + run / 4 * 32;
      const bool is_upper = run % 4 >= 2;
      for (int i = 0; i < 32; ++i) {
        const int low_code = is_upper ? high_bits(low[i]) : low_bits(low[i]);
        const int high_code = (std::to_integer<int>(high[i]) >> (run % 4 * 2)) & 3;
        const auto scale = static_cast<float>(load<int8_t>(scales + run * 2 + i / 16));
        *out++ = d * scale * static_cast<float>((low_code | (high_code << 4)) - 32);
      }
    }
  }
}

constexpr std::array kTypes = {
    GgufType{0, "F32", 1, 4, at::ScalarType::Float, nullptr},
    GgufType{1, "F16", 1, 2, at::ScalarType::Half, nullptr},
    GgufType{2, "Q4_0", kBlock, 18, at::ScalarType::Float, dequantize_q4_0},
    GgufType{3, "Q4_1", kBlock, 20, at::ScalarType::Float, dequantize_q4_1},
    GgufType{6, "Q5_0", kBlock, 22, at::ScalarType::Float, dequantize_q5_0},
    GgufType{7, "Q5_1", kBlock, 24, at::ScalarType::Float, dequantize_q5_1},
    GgufType{8, "Q8_0", kBlock, 34, at::ScalarType::Float, dequantize_q8_0},
    GgufType{12, "Q4_K", kSuperBlock, 144, at::ScalarType::Float, dequantize_q4_or_q5_k<false>},
    GgufType{13, "Q5_K", kSuperBlock, 176, at::ScalarType::Float, dequantize_q4_or_q5_k<true>},
    GgufType{14, "Q6_K", kSuperBlock, 210, at::ScalarType::Float, dequantize_q6_k},
    GgufType{24, "I8", 1, 1, at::ScalarType::Char, nullptr},
    GgufType{25, "I16", 1, 2, at::ScalarType::Short, nullptr},
    GgufType{26, "I32", 1, 4, at::ScalarType::Int, nullptr},
    GgufType{27, "I64", 1, 8, at::ScalarType::Long, nullptr},
    GgufType{28, "F64", 1, 8, at::ScalarType::Double, nullptr},
    GgufType{30, "BF16", 1, 2, at::ScalarType::BFloat16, nullptr},
};

}  // namespace

const GgufType* find_gguf_type(uint32_t id) {
  const auto* found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const GgufType& t) { return t.id == id; });
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace blip2
