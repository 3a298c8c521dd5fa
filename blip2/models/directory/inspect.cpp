// Inspecting a directory: a walk over its layout, which reads no tensor unless values are asked for.
#include "blip2/models/directory/inspect.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/checkpoint/dtypes.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/token_ids.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

int64_t elements(const std::vector<NamedTensor>& tensors) {
  int64_t total = 0;
  for (const NamedTensor& named : tensors) {
    if (named.tensor->is_floating_point()) total += named.tensor->numel();
  }
  return total;
}

/// A tokenizer, where the directory has it, must fit the table of words.
void check_tokenizer(const fs::path& directory, const TokenizerPlace& place) {
  const fs::path folder = place.folder.empty() ? directory : directory / place.folder;
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = load_model_tokenizer(folder, place.extra_special_tokens);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return;
    throw;
  }
  check_token_ids(folder, *tokenizer, place.vocab_size);
}

/// How the layout and the weights agree.
void compare(Inspection& result, const Layout& layout, const TensorSource& source) {
  std::vector<Slot> slots;
  for (const LayoutPart& part : layout.parts) {
    slots.insert(slots.end(), part.slots.begin(), part.slots.end());
  }
  const LoadReport report = inspect(source, slots, {.ignore_unused = layout.ignored});
  result.missing = report.missing;
  result.absent = report.skipped;
  result.unused = report.unused;
  result.misshapen = report.misshapen;
  result.mistyped = report.mistyped;
}

/// What the weights hold.
void count_stored(Inspection& result, const TensorSource& source) {
  result.tensors = source.infos();
  for (const TensorInfo& info : source.infos()) {
    int64_t size = static_cast<int64_t>(c10::elementSize(info.dtype));
    for (const int64_t dimension : info.shape) size *= dimension;
    result.stored_bytes[std::string(dtype_name(info.dtype))] += size;
  }
}

int64_t sum(const std::vector<InspectedPart>& parts, bool frozen) {
  int64_t total = 0;
  for (const InspectedPart& part : parts) {
    if (part.frozen == frozen) total += part.parameters;
  }
  return total;
}

}  // namespace

int64_t Inspection::frozen_parameters() const { return sum(parts, true); }
int64_t Inspection::trained_parameters() const { return sum(parts, false); }

Inspection inspect_directory(const fs::path& path, Values values) {
  const OpenedDirectory directory(path);
  const Layout found = layout(directory);
  Inspection result;
  result.kind = found.title;
  int64_t total = 0;
  for (const LayoutPart& part : found.parts) {
    result.parts.push_back(
        {part.title, part.family, part.frozen, elements(part.tensors), part.sizes});
    total += result.parts.back().parameters;
  }
  result.memory_bytes = {{"float32", 4 * total}, {"bfloat16", 2 * total}, {"float16", 2 * total}};
  for (const TokenizerPlace& place : found.tokenizers) check_tokenizer(directory.path(), place);
  if (const int64_t size = encoder_size(found); size > 0) find_transform(directory, size);
  compare(result, found, directory.weights());
  count_stored(result, directory.weights());
  if (values == Values::kRead) {
    result.not_finite = not_finite_tensors(directory.weights());
    result.has_read_values = true;
  }
  return result;
}

}  // namespace blip2
