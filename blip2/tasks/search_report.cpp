// Draws the thumbnails of a search and puts them on a page.
#include "blip2/tasks/search_report.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/image/encode.h"
#include "blip2/image/resize.h"
#include "blip2/report/gallery.h"
#include "blip2/report/page.h"
#include "blip2/tasks/picture_files.h"

namespace blip2 {
namespace {

constexpr int kLongerSide = 192;  // pixels of a picture on the page

/// A small PNG of a picture file.
std::string thumbnail(const std::filesystem::path& path, const DecodeOptions& options) {
  const Image image = decode(PictureFiles().open(path.string())->bytes(), path.string(), options);
  const double scale = static_cast<double>(kLongerSide) / std::max(image.width, image.height);
  if (scale >= 1) return encode_png(image);
  const auto scaled = [&](int side) { return std::max(1, static_cast<int>(side * scale)); };
  return encode_png(resize(image, scaled(image.width), scaled(image.height)));
}

/// A grey picture for one that cannot be read any more.
std::string placeholder() {
  const Image grey{64, 64, std::vector<uint8_t>(size_t{64} * 64 * 3, 200)};
  return encode_png(grey);
}

}  // namespace

void write_search_report(const std::filesystem::path& path, const Index& index,
                         const std::vector<QueryResult>& results, const DecodeOptions& options) {
  std::vector<SearchResult> shown;
  for (const QueryResult& result : results) {
    SearchResult& row = shown.emplace_back();
    row.query = result.query;
    for (const FoundImage& found : result.found) {
      SearchHit& hit = row.hits.emplace_back();
      hit.score = found.score;
      hit.description = found.image;
      try {
        hit.picture = thumbnail(index.image_file(found.row), options);
      } catch (const Error&) {
        hit.picture = placeholder();
        hit.description += " (cannot be read)";
      }
    }
  }
  Page page("Search", fmt::format("The best pictures for {} queries among {}, best first.",
                                  results.size(), index.size()));
  page.section("Results");
  page.figure({.markup = search_gallery(shown)});
  page.footer(fmt::format("blip2 {}, model {}", BLIP2_VERSION, index.model().string()));
  write_file_atomic(path, page.html());
}

}  // namespace blip2
