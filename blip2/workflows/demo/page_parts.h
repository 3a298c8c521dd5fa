// The figures that the demo's two pages share: curves of its runs, captioned pictures, searches.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "blip2/image/transforms.h"
#include "blip2/report/page.h"
#include "blip2/tasks/evaluator.h"
#include "blip2/workflows/demo/plan.h"

namespace blip2 {

/// Pictures as the model sees them, small, as PNG bytes. Each file is read once.
class Thumbnails {
 public:
  explicit Thumbnails(ImageTransform transform) : transform_(std::move(transform)) {}

  const std::string& of(const std::string& path);

 private:
  ImageTransform transform_;
  std::map<std::string, std::string> encoded_;  // by path
};

/// What the small print of both pages says: the version, and whose pictures these are.
std::string demo_footer();

/// The losses in the logs of the demo's runs below `output`. A run without a log has no curve, and
/// a figure without a curve is left out.
std::vector<Figure> training_figures(const std::filesystem::path& output, const DemoPlan& plan);

/// The first `most` pictures of a set with the captions that the model wrote and the references.
Figure caption_figure(const CaptionEvaluation& result, size_t most, Thumbnails& thumbnails);

/// The first `most` captions of a set, no two of one group, each with the pictures that ITC ranks
/// highest. `set` names the pictures: "held-out drawings".
Figure search_figure(const RetrievalEvaluation& result, size_t most, const std::string& set,
                     Thumbnails& thumbnails);

}  // namespace blip2
