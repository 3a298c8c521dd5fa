// Says how well each text describes a picture: match_picture MODEL PICTURE TEXT...
// MODEL is a directory of a model for retrieval: a stage-1 BLIP-2, a BLIP or a CLIP.
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/tasks/matcher.h"

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: match_picture MODEL PICTURE TEXT...\n");
    return 2;
  }
  const blip2::Bundle model = blip2::load_bundle(argv[1]);
  const std::vector<std::string> texts(argv + 3, argv + argc);
  const blip2::Matcher matcher(model, texts, model.max_text_length);
  const auto matches = matcher.match({blip2::read_picture(argv[2], model.transform)});
  for (size_t text = 0; text < texts.size(); ++text) {
    const blip2::Match& match = matches.at(0).at(text);
    std::printf("cosine %.4f", match.itc);
    if (match.itm) std::printf("  probability of a match %.4f", match.itm->probability);
    std::printf("  %s\n", texts[text].c_str());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "match_picture: %s\n", error.what());
  return 1;
}
