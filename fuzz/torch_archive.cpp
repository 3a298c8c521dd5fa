#include "blip2/checkpoint/pickle/torch_archive.h"

#include "fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const blip2::fuzz::MemoryFile file;
  file.assign(data, size);
  blip2::fuzz::expect_answer([] {
    const blip2::TorchArchive source(file.path());
    for (const blip2::TensorInfo& info : source.infos()) source.read(info.name);
  });
  return 0;
}
