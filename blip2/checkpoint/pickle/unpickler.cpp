// A stack machine over the opcodes.
#include "blip2/checkpoint/pickle/unpickler.h"

#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/pickle/pickle_calls.h"
#include "blip2/checkpoint/pickle/pickle_globals.h"
#include "blip2/checkpoint/pickle/pickle_opcodes.h"

namespace blip2 {
namespace {

/// A value takes about 100 bytes here and may be made by one byte there; real files have some
/// 100,000.
constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kLongestGlobal = 256;  ///< of module and name each
constexpr size_t kMaxGlobals = 10'000;  ///< real files have some dozens

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& path) : reader_(bytes, path) {}

  Pickle run();

 private:
  PicklePlace place() const { return {reader_.path(), reader_.position()}; }
  [[noreturn]] void corrupt(const char* what) const { fail_in_pickle(place(), what); }

  /// Each group of opcodes; false if the opcode is not of the group.
  bool run_scalar(uint8_t opcode);
  bool run_text(uint8_t opcode);
  bool run_container(uint8_t opcode);
  bool run_memo(uint8_t opcode);
  bool run_object(uint8_t opcode);

  void push(PickleValue value);
  PickleRef pop();
  PickleRef top() const;
  std::vector<PickleRef> pop_many(size_t count);
  std::vector<PickleRef> pop_to_mark();
  PickleValue read_long(uint64_t size_bytes);
  void append(const std::vector<PickleRef>& items);
  void set_items(const std::vector<PickleRef>& items);

  std::string read_line();
  PickleValue make_global(const std::string& name);
  void call();
  bool is_opaque(PickleRef ref) const {
    return std::holds_alternative<PickleOpaque>(pickle_.values[ref]);
  }

  template <typename T>
  const T& expect(PickleRef ref, const char* what) const {
    return expect_pickle_value<T>(pickle_, ref, place(), what);
  }

  ByteReader reader_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleRef> memo_;
  std::unordered_map<std::string, uint32_t> opaque_globals_;  ///< index into Pickle::globals
};

