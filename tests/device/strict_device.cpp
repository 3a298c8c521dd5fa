// The tests' device: an allocator, a fallback for every operator, streams and events.
#include "tests/device/strict_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceType.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2::testing {
namespace {

constexpr at::DeviceType kType = at::DeviceType::PrivateUse1;
/// What lies on the device is not what it means: whoever reads it in place gets nonsense.
constexpr std::byte kScramble{0xA5};

class Memory final : public at::Allocator {
 public:
  at::DataPtr allocate(size_t bytes) override {
    void* data = bytes > 0 ? std::malloc(bytes) : nullptr;
    return {data, data, &std::free, at::Device(kType, 0)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

Memory& memory() {
  static Memory memory;
  return memory;
}

at::ScalarType bits_of(at::ScalarType type) {
  switch (c10::elementSize(type)) {
    case 1:
      return at::kByte;
    case 2:
      return at::kShort;
    case 4:
      return at::kInt;
    case 8:
      return at::kLong;
    default:
      throw std::logic_error("strict device: a type of another size");
  }
}

/// The bits where they lie, as integers of the CPU.
at::Tensor bits_in_place(const at::Tensor& tensor) {
  const at::ScalarType type = bits_of(tensor.scalar_type());
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), type);
  auto* data = static_cast<std::byte*>(tensor.storage().mutable_data()) +
               tensor.storage_offset() * static_cast<int64_t>(tensor.element_size());
  return at::from_blob(data, tensor.sizes(), tensor.strides(), at::TensorOptions(type));
}

void scramble(at::Tensor& contiguous) {
  scramble_bytes(static_cast<std::byte*>(contiguous.mutable_data_ptr()), contiguous.nbytes());
}

/// A copy on the CPU.
at::Tensor on_host(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  at::Tensor bits = bits_in_place(tensor).clone(at::MemoryFormat::Contiguous);
  scramble(bits);
  return bits.view(tensor.scalar_type());
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  at::Tensor values = on_host(from).to(to.scalar_type()).expand(to.sizes());
  if (to.is_cpu()) {
    to.copy_(values);
    return to;
  }
  at::Tensor bits = values.clone(at::MemoryFormat::Contiguous).view(bits_of(to.scalar_type()));
  scramble(bits);
  bits_in_place(to).copy_(bits);
  return to;
}

at::Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> dtype,
                               std::optional<at::Layout>, std::optional<at::Device>,
                               std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(),
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                         std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory(),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           c10::dtype_or_default(dtype));
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (to.sizes() != from.sizes()) {
    const at::Tensor fresh = at::empty(from.sizes(), to.options());
    to.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
    to.unsafeGetTensorImpl()->set_storage_offset(0);
    to.unsafeGetTensorImpl()->set_sizes_contiguous(from.sizes());
  }
  return copy_from(from, to, false);
}

/// torch asks a device for its own convolution: a fallback is not enough.
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, c10::SymIntArrayRef stride,
                       c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed,
                       c10::SymIntArrayRef output_padding, c10::SymInt groups) {
  const std::optional<at::Tensor> host_bias =
      bias && bias->defined() ? std::optional(on_host(*bias)) : std::nullopt;
  return at::convolution_symint(on_host(x), on_host(weight), host_bias, stride, padding, dilation,
                                transposed, output_padding, groups)
      .to(x.device());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight,
    c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
    bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups,
    std::array<bool, 3> wanted) {
  const std::vector<c10::SymInt> bias_size = {weight.sym_size(0)};
  const auto [of_x, of_weight, of_bias] = at::convolution_backward_symint(
      on_host(gradient), on_host(x), on_host(weight), c10::SymIntArrayRef(bias_size), stride,
      padding, dilation, transposed, output_padding, groups, wanted);
  const auto back = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.to(x.device()) : tensor;
  };
  return {back(of_x), back(of_weight), back(of_bias)};
}

at::Scalar local_scalar_dense(const at::Tensor& tensor) { return on_host(tensor).item(); }

void check(const std::string& name, const at::Tensor& tensor) {
  if (tensor.defined() && tensor.is_cpu() && tensor.dim() > 0) {
    throw std::logic_error(name + ": a tensor of the CPU among the device's");
  }
}

