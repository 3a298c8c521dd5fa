#include "blip2/checkpoint/gguf.h"

#include "fuzz/inputs.h"

namespace {

/// Every way to ask for a value; all except one or two throw.
void ask(const blip2::GgufFile& file, const std::string& key) {
  using blip2::fuzz::expect_answer;
  expect_answer([&] { file.get_string(key); });
  expect_answer([&] { file.get_uint(key); });
  expect_answer([&] { file.get_int(key); });
  expect_answer([&] { file.get_float(key); });
  expect_answer([&] { file.get_bool(key); });
  expect_answer([&] { file.get_string_array(key); });
  expect_answer([&] { file.get_int_array(key); });
  expect_answer([&] { file.get_float_array(key); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const blip2::fuzz::MemoryFile file;
  file.assign(data, size);
  blip2::fuzz::expect_answer([] {
    const blip2::GgufFile source(file.path());
    for (const std::string& key : source.keys()) ask(source, key);
    for (const blip2::TensorInfo& info : source.infos()) {
      source.type_name(info.name);
      source.read(info.name);
    }
  });
  return 0;
}
