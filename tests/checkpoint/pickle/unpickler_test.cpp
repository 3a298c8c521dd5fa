#include "blip2/checkpoint/pickle/unpickler.h"

#include <gmock/gmock.h>

#include "blip2/base/quote.h"
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

TEST(Unpickler, ReadsNewerProtocols) {
  const auto value = [](const std::string& body) {
    const std::string bytes = "\x80\x05" + body + ".";
    return unpickle(std::as_bytes(std::span(bytes)), "pickle");
  };
  const auto text = [](const std::string& body) {
    const std::string bytes = "\x80\x05" + body + ".";
    const Pickle pickle = unpickle(std::as_bytes(std::span(bytes)), "pickle");
    return std::string(std::get<std::string_view>(pickle.at(pickle.root)));
  };
  const std::string framed("\x95\x03\0\0\0\0\0\0\0", 9);
  EXPECT_EQ(text(framed + "\x8c\x01x\x94"), "x");
  EXPECT_EQ(text(std::string("\x8d\x02\0\0\0\0\0\0\0xy", 11)), "xy");
  EXPECT_EQ(text(std::string("B\x01\0\0\0z", 6)), "z");
  EXPECT_EQ(text("C\x01z"), "z");
  EXPECT_EQ(text(std::string("\x96\x01\0\0\0\0\0\0\0w", 10)), "w");
  EXPECT_EQ(text("\x8c\x01x\x94\x8c\x01y\x94" + std::string("0h\0", 3)), "x");
  const Pickle set = value("\x8f(K\x01K\x02\x90");
  EXPECT_EQ(std::get<PickleSequence>(set.at(set.root)).items.size(), 2u);
  const Pickle frozen = value("(K\x01K\x02\x91");
  EXPECT_EQ(std::get<PickleSequence>(frozen.at(frozen.root)).items.size(), 2u);
  const Pickle global = value("\x8c\x05torch\x8c\x05int64\x93");
  EXPECT_EQ(std::get<PickleGlobal>(global.at(global.root)).dtype, at::kLong);
  EXPECT_THAT(error_of([&] { value("NN\x93"); }), HasSubstr("without a name"));
  const std::string unknown = "\x80\x06N.";
  EXPECT_THAT(error_of([&] { unpickle(std::as_bytes(std::span(unknown)), "pickle"); }),
              HasSubstr("protocol 6"));
}

TEST(Unpickler, RefusesGlobalsThatRunPrograms) {
  for (const std::string name :
       {"os\nsystem", "posix\nsystem", "nt\nsystem", "subprocess\nPopen", "builtins\neval",
        "__builtin__\nexec", "builtins\n__import__", "os.path\njoin", "importlib\nimport_module",
        "runpy\nrun_path", "pickle\nloads", "shutil\nrmtree"}) {
    std::string dotted = name;
    dotted[dotted.find('\n')] = '.';
    EXPECT_THAT(refusal_of("c" + name + "\n."), HasSubstr("would execute \"" + dotted + "\""));
  }
  EXPECT_THAT(refusal_of("\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."),
              HasSubstr("would execute \"posix.system\""));
  EXPECT_THAT(refusal_of("c" + std::string(1000, 'a')), HasSubstr("overlong"));
  EXPECT_THAT(refusal_of("cos"), HasSubstr("cut short"));
}

/// The global by which the root is opaque.
std::string opaque_of(const std::string& body) {
  const Pickle pickle = parse(body + ".");
  const auto* opaque = std::get_if<PickleOpaque>(&pickle.at(pickle.root));
  if (opaque == nullptr) return "not opaque";
  return pickle.globals.at(opaque->global);
}

TEST(Unpickler, LeavesWhatItDoesNotKnowOpaque) {
  EXPECT_EQ(opaque_of("ctorch.nn.modules.linear\nLinear\n"), "torch.nn.modules.linear.Linear");
  EXPECT_EQ(opaque_of("ctorch\nFloatStorag\n"), "torch.FloatStorag");
  EXPECT_EQ(opaque_of("cosx\nsystem\n"), "osx.system");
  EXPECT_EQ(opaque_of("cnumpy.core.multiarray\nscalar\n(NNtR"), "numpy.core.multiarray.scalar");
  EXPECT_EQ(opaque_of("cargparse\nNamespace\n)\x81}(U\x02lrK\x01ub"), "argparse.Namespace");
  EXPECT_EQ(opaque_of("ca\nB\n)}\x92"), "a.B");
  EXPECT_EQ(opaque_of("ca\nB\n)RK\x01"
                      "a(K\x01K\x02"
                      "eK\x01K\x02s(K\x01K\x02u}b"),
            "a.B");
  EXPECT_EQ(opaque_of("ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\nobject\nNtR"), "a.B");
  // What is made of it is opaque, too.
  EXPECT_EQ(opaque_of("ccollections\nOrderedDict\nca\nB\n\x85R"), "a.B");
  EXPECT_EQ(opaque_of("ctorch._utils\n_rebuild_tensor_v2\n(ca\nB\nNNNtR"), "a.B");
  EXPECT_EQ(opaque_of("ctorch._utils\n_rebuild_parameter\nca\nB\n\x85R"), "a.B");
  EXPECT_EQ(opaque_of("ctorch._tensor\n_rebuild_from_type_v2\n(Nca\nB\n)}tR"), "a.B");
  EXPECT_EQ(opaque_of("(U\x07storagectorch\nQInt8Storage\nU\x01"
                      "0U\x03"
                      "cpuK\x01tQ"),
            "torch.QInt8Storage");
  EXPECT_EQ(opaque_of("(U\x06moduleca\nB\nU\x01"
                      "fU\x01stQ"),
            "a.B");
}

TEST(Unpickler, LimitsTheNamesOfGlobals) {
  std::string body;
  for (int i = 0; i < 10'001; ++i) body += "ca\n" + std::to_string(i) + "\n";
  EXPECT_THAT(refusal_of(body + "."), HasSubstr("more than 10000 globals"));
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
      {"N(0.", "empty stack"},
      {"1.", "not opened"},
      {"2.", "opcode 0x32"},
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
      {"\x95", "cut short"},
      {"ctorch._tensor\n_rebuild_from_type_v2\n)R.", "too few arguments"},
      {"ctorch._tensor\n_rebuild_from_type_v2\n(NN)tR.", "no class"},
      {"ctorch._tensor\n_rebuild_from_type_v2\n(Nctorch\nTensor\n)tR.", "no global"},
      {"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\n"
       "Tensor\n)tR.",
       "makes none"},
      {"i", "opcode 0x69"},
      {"o", "opcode 0x6f"},
  };
  for (const auto& [body, message] : cases) {
    EXPECT_THAT(refusal_of(body), HasSubstr(message)) << quote(body);
  }
  const std::string older = "\x80\x01N.";
  EXPECT_THAT(error_of([&] { unpickle(std::as_bytes(std::span(older)), "pickle"); }),
              HasSubstr("protocol 1"));
}

}  // namespace
}  // namespace blip2