void compute_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::string& name = op.schema().name();
  for (const c10::IValue& value : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (value.isTensor()) check(name, value.toTensor());
    if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) check(name, tensor);
    }
    if (value.isOptionalTensorList()) {
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
        if (tensor) check(name, *tensor);
      }
    }
  }
  at::native::cpu_fallback(op, stack);
}

/// A stream: a thread that does one thing after another.
class Stream {
 public:
  ~Stream() {
    put(nullptr);
    thread_.join();
  }
  void put(std::function<void()> work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_.push_back(std::move(work));
    something_.notify_one();
  }

 private:
  void run() {
    while (true) {
      std::function<void()> work;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        something_.wait(lock, [this] { return !work_.empty(); });
        work = std::move(work_.front());
        work_.pop_front();
      }
      if (!work) return;
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable something_;
  std::deque<std::function<void()>> work_;
  std::thread thread_{[this] { run(); }};
};

/// By their ids, from 1; 0 is the default stream, which does all at once.
std::vector<std::unique_ptr<Stream>>& streams() {
  static std::vector<std::unique_ptr<Stream>> all;
  return all;
}

Stream* stream_of(const c10::Stream& stream) {
  return stream.id() == 0 ? nullptr : streams().at(static_cast<size_t>(stream.id()) - 1).get();
}

/// What an event of c10 points to.
using Moment = std::shared_ptr<std::atomic<bool>>;

void wait_for(const Moment& moment) {
  while (!*moment) std::this_thread::yield();
}

struct Guard final : c10::impl::NoOpDeviceGuardImpl<kType> {
  at::Device exchangeDevice(at::Device) const override { return {kType, 0}; }
  at::Device getDevice() const override { return {kType, 0}; }
  c10::Stream getStream(at::Device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, {kType, 0});
  }
  c10::Stream getNewStream(at::Device, int) const override {
    streams().push_back(std::make_unique<Stream>());
    return c10::Stream(c10::Stream::UNSAFE, {kType, 0}, std::ssize(streams()));
  }
  void* getStreamNativeHandle(const c10::Stream stream) const override { return stream_of(stream); }

  void record(void** event, const c10::Stream& stream, const c10::DeviceIndex,
              const c10::EventFlag) const override {
    if (*event == nullptr) *event = new Moment;
    const Moment moment = std::make_shared<std::atomic<bool>>(false);
    *static_cast<Moment*>(*event) = moment;
    enqueue(stream_of(stream), [moment] { *moment = true; });
  }
  void block(void* event, const c10::Stream& stream) const override {
    enqueue(stream_of(stream), [moment = *static_cast<Moment*>(event)] { wait_for(moment); });
  }
  bool queryEvent(void* event) const override { return **static_cast<Moment*>(event); }
  void destroyEvent(void* event, const c10::DeviceIndex) const noexcept override {
    delete static_cast<Moment*>(event);
  }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    return at::detail::getDefaultCPUGenerator();
  }
  c10::DeviceIndex deviceCount() const override { return 1; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
};

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&compute_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty_memory_format);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("_local_scalar_dense", &local_scalar_dense);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view",
               static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(&at::native::view));
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("unfold", &at::native::unfold);
}

/// Before main(): autograd counts the devices once.
const bool is_registered = [] {
  static Guard guard;
  static Hooks hooks;
  c10::impl::device_guard_impl_registry[static_cast<size_t>(kType)].store(&guard);
  c10::register_privateuse1_backend("strict");
  at::RegisterPrivateUse1HooksInterface(&hooks);
  c10::SetAllocator(kType, &memory());
  return true;
}();

}  // namespace

void scramble_bytes(std::byte* bytes, size_t count) {
  std::for_each(bytes, bytes + count, [](std::byte& byte) { byte ^= kScramble; });
}

void enqueue(void* stream, std::function<void()> work) {
  if (stream == nullptr) return work();
  static_cast<Stream*>(stream)->put(std::move(work));
}

at::Device strict_device() {
  BLIP2_CHECK(is_registered);
  return {kType, 0};
}

}  // namespace blip2::testing
