// A tokenizer's directory with the input as one of its files (or two, parted by a zero byte), then
// a text there and back.
#include "blip2/text/tokenizer.h"

#include <vector>

#include "fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const blip2::fuzz::MemoryFolder folder;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
#ifdef BLIP2_FUZZ_SECOND_FILE
  const size_t end = bytes.find('\0');
  if (end == std::string_view::npos) return -1;
  folder.write(BLIP2_FUZZ_FILE, bytes.substr(0, end));
  folder.write(BLIP2_FUZZ_SECOND_FILE, bytes.substr(end + 1));
#else
  folder.write(BLIP2_FUZZ_FILE, bytes);
#endif
  blip2::fuzz::expect_answer([] {
    const auto tokenizer = blip2::load_tokenizer(folder.path());
    std::vector<int64_t> ids =
        tokenizer->encode("A photo of a caf\xC3\xA9, isn't it? 12\n\n \xF0\x9F\x90\xB6");
    tokenizer->decode(ids);
    for (int64_t id = -1; id < 40; ++id) ids.push_back(id);
    tokenizer->decode(ids, blip2::Specials::kWith);
  });
  return 0;
}
