// Slots compared with a source, then filled.
#include "blip2/checkpoint/load.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <map>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/dtypes.h"
#include "blip2/checkpoint/finite.h"
#include "blip2/checkpoint/rename.h"

namespace blip2 {
namespace {

constexpr size_t kNumNamed = 5;  ///< names that a message lists of each kind

std::string list_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNumNamed); ++i) {
    text += (i == 0 ? "" : ", ") + quote(names[i]);
  }
  if (names.size() > kNumNamed) text += fmt::format(" and {} more", names.size() - kNumNamed);
  return text;
}

/// A source may know why a tensor is missing: then read() throws kUnsupported.
void rethrow_reason(const TensorSource& source, const std::vector<std::string>& missing) {
  for (size_t i = 0; i < std::min(missing.size(), kNumNamed); ++i) {
    try {
      source.read(missing[i]);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUnsupported) throw;
    }
  }
}

[[noreturn]] void fail_with_report(const TensorSource& source, const LoadReport& report) {
  rethrow_reason(source, report.missing);
  std::vector<std::string> parts;
  const auto plural = [](size_t n) { return n == 1 ? "tensor" : "tensors"; };
  if (!report.missing.empty()) {
    parts.push_back(fmt::format("{} {} missing: {}", report.missing.size(),
                                plural(report.missing.size()), list_names(report.missing)));
  }
  if (!report.unused.empty()) {
    parts.push_back(fmt::format("{} unexpected {}: {}", report.unused.size(),
                                plural(report.unused.size()), list_names(report.unused)));
  }
  for (size_t i = 0; i < std::min(report.misshapen.size(), kNumNamed); ++i) {
    const Misshapen& wrong = report.misshapen[i];
    parts.push_back(fmt::format("{} has the shape {}, expected {}", quote(wrong.name),
                                shape_text(wrong.found), shape_text(wrong.expected)));
  }
  if (report.misshapen.size() > kNumNamed) {
    parts.push_back(fmt::format("{} more shapes", report.misshapen.size() - kNumNamed));
  }
  for (size_t i = 0; i < std::min(report.mistyped.size(), kNumNamed); ++i) {
    const Mistyped& wrong = report.mistyped[i];
    parts.push_back(
        fmt::format("{} is stored as {}, expected {}", quote(wrong.name), wrong.found,
                    wrong.expects_fractions ? "floating-point numbers" : "whole numbers"));
  }
  if (report.mistyped.size() > kNumNamed) {
    parts.push_back(fmt::format("{} more types", report.mistyped.size() - kNumNamed));
  }
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  fail(ErrorCode::kCorruptData, "{}: {}", source.describe(), text);
}

bool is_ignored(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return name_matches(pattern, name); });
}

/// The name by which a slot's tensor is to be read; nothing where the source has none of its names.
template <typename Has>
const std::string* name_in_source(const Slot& slot, const Has& has) {
  if (has(slot.name)) return &slot.name;
  const auto found = std::find_if(slot.alternatives.begin(), slot.alternatives.end(), has);
  return found == slot.alternatives.end() ? nullptr : &*found;
}

void fill_slot(const Slot& slot, const at::Tensor& loaded, bool copy) {
  at::Tensor& tensor = *slot.tensor;
  if (tensor.is_meta()) {
    const bool requires_grad = tensor.requires_grad();
    tensor = at::empty_like(tensor, at::TensorOptions().device(at::kCPU));
    tensor.copy_(loaded);
    if (requires_grad) tensor.set_requires_grad(true);
    return;
  }
  const bool is_view_enough = !copy && !tensor.requires_grad() && tensor.device().is_cpu() &&
                              tensor.scalar_type() == loaded.scalar_type();
  if (is_view_enough) {
    tensor = loaded;
  } else {
    tensor.copy_(loaded);
  }
}

}  // namespace

LoadReport inspect(const TensorSource& source, const std::vector<Slot>& slots,
                   const LoadOptions& options) {
  LoadReport report;
  std::set<std::string> wanted;
  for (const Slot& slot : slots) {
    BLIP2_CHECK(slot.tensor != nullptr && slot.tensor->defined());
    wanted.insert(slot.name);
    wanted.insert(slot.alternatives.begin(), slot.alternatives.end());
    const std::string* name = name_in_source(slot, [&](const std::string& candidate) {
      return find_info(source, candidate) != nullptr;
    });
    if (name == nullptr) {
      (slot.optional ? report.skipped : report.missing).push_back(slot.name);
      continue;
    }
    const std::vector<int64_t> expected = slot.tensor->sizes().vec();
    const TensorInfo& info = *find_info(source, *name);
    if (info.shape != expected) report.misshapen.push_back({*name, expected, info.shape});
    if (slot.tensor->is_floating_point() != at::isFloatingType(info.dtype)) {
      report.mistyped.push_back(
          {*name, slot.tensor->is_floating_point(), std::string(dtype_name(info.dtype))});
    }
  }
  for (const TensorInfo& info : source.infos()) {
    if (!wanted.contains(info.name) && !is_ignored(info.name, options.ignore_unused)) {
      report.unused.push_back(info.name);
    }
  }
  return report;
}

LoadReport load(const TensorSource& source, const std::vector<Slot>& slots,
                const LoadOptions& options) {
  LoadReport report = inspect(source, slots, options);
  if (!report.ok()) fail_with_report(source, report);

  const at::NoGradGuard no_grad;
  for (const Slot& slot : slots) {
    const std::string* name =
        name_in_source(slot, [&](const std::string& candidate) { return source.has(candidate); });
    if (name == nullptr) continue;
    const at::Tensor loaded = source.read(*name);
    BLIP2_CHECK(loaded.sizes() == slot.tensor->sizes());
    if ((options.check_finite || slot.check_finite) && !is_finite(loaded)) {
      fail(ErrorCode::kCorruptData, "{}: {} has a value that is not finite ({})", source.describe(),
           quote(*name), counts_text(count_not_finite(*name, loaded)));
    }
    fill_slot(slot, loaded, options.copy);
  }
  return report;
}

}  // namespace blip2
