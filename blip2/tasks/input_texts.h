// Which text belongs to which picture: a text for each picture, or several texts for one picture.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "blip2/tasks/pictures.h"

namespace blip2 {

class InputTexts {
 public:
  /// Throws kInvalidArgument for texts that are neither none, nor as many as the pictures, nor for
  /// one picture. Empty: texts without pictures.
  InputTexts(std::vector<std::string> texts, size_t num_pictures);

  /// The texts that a batch of pictures is read with; none where there are none.
  std::vector<std::string> of(const std::vector<Picture>& batch) const;

  /// How many inputs a batch is: pictures, or the texts of the one picture.
  size_t num_inputs(const std::vector<Picture>& batch) const;

  /// The place in its batch of an input's picture.
  size_t picture_of(size_t input) const { return is_one_for_all_ ? 0 : input; }

 private:
  std::vector<std::string> texts_;
  bool is_one_for_all_ = false;
};

}  // namespace blip2
