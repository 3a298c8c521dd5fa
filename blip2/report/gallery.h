// Pictures with words: generated captions, search results, attention. HTML fragments for a Page's
// figures; pictures come as encoded bytes (PNG and such).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace blip2 {

/// One picture with what people and the model say about it.
struct CaptionCard {
  std::string picture;  ///< encoded bytes
  std::string reference;
  std::string generated;
  std::optional<bool> noun_right = {};  ///< a tick or a cross; nothing if not known
  std::string remark = {};              ///< small print, may be empty
};

/// A grid of cards.
std::string caption_gallery(const std::vector<CaptionCard>& cards);

/// One picture that a search found.
struct SearchHit {
  std::string picture;  ///< encoded bytes
  double score = 0;
  bool right = false;            ///< highlighted
  std::string description = {};  ///< for readers who do not see the picture; may be empty
};

struct SearchResult {
  std::string query;
  std::vector<SearchHit> hits;              ///< best first
  std::optional<int64_t> right_place = {};  ///< where the right picture came, from 1
};

/// A row of pictures for every query.
std::string search_gallery(const std::vector<SearchResult>& results);

/// One picture, or the same picture under a heat map, with a few words.
struct AttentionPanel {
  std::string picture;  ///< encoded bytes
  std::string label;
};

/// A picture and where each of some queries looks; the first panel is usually the plain picture.
struct AttentionRow {
  std::vector<AttentionPanel> panels;
};

std::string attention_gallery(const std::vector<AttentionRow>& rows);

/// A picture and the texts that were considered for it, best first.
struct CandidateCard {
  struct Row {
    std::string text;
    std::string source;  ///< "web", "drawn"
    double score = 0;
    bool kept = false;   ///< highlighted
    std::string remark;  ///< why it is not kept; may be empty
  };
  std::string picture;      ///< encoded bytes
  std::string description;  ///< for readers who do not see the picture
  std::vector<Row> rows;
};

/// A picture beside a list of texts, one below the other.
std::string candidate_gallery(const std::vector<CandidateCard>& cards);

}  // namespace blip2
