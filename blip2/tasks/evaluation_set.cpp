// Groups records by their pictures, and finds what cannot be evaluated before a model runs.
#include "blip2/tasks/evaluation_set.h"

#include <algorithm>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/data/record_identity.h"
#include "blip2/tasks/usable_texts.h"

namespace blip2 {
namespace {

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

}  // namespace

std::vector<Record> read_evaluation_set(const Source& source, const FailedInput& failed) {
  std::vector<Record> pictures;
  std::unordered_map<std::string, size_t> places;
  for (int64_t index = 0; index < source.size(); ++index) {
    throw_if_interrupted();
    try {
      Record record = source.record(index);
      std::erase_if(record.captions, is_blank);
      if (record.captions.empty()) {
        fail(ErrorCode::kCorruptData, "{}: empty caption", record.image.string());
      }
      const auto [place, is_new] = places.emplace(picture_identity(record), pictures.size());
      if (is_new) {
        pictures.push_back(std::move(record));
      } else {
        std::vector<std::string>& known = pictures[place->second].captions;
        std::ranges::move(record.captions, std::back_inserter(known));
      }
    } catch (const Error& error) {
      if (!failed || error.code() == ErrorCode::kInternal) throw;
      failed(fmt::format("record {}", index), error.what());
    }
  }
  return pictures;
}

void remove_unreadable_texts(const Bundle& bundle, int64_t max_text_length,
                             std::vector<Record>& pictures, const FailedInput& failed) {
  std::vector<std::string> texts;
  for (const Record& picture : pictures) {
    texts.insert(texts.end(), picture.captions.begin(), picture.captions.end());
  }
  const std::vector<UnusableText> unusable = find_unusable_texts(bundle, texts, max_text_length);
  if (unusable.empty()) return;
  size_t text = 0;
  auto next = unusable.begin();
  for (Record& picture : pictures) {
    std::vector<std::string> kept;
    for (std::string& caption : picture.captions) {
      if (next == unusable.end() || next->place != text++) {
        kept.push_back(std::move(caption));
        continue;
      }
      if (!failed) throw next->error;
      failed(picture.image.string(), next++->error.what());
    }
    picture.captions = std::move(kept);
  }
  std::erase_if(pictures, [](const Record& picture) { return picture.captions.empty(); });
}

}  // namespace blip2
