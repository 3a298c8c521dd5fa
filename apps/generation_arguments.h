// The generation options of a command line: each field of GenerationOptions, by its Hugging Face
// name.
#pragma once

#include <string>

#include "apps/command_line.h"
#include "blip2/generate/options.h"

namespace blip2 {

class GenerationArguments {
 public:
  /// `options` must outlive this.
  void add(Options& options);
  /// The model's own defaults, with what the command line gave over them. Throws kInvalidArgument.
  GenerationOptions over(const GenerationOptions& defaults) const;
  /// The first of these options that the command line gave; "" where it gave none.
  std::string first_given() const;

 private:
  GenerationOptions given_;
  const Options* options_ = nullptr;
};

}  // namespace blip2
