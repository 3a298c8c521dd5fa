#include "blip2/checkpoint/unpickler.h"

#include <gmock/gmock.h>

#include "blip2/checkpoint/messages.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;

Pickle parse(const std::string& body) {
  const std::string bytes = "\x80\x02" + body;
  return unpickle(std::as_bytes(std::span(bytes)), "pickle");
}
std::string refusal_of(const std::string& body) {
  return error_of([&] { parse(body); });
}

TEST(Unpickler, ReadsScalars) {
  const auto integer = [](const std::string& body) {
    const Pickle pickle = parse(body + ".");
    return std::get<int64_t>(pickle.at(pickle.root));
  };
  EXPECT_EQ(integer("K\xff"), 255);
  EXPECT_EQ(integer("M\x01\x02"), 513);
  EXPECT_EQ(integer("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(integer(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(integer("\x8a\x01\x80"), -128);
  EXPECT_EQ(integer(std::string("\x8a\x02\x80\x00", 4)), 128);
  const Pickle real = parse(std::string("G\x3f\xf8\0\0\0\0\0\0.", 10));
  EXPECT_EQ(std::get<double>(real.at(real.root)), 1.5);
  const Pickle huge = parse(std::string("\x8a\x09\1\1\1\1\1\1\1\1\1."));
  EXPECT_TRUE(std::holds_alternative<PickleNone>(huge.at(huge.root)));
}

TEST(Unpickler, RefusesEveryGlobalThatIsNotListed) {
  for (const std::string name :
       {"os\nsystem", "posix\nsystem", "builtins\neval", "__builtin__\ngetattr", "torch\nload",
        "torch.serialization\nload", "torch.nn.modules.linear\nLinear", "torch\nFloatStorag",
        "torch._utils\n_rebuild_tensor_v22", "torch.cuda\nfloat32x",
        "numpy.core.multiarray\nscalar"}) {
    std::string dotted = name;
    dotted[dotted.find('\n')] = '.';
    EXPECT_THAT(refusal_of("c" + name + "\n."), HasSubstr("would execute \"" + dotted + "\""));
  }
  EXPECT_THAT(refusal_of("c" + std::string(1000, 'a')), HasSubstr("overlong"));
  EXPECT_THAT(refusal_of("cos"), HasSubstr("cut short"));
}

TEST(Unpickler, RefusesWhatDoesNotFitTogether) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {".", "empty stack"},
      {"", "cut short"},
      {"a.", "empty stack"},
      {"]a.", "empty stack"},
      {"NNa.", "no list"},
      {"e.", "not opened"},
      {"(e.", "empty stack"},
      {"(.", "empty stack"},
      {"N(0.", "opcode 0x30"},
      {"}(Nu.", "without a value"},
      {"]NNs.", "no dictionary"},
      {"\x86.", "empty stack"},
      {"N(N\x86.", "empty stack"},
      {std::string("h\x00.", 3), "refers to nothing"},
      {"q\x01.", "empty stack"},
      {"NR.", "empty stack"},
      {"N)R.", "no global"},
      {"ccollections\nOrderedDict\nNR.", "without arguments"},
      {"ccollections\nOrderedDict\nN\x85R.", "no list of pairs"},
      {"ccollections\nOrderedDict\n](]e\x85R.", "no list of pairs"},
      {"ctorch\nFloatStorage\n)R.", "calls a type"},
      {"ctorch\nSize\nN\x85R.", "what is none"},
      {"ctorch\ndevice\n)R.", "without arguments"},
      {"ctorch._utils\n_rebuild_tensor_v2\n)R.", "too few arguments"},
      {"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.", "without a storage"},
      {"ctorch._utils\n_rebuild_tensor_v3\n(NNNNtR.", "too few arguments"},
      {"ctorch._utils\n_rebuild_parameter\nN\x85R.", "no tensor"},
      {"NQ.", "no storage"},
      {")Q.", "no storage"},
      {"(NNNNNtQ.", "no storage"},
      {"NNb.", "no dictionary"},
      {"X\xff\xff\xff\xff.", "cut short"},
      {"\x95", "opcode 0x95"},
      {"i", "opcode 0x69"},
      {"o", "opcode 0x6f"},
  };
  for (const auto& [body, message] : cases) {
    EXPECT_THAT(refusal_of(body), HasSubstr(message)) << quote(body);
  }
  const std::string newer = "\x80\x04N.";
  EXPECT_THAT(error_of([&] { unpickle(std::as_bytes(std::span(newer)), "pickle"); }),
              HasSubstr("protocol 4"));
}

}  // namespace
}  // namespace blip2
