// Captions pictures: caption_picture MODEL PICTURE...
// MODEL is a directory of a model that writes: a stage-2 BLIP-2, an InstructBLIP or a BLIP.
#include <cstdio>
#include <exception>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/tasks/captioner.h"

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: caption_picture MODEL PICTURE...\n");
    return 2;
  }
  const blip2::Bundle model = blip2::load_bundle(argv[1]);
  const blip2::Captioner captioner(model, blip2::default_generation_options(model, argv[1]),
                                   model.prompt);
  std::vector<blip2::Picture> pictures;
  for (int i = 2; i < argc; ++i) {
    pictures.push_back(blip2::read_picture(argv[i], model.transform));
  }
  for (const auto& captions : captioner.caption(pictures)) {
    for (const blip2::Caption& caption : captions) std::printf("%s\n", caption.text.c_str());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "caption_picture: %s\n", error.what());
  return 1;
}