Pickle Machine::run() {
  if (reader_.read<uint8_t>() != kProto) corrupt("does not start as one");
  const auto protocol = reader_.read<uint8_t>();
  if (protocol < 2 || protocol > 5) {
    fail(ErrorCode::kUnsupported, "{}: the pickle has protocol {}, only 2 to 5 are read",
         reader_.path(), protocol);
  }
  while (true) {
    const auto opcode = reader_.read<uint8_t>();
    if (opcode == kStop) break;
    if (!run_scalar(opcode) && !run_text(opcode) && !run_container(opcode) && !run_memo(opcode) &&
        !run_object(opcode)) {
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
      push(read_long(reader_.read<uint8_t>()));
      return true;
    case kLong4:
      push(read_long(reader_.read<uint32_t>()));
      return true;
    case kBinFloat:  // the one big-endian number of the format
      push(std::bit_cast<double>(__builtin_bswap64(reader_.read<uint64_t>())));
      return true;
    case kFrame:
      reader_.skip(8);  // only a hint of how much to read ahead
      return true;
    default:
      return false;
  }
}

bool Machine::run_text(uint8_t opcode) {
  switch (opcode) {
    case kShortBinUnicode:
    case kShortBinString:
    case kShortBinBytes:
      push(reader_.text(reader_.read<uint8_t>()));
      return true;
    case kBinUnicode:
    case kBinString:
    case kBinBytes:
      push(reader_.text(reader_.read<uint32_t>()));
      return true;
    case kBinUnicode8:
    case kBinBytes8:
    case kByteArray8:
      push(reader_.text(reader_.read<uint64_t>()));
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
    case kPop:
      pop();
      return true;
    case kPopMark:
      pop_to_mark();
      return true;
    case kEmptyTuple:
    case kEmptyList:
    case kEmptySet:
      push(PickleSequence{});
      return true;
    case kTuple:
    case kFrozenSet:
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
    case kAddItems:
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
  uint32_t slot = 0;
  switch (opcode) {
    case kBinPut:
    case kBinGet:
      slot = reader_.read<uint8_t>();
      break;
    case kLongBinPut:
    case kLongBinGet:
      slot = reader_.read<uint32_t>();
      break;
    case kMemoize:
      slot = static_cast<uint32_t>(memo_.size());
      break;
    default:
      return false;
  }
  if (opcode != kBinGet && opcode != kLongBinGet) {
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
    case kGlobal: {
      const std::string package = read_line();
      push(make_global(package + "." + read_line()));
      return true;
    }
    case kStackGlobal: {
      constexpr const char* kFault = "has a global without a name";
      const auto name = expect<std::string_view>(pop(), kFault);
      const auto package = expect<std::string_view>(pop(), kFault);
      if (name.size() + package.size() > kLongestGlobal)
        corrupt("has an overlong name of a global");
      push(make_global(fmt::format("{}.{}", package, name)));
      return true;
    }
    case kBinPersId:
      push(make_pickle_storage(pickle_, pop(), place()));
      return true;
    case kNewObjEx:
      pop();  // arguments by keyword
      call();
      return true;
    case kReduce:
    case kNewObj:
      call();
      return true;
    case kBuild:  // the attributes of a dictionary: torch keeps versions of modules there
      pop();
      if (!is_opaque(top())) {
        expect<PickleDictionary>(top(), "sets attributes of what is no dictionary");
      }
      return true;
    default:
      return false;
  }
}

void Machine::call() {
  const PickleRef arguments = pop();
  const PickleRef callee = pop();
  // NEWOBJ_EX and odd reducers may pass something opaque for the arguments.
  if (is_opaque(arguments)) return push(pickle_.values[arguments]);
  const std::vector<PickleRef>& items =
      expect<PickleSequence>(arguments, "calls without arguments").items;
  push(call_pickle_global(pickle_, callee, items, place()));
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

PickleValue Machine::read_long(uint64_t size_bytes) {
  const std::string_view digits = reader_.text(size_bytes);
  if (size_bytes > 8) return PickleNone{};
  if (size_bytes == 0) return int64_t{0};
  // Two's complement, little-endian: the sign of the last byte fills the rest.
  const bool is_negative = (static_cast<uint8_t>(digits.back()) & 0x80) != 0;
  uint64_t value = is_negative ? ~uint64_t{0} : 0;
  std::memcpy(&value, digits.data(), digits.size());
  return static_cast<int64_t>(value);
}

void Machine::append(const std::vector<PickleRef>& items) {
  if (is_opaque(top())) return;
  auto* list = std::get_if<PickleSequence>(&pickle_.values[top()]);
  if (list == nullptr) corrupt("appends to what is no list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void Machine::set_items(const std::vector<PickleRef>& items) {
  if (is_opaque(top())) return;
  auto* dictionary = std::get_if<PickleDictionary>(&pickle_.values[top()]);
  if (dictionary == nullptr) corrupt("sets an item of what is no dictionary");
  if (items.size() % 2 != 0) corrupt("has a key without a value");
  for (size_t i = 0; i < items.size(); i += 2) {
    dictionary->items.emplace_back(items[i], items[i + 1]);
  }
}

std::string Machine::read_line() {
  std::string line;
  while (true) {
    const auto letter = static_cast<char>(reader_.read<uint8_t>());
    if (letter == '\n') return line;
    if (line.size() >= kLongestGlobal) corrupt("has an overlong name of a global");
    line += letter;
  }
}

PickleValue Machine::make_global(const std::string& name) {
  if (const std::optional<PickleGlobal> global = find_pickle_global(name)) return *global;
  if (is_hostile_pickle_global(name)) {
    fail(ErrorCode::kUnsupported,
         "{}: the pickle would execute {}; only tensors and plain values are read", reader_.path(),
         quote(name));
  }
  const auto next = static_cast<uint32_t>(pickle_.globals.size());
  const auto [found, is_new] = opaque_globals_.try_emplace(name, next);
  if (is_new) {
    if (next >= kMaxGlobals) {
      fail(ErrorCode::kUnsupported, "{}: the pickle names more than {} globals", reader_.path(),
           kMaxGlobals);
    }
    pickle_.globals.push_back(name);
  }
  return PickleOpaque{found->second};
}

}  // namespace

Pickle unpickle(std::span<const std::byte> bytes, const std::string& path) {
  return Machine(bytes, path).run();
}

}  // namespace blip2
