// Annotation files, read to their end: BLIP2_FUZZ_FORMAT in a file called BLIP2_FUZZ_FILE.
#include "blip2/data/open_source.h"
#include "fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const blip2::fuzz::MemoryFolder folder;
  folder.write(BLIP2_FUZZ_FILE, {reinterpret_cast<const char*>(data), size});
  blip2::fuzz::expect_answer([] {
    const auto source = blip2::open_source({.name = "fuzz",
                                            .format = BLIP2_FUZZ_FORMAT,
                                            .annotations = {folder.path() / BLIP2_FUZZ_FILE},
                                            .images = {},
                                            .missing_caption = blip2::MissingCaption::kAllowed});
    for (int64_t i = 0; i < source->size(); ++i) {
      blip2::fuzz::expect_answer([&] { source->record(i); });
    }
  });
  return 0;
}
