// The filters of Pillow's `Image.resize`, by Pillow's names.
#pragma once

namespace blip2 {

/// The numbers are Pillow's (`PIL.Image.Resampling`), which configurations use.
enum class Filter {
  kNearest = 0,   ///< the pixel under the centre; no sum
  kLanczos = 1,   ///< sinc times sinc, support 3
  kBilinear = 2,  ///< the triangle, support 1
  kBicubic = 3,   ///< a = -0.5, support 2
  kBox = 4,       ///< support 0.5
  kHamming = 5,   ///< sinc under Hamming's window, support 1
};

/// How far a filter reaches from its centre, in pixels of the coarser picture. Not for kNearest.
double filter_support(Filter filter);

/// The filter at a distance from its centre, in pixels of the coarser picture. Not for kNearest.
double filter_value(Filter filter, double distance);

}  // namespace blip2
