#include "blip2/checkpoint/unpickler.h"

#include <bit>
#include <optional>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/messages.h"
#include "blip2/checkpoint/pickle_globals.h"
#include "blip2/checkpoint/pickle_opcodes.h"

namespace blip2 {
namespace {

/// A value takes about 100 bytes here and may be made by one byte there; real files have some
/// 100,000.
constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kLongestGlobal = 256;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& path) : reader_(bytes, path) {}

  Pickle run();

 private:
  [[noreturn]] void corrupt(const char* what) const {
    fail(ErrorCode::kCorruptData, "{}: the pickle {} at its byte {}", reader_.path(), what,
         reader_.position());
  }

  /// Each group of opcodes; false if the opcode is not of the group.
  bool run_scalar(uint8_t opcode);
  bool run_container(uint8_t opcode);
  bool run_memo(uint8_t opcode);
  bool run_object(uint8_t opcode);

  void push(PickleValue value);
  PickleRef pop();
  PickleRef top() const;
  std::vector<PickleRef> pop_many(size_t count);
  std::vector<PickleRef> pop_to_mark();
  PickleValue read_long();
  void append(const std::vector<PickleRef>& items);
  void set_items(const std::vector<PickleRef>& items);

  PickleGlobal read_global();
  PickleStorage make_storage(PickleRef id) const;
  PickleValue call(const PickleGlobal& global, const std::vector<PickleRef>& arguments) const;
  PickleDictionary make_dictionary(const std::vector<PickleRef>& arguments) const;
  PickleTensor make_tensor(const std::vector<PickleRef>& arguments, bool has_dtype) const;
  std::vector<int64_t> integers(PickleRef ref) const;

  template <typename T>
  const T& expect(PickleRef ref, const char* what) const {
    const T* value = std::get_if<T>(&pickle_.values[ref]);
    if (value == nullptr) corrupt(what);
    return *value;
  }

  ByteReader reader_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleRef> memo_;
};

Pickle Machine::run() {
  if (reader_.read<uint8_t>() != kProto) corrupt("does not start as one");
  const auto protocol = reader_.read<uint8_t>();
  if (protocol != 2) {
    fail(ErrorCode::kUnsupported, "{}: the pickle has protocol {}, only 2 (torch.save's) is read",
         reader_.path(), protocol);
  }
  while (true) {
    const auto opcode = reader_.read<uint8_t>();
    if (opcode == kStop) break;
    if (!run_scalar(opcode) && !run_container(opcode) && !run_memo(opcode) && !run_object(opcode)) {
      fail(ErrorCode::kUnsupported, "{}: the pickle has the opcode 0x{:02x} at its byte {}, {}",
           reader_.path(), opcode, reader_.position() - 1, "which torch.save does not write");
    }
  }
  pickle_.root = pop();
  pickle_.size_bytes = reader_.position();
  return std::move(pickle_);
}

bool Machine::run_scalar(uint8_t opcode) {
  switch (opcode) {
    case kNone:
      push(PickleNone{});
      return true;
    case kNewTrue:
    case kNewFalse:
      push(opcode == kNewTrue);
      return true;
    case kBinInt:
      push(int64_t{reader_.read<int32_t>()});
      return true;
    case kBinInt1:
      push(int64_t{reader_.read<uint8_t>()});
      return true;
    case kBinInt2:
      push(int64_t{reader_.read<uint16_t>()});
      return true;
    case kLong1:
      push(read_long());
      return true;
    case kBinFloat:  // the one big-endian number of the format
      push(std::bit_cast<double>(__builtin_bswap64(reader_.read<uint64_t>())));
      return true;
    case kBinUnicode:
    case kBinString:
      push(reader_.text(reader_.read<uint32_t>()));
      return true;
    case kShortBinString:
      push(reader_.text(reader_.read<uint8_t>()));
      return true;
    default:
      return false;
  }
}

