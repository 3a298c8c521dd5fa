// How a process learns that it is one of several, from the variables that each launcher sets.
#include "blip2/ranks/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launch launch_of(const Variables& variables) {
  return read_launch([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void expect(const Variables& variables, const Launch& expected) {
  const Launch found = launch_of(variables);
  EXPECT_EQ(found.launcher, expected.launcher);
  EXPECT_EQ(found.rank, expected.rank);
  EXPECT_EQ(found.num_ranks, expected.num_ranks);
  EXPECT_EQ(found.ranks_on_this_machine, expected.ranks_on_this_machine);
  EXPECT_EQ(found.rank_on_this_machine, expected.rank_on_this_machine);
}

const Variables kBatchScript = {
    {"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "16"}, {"SLURM_PROCID", "0"}, {"SLURM_NNODES", "4"}};

Variables with(Variables variables, const Variables& more) {
  variables.insert(more.begin(), more.end());
  return variables;
}

TEST(Launch, WithoutALauncherThereIsOneRank) {
  expect({}, {});
  expect(kBatchScript, {});  // a program that a batch script calls itself is one process
  expect({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}}, {});
  expect(with(kBatchScript, {{"SLURM_STEP_NUM_TASKS", "1"}}), {});
  expect({{"RANK", "3"}, {"WORLD_SIZE", "4"}}, {});  // without a place to meet
  expect({{"RANK", "3"}, {"WORLD_SIZE", "many"}, {"MASTER_ADDR", "localhost"}}, {});
}

TEST(Launch, Mpirun) {
  expect({{"OMPI_COMM_WORLD_SIZE", "8"},
          {"OMPI_COMM_WORLD_RANK", "5"},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}},
         {Launcher::kMpi, 5, 8, 4, 1});
  // What cannot be is taken for the nearest that can.
  expect({{"OMPI_COMM_WORLD_SIZE", "2"},
          {"OMPI_COMM_WORLD_RANK", "1"},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", "9"},
          {"OMPI_COMM_WORLD_LOCAL_RANK", "-1"}},
         {Launcher::kMpi, 1, 2, 2, 0});
  // In an allocation of Slurm's mpirun's word counts.
  expect(with(kBatchScript, {{"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "1"}}),
         {Launcher::kMpi, 1, 2, 1});
}

TEST(Launch, Srun) {
  const Variables step = {{"SLURM_STEP_NUM_TASKS", "16"},
                          {"SLURM_STEP_TASKS_PER_NODE", "4(x4)"},
                          {"SLURM_PROCID", "9"},
                          {"SLURM_LOCALID", "3"}};
  expect(step, {Launcher::kSlurmWithoutMpi, 9, 16, 4, 3});
  expect(with(step, {{"PMIX_RANK", "9"}}), {Launcher::kMpi, 9, 16, 4, 3});
  expect(with(step, {{"PMI_RANK", "9"}, {"PMI_SIZE", "16"}}), {Launcher::kMpi, 9, 16, 4, 3});
}

TEST(Launch, Torchrun) {
  const Variables torchrun = {{"RANK", "3"},
                              {"WORLD_SIZE", "4"},
                              {"LOCAL_WORLD_SIZE", "2"},
                              {"MASTER_ADDR", "localhost"},
                              {"LOCAL_RANK", "1"}};
  expect(torchrun, {Launcher::kTorchrun, 3, 4, 2, 1});
  expect(with({{"TORCHELASTIC_RUN_ID", "none"}, {"RANK", "0"}, {"WORLD_SIZE", "1"}}, {}),
         {Launcher::kTorchrun, 0, 1, 1});
}

std::string message_of(const Launch& launch) {
  try {
    open_communicator(launch);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Launch, ARefusedLaunchNamesTheCommandThatWorks) {
  EXPECT_THAT(message_of({Launcher::kTorchrun, 1, 4, 4}), HasSubstr("mpirun -n 4 blip2 train"));
  EXPECT_THAT(message_of({Launcher::kSlurmWithoutMpi, 1, 4, 4}), HasSubstr("srun --mpi=pmix"));
  EXPECT_EQ(open_communicator({})->world_size(), 1);
}

}  // namespace
}  // namespace blip2
