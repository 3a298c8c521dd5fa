// Ranks that meet at a key-value server, as threads of one process.
#include "blip2/ranks/rendezvous.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <latch>
#include <map>
#include <string>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

RendezvousOptions options_of(const Variables& variables) {
  return read_rendezvous([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

const Variables kTorchrun = {{"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"}, {"RANK", "0"}};

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}

/// Other runs of the tests on this machine have other ones.
uint16_t free_port(int number) {
  return static_cast<uint16_t>(20'000 + 2 * (::getpid() % 10'000) + number);
}

TEST(Rendezvous, TorchrunsVariablesGiveTheAddress) {
  const RendezvousOptions first = options_of(kTorchrun);
  EXPECT_EQ(first.host, "node7");
  EXPECT_EQ(first.port, 29500);
  EXPECT_TRUE(first.serves);
  EXPECT_FALSE(options_of(with(kTorchrun, {{"RANK", "1"}})).serves);
  // torchrun's agent is the server itself.
  EXPECT_FALSE(options_of(with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}})).serves);
}

TEST(Rendezvous, WrongVariablesAreNamed) {
  for (const auto& [name, value] : Variables{{"MASTER_ADDR", ""}, {"MASTER_PORT", "http"}}) {
    try {
      options_of(with(kTorchrun, {{name, value}}));
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
}

TEST(Rendezvous, AllRanksGetTheBytesOfRank0) {
  RendezvousOptions options{.host = "localhost", .port = free_port(0), .limit_s = 20};
  std::latch all_have_it(3);  // the server must not leave before
  std::vector<std::future<std::vector<std::string>>> ranks;
  for (int64_t rank = 0; rank < 3; ++rank) {
    options.serves = rank == 0;
    ranks.push_back(std::async(std::launch::async, [options, rank, &all_have_it] {
      Rendezvous meeting(options, rank);
      std::vector<std::string> got;
      for (const char* const word : {"one", "two"}) {
        got.push_back(meeting.share([&] { return word + std::string("\0x", 2); }));
      }
      all_have_it.arrive_and_wait();
      return got;
    }));
  }
  std::vector<std::vector<std::string>> all;
  for (auto& rank : ranks) all.push_back(rank.get());
  EXPECT_THAT(all,
              Each(std::vector<std::string>{std::string("one\0x", 5), std::string("two\0x", 5)}));
}

TEST(Rendezvous, WaitingForAMissingServerEnds) {
  try {
    Rendezvous meeting({.host = "localhost", .port = free_port(1), .limit_s = 1}, 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("localhost:{}", free_port(1))));
  }
}

}  // namespace
}  // namespace blip2