bool Machine::run_container(uint8_t opcode) {
  switch (opcode) {
    case kMark:
      marks_.push_back(stack_.size());
      return true;
    case kEmptyTuple:
    case kEmptyList:
      push(PickleSequence{});
      return true;
    case kTuple:
      push(PickleSequence{pop_to_mark()});
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3:
      push(PickleSequence{pop_many(opcode - kTuple1 + 1u)});
      return true;
    case kAppend:
      append(pop_many(1));
      return true;
    case kAppends:
      append(pop_to_mark());
      return true;
    case kEmptyDict:
      push(PickleDictionary{});
      return true;
    case kSetItem:
      set_items(pop_many(2));
      return true;
    case kSetItems:
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool Machine::run_memo(uint8_t opcode) {
  if (opcode != kBinPut && opcode != kLongBinPut && opcode != kBinGet && opcode != kLongBinGet) {
    return false;
  }
  const bool is_long = opcode == kLongBinPut || opcode == kLongBinGet;
  const uint32_t slot = is_long ? reader_.read<uint32_t>() : reader_.read<uint8_t>();
  if (opcode == kBinPut || opcode == kLongBinPut) {
    memo_[slot] = top();
    return true;
  }
  const auto found = memo_.find(slot);
  if (found == memo_.end()) corrupt("refers to nothing");
  stack_.push_back(found->second);
  return true;
}

bool Machine::run_object(uint8_t opcode) {
  switch (opcode) {
    case kGlobal:
      push(read_global());
      return true;
    case kBinPersId:
      push(make_storage(pop()));
      return true;
    case kReduce:
    case kNewObj: {
      const PickleRef arguments = pop();
      const PickleRef global = pop();
      push(call(expect<PickleGlobal>(global, "calls what is no global"),
                expect<PickleSequence>(arguments, "calls without arguments").items));
      return true;
    }
    case kBuild:  // the attributes of a dictionary: torch keeps versions of modules there
      pop();
      expect<PickleDictionary>(top(), "sets attributes of what is no dictionary");
      return true;
    default:
      return false;
  }
}

void Machine::push(PickleValue value) {
  if (pickle_.values.size() >= kMaxValues) {
    fail(ErrorCode::kUnsupported, "{}: the pickle has more than {} values", reader_.path(),
         kMaxValues);
  }
  stack_.push_back(static_cast<PickleRef>(pickle_.values.size()));
  pickle_.values.push_back(std::move(value));
}

PickleRef Machine::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) corrupt("takes from an empty stack");
  return stack_.back();
}

PickleRef Machine::pop() {
  const PickleRef ref = top();
  stack_.pop_back();
  return ref;
}

std::vector<PickleRef> Machine::pop_many(size_t count) {
  std::vector<PickleRef> refs(count);
  for (size_t i = count; i-- > 0;) refs[i] = pop();
  return refs;
}

