// Leases by several holders, alive and gone. Other processes are children of the test.
#include "blip2/workflows/capfilt/lease.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;

/// Runs `child` in a process of its own, and waits for its end.
template <typename Child>
void in_child(Child child) {
  const pid_t process = ::fork();
  if (process == 0) {
    child();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  ASSERT_TRUE(WIFEXITED(status));
}

/// Makes a file look untouched for `seconds`.
void age(const std::filesystem::path& file, int seconds) {
  std::filesystem::last_write_time(
      file, std::filesystem::last_write_time(file) - std::chrono::seconds(seconds));
}

TEST(Lease, HasOneHolderAtATime) {
  const TemporaryFolder scratch;
  LeaseFolder one(scratch.path(), 60), two(scratch.path(), 60);
  EXPECT_EQ(one.take("00000001"), 1);
  EXPECT_EQ(two.take("00000001"), std::nullopt);
  EXPECT_EQ(one.take("00000001"), std::nullopt);
  EXPECT_EQ(two.take("00000002"), 1);
  EXPECT_TRUE(one.holds("00000001", 1));
  EXPECT_FALSE(two.holds("00000001", 1));
  one.release("00000001", 1);
  EXPECT_EQ(two.take("00000001"), 1);
}

TEST(Lease, OneOfSeveralThievesWins) {
  const TemporaryFolder scratch;
  for (int round = 0; round < 20; ++round) {
    const std::string name = std::to_string(round);
    LeaseFolder gone(scratch.path(), 5);
    ASSERT_EQ(gone.take(name), 1);
    age(scratch / (name + ".1"), 6);
    std::atomic<int> winners{0};
    std::vector<std::thread> thieves;
    for (int i = 0; i < 8; ++i) {
      thieves.emplace_back([&] {
        LeaseFolder thief(scratch.path(), 5);
        if (thief.take(name) == 2) ++winners;
      });
    }
    for (std::thread& thief : thieves) thief.join();
    EXPECT_EQ(winners, 1);
    EXPECT_FALSE(gone.holds(name, 1));
  }
}

TEST(Lease, ASignOfLifeKeepsItAlive) {
  const TemporaryFolder scratch;
  LeaseFolder one(scratch.path(), 5), two(scratch.path(), 5);
  ASSERT_EQ(one.take("a"), 1);
  age(scratch / "a.1", 60);
  one.touch("a", 1);
  EXPECT_EQ(two.take("a"), std::nullopt);
  age(scratch / "a.1", 4);
  EXPECT_EQ(two.take("a"), std::nullopt);
  age(scratch / "a.1", 60);
  EXPECT_EQ(two.take("a"), 2);
}

TEST(Lease, ExpiresWhenItsProcessHasEnded) {
  const TemporaryFolder scratch;
  in_child([&] {
    LeaseFolder killed(scratch.path(), 3600);
    killed.take("a");
    ::_exit(0);  // gives nothing back
  });
  ASSERT_TRUE(std::filesystem::exists(scratch / "a.1"));
  LeaseFolder next(scratch.path(), 3600);
  EXPECT_EQ(next.take("a"), 2);
  next.release("a", 2);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a.1"));
  EXPECT_EQ(next.take("a"), 1);
}

TEST(Lease, AnEmptyLeaseExpiresByItsAge) {
  const TemporaryFolder scratch;
  scratch.write("a.1", "");  // its writer was stopped between two calls
  LeaseFolder next(scratch.path(), 5);
  EXPECT_EQ(next.take("a"), std::nullopt);
  age(scratch / "a.1", 6);
  EXPECT_EQ(next.take("a"), 2);
}

TEST(Lease, IsKeptAliveAndGivenBack) {
  const TemporaryFolder scratch;
  LeaseFolder one(scratch.path(), 60), two(scratch.path(), 60);
  {
    const HeldLease lease(one, "a", *one.take("a"), 0.01);
    age(scratch / "a.1", 3600);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(lease.holds());
    EXPECT_EQ(two.take("a"), std::nullopt);
    EXPECT_EQ(LeaseFolder::held(scratch.path(), 60), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(two.take("a"), 1);
}

TEST(Lease, AHolderThatLostItDoesNotReleaseTheNewOne) {
  const TemporaryFolder scratch;
  LeaseFolder one(scratch.path(), 5), two(scratch.path(), 5);
  {
    const HeldLease lease(one, "a", *one.take("a"), 3600);
    age(scratch / "a.1", 6);
    ASSERT_EQ(two.take("a"), 2);
    EXPECT_FALSE(lease.holds());
  }
  EXPECT_TRUE(two.holds("a", 2));
}

}  // namespace
}  // namespace blip2