std::vector<PickleRef> Machine::pop_to_mark() {
  if (marks_.empty()) corrupt("closes what was not opened");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> refs(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return refs;
}

PickleValue Machine::read_long() {
  const auto size_bytes = reader_.read<uint8_t>();
  const std::string_view digits = reader_.text(size_bytes);
  if (size_bytes > 8) return PickleNone{};
  if (size_bytes == 0) return int64_t{0};
  // Two's complement, little-endian: the sign of the last byte fills the rest.
  const bool is_negative = (static_cast<uint8_t>(digits.back()) & 0x80) != 0;
  uint64_t value = is_negative ? ~uint64_t{0} : 0;
  std::memcpy(&value, digits.data(), size_bytes);
  return static_cast<int64_t>(value);
}

void Machine::append(const std::vector<PickleRef>& items) {
  auto* list = std::get_if<PickleSequence>(&pickle_.values[top()]);
  if (list == nullptr) corrupt("appends to what is no list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void Machine::set_items(const std::vector<PickleRef>& items) {
  auto* dictionary = std::get_if<PickleDictionary>(&pickle_.values[top()]);
  if (dictionary == nullptr) corrupt("sets an item of what is no dictionary");
  if (items.size() % 2 != 0) corrupt("has a key without a value");
  for (size_t i = 0; i < items.size(); i += 2) {
    dictionary->items.emplace_back(items[i], items[i + 1]);
  }
}

PickleGlobal Machine::read_global() {
  std::string name;
  for (const char separator : {'.', '\0'}) {
    while (true) {
      const auto letter = static_cast<char>(reader_.read<uint8_t>());
      if (letter == '\n') break;
      if (name.size() >= kLongestGlobal) corrupt("has an overlong name of a global");
      name += letter;
    }
    if (separator != '\0') name += separator;
  }
  const std::optional<PickleGlobal> global = find_pickle_global(name);
  if (!global) {
    fail(ErrorCode::kUnsupported,
         "{}: the pickle would execute {}; only tensors and plain values are read", reader_.path(),
         quote(name));
  }
  return *global;
}

PickleStorage Machine::make_storage(PickleRef id) const {
  constexpr const char* kFault = "has a persistent id that is no storage";
  // ("storage", type, key, location, number of elements[, None])
  const std::vector<PickleRef>& parts = expect<PickleSequence>(id, kFault).items;
  if (parts.size() < 5 || parts.size() > 6 ||
      expect<std::string_view>(parts[0], kFault) != "storage") {
    corrupt(kFault);
  }
  if (parts.size() == 6) expect<PickleNone>(parts[5], "has a view of a storage");
  const auto& type = expect<PickleGlobal>(parts[1], kFault);
  if (type.kind != PickleGlobalKind::kStorage) corrupt(kFault);
  return {expect<std::string_view>(parts[2], kFault), type.dtype,
          expect<int64_t>(parts[4], kFault)};
}

PickleValue Machine::call(const PickleGlobal& global,
                          const std::vector<PickleRef>& arguments) const {
  switch (global.kind) {
    case PickleGlobalKind::kDictionary:
      return make_dictionary(arguments);
    case PickleGlobalKind::kSequence:
      if (arguments.empty()) return PickleSequence{};
      return expect<PickleSequence>(arguments[0], "makes a list of what is none");
    case PickleGlobalKind::kText:
      if (arguments.empty()) corrupt("calls without arguments");
      return expect<std::string_view>(arguments[0], "needs a text");
    case PickleGlobalKind::kRebuildTensor:
      return make_tensor(arguments, /*has_dtype=*/false);
    case PickleGlobalKind::kRebuildTensorV3:
      return make_tensor(arguments, /*has_dtype=*/true);
    case PickleGlobalKind::kRebuildParameter:
      if (arguments.empty()) corrupt("calls without arguments");
      return expect<PickleTensor>(arguments[0], "makes a parameter of what is no tensor");
    case PickleGlobalKind::kDtype:
    case PickleGlobalKind::kStorage:
      break;
  }
  corrupt("calls a type");
}

PickleDictionary Machine::make_dictionary(const std::vector<PickleRef>& arguments) const {
  PickleDictionary dictionary;
  if (arguments.empty()) return dictionary;
  constexpr const char* kFault = "makes a dictionary of what is no list of pairs";
  for (const PickleRef item : expect<PickleSequence>(arguments[0], kFault).items) {
    const std::vector<PickleRef>& pair = expect<PickleSequence>(item, kFault).items;
    if (pair.size() != 2) corrupt(kFault);
    dictionary.items.emplace_back(pair[0], pair[1]);
  }
  return dictionary;
}

PickleTensor Machine::make_tensor(const std::vector<PickleRef>& arguments, bool has_dtype) const {
  // (storage, offset, shape, strides, requires_grad, hooks[, dtype, metadata])
  constexpr size_t kDtypeArgument = 6;
  if (arguments.size() < (has_dtype ? kDtypeArgument + 1 : 4)) {
    corrupt("has a tensor with too few arguments");
  }
  PickleTensor tensor;
  tensor.storage = expect<PickleStorage>(arguments[0], "has a tensor without a storage");
  tensor.offset = expect<int64_t>(arguments[1], "has a tensor without an offset");
  tensor.shape = integers(arguments[2]);
  tensor.strides = integers(arguments[3]);
  tensor.dtype = tensor.storage.dtype;
  if (has_dtype) {
    const auto& dtype = expect<PickleGlobal>(arguments[kDtypeArgument], "has an unknown dtype");
    if (dtype.kind != PickleGlobalKind::kDtype) corrupt("has an unknown dtype");
    tensor.dtype = dtype.dtype;
  }
  return tensor;
}

std::vector<int64_t> Machine::integers(PickleRef ref) const {
  constexpr const char* kFault = "has a shape that is no list of integers";
  std::vector<int64_t> numbers;
  for (const PickleRef item : expect<PickleSequence>(ref, kFault).items) {
    numbers.push_back(expect<int64_t>(item, kFault));
  }
  return numbers;
}

}  // namespace

Pickle unpickle(std::span<const std::byte> bytes, const std::string& path) {
  return Machine(bytes, path).run();
}

}  // namespace blip2
