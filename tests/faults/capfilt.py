#!/usr/bin/env python3
"""Ends CapFilt jobs in every bad way and goes on with them: python tests/faults/capfilt.py [--kills N].

BLIP2_BINARY is the program, BLIP2_FAULTS the preloaded library (fault_injection.cpp). A job of a tiny model is killed at its calls on
files and at random instants, finds the disk full, or its folder read-only; jobs of 2 and 4 workers lose worker after worker. Each
time it is started again, and must come out as the undisturbed job: the same bytes, no finished shard done twice, nothing left over.
"""
import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from capfilt_jobs import ENVIRONMENT, command, make_model, make_shards, outcome, sample  # noqa: E402
from run import faulty, wrong_end  # noqa: E402
from support import write_shard  # noqa: E402


class Jobs:
    """Jobs of one configuration in folders of their own."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.model = make_model(scratch)
        self.shards = make_shards(scratch / "in", shards=4, records=3)
        # One with a picture that fails and one that its owner keeps out.
        write_shard(scratch / "in/00004.tar",
                    sample("a", 90) + [("b.png", b"no picture"), ("b.txt", b"a")] + sample("c", 91, robots="noai"))
        self.shards.append(scratch / "in/00004.tar")

    def start(self, folder, **fault):
        environment = dict(ENVIRONMENT)
        if fault:
            environment |= faulty(folder, **fault)
        return subprocess.Popen(command(self.model, folder, *self.shards), env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, folder, **fault):
        process = self.start(folder, **fault)
        stderr = process.communicate(timeout=300)[1]
        return process.returncode, stderr


def states(folder):
    """The states of the shards that are done: they stay as they are."""
    return {path.name: path.read_bytes() for path in (folder / "job/done").glob("*.json")}


class Campaign:
    def __init__(self, jobs, scratch, expected):
        self.jobs, self.folder, self.expected = jobs, scratch / "job", expected
        self.faults = self.kills = self.unreached = 0

    def fault(self, what, message):
        self.faults += 1
        print(f"FAIL {what}: {message}", flush=True)

    def clear(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def go_on(self, what):
        """The job is started again without a fault."""
        done = states(self.folder)
        status, stderr = self.jobs.finish(self.folder)
        if status != 3:  # one picture fails
            return self.fault(what, f"going on: exit status {status}: {stderr[-300:]}")
        self.check(what, done)
        return None

    def check(self, what, done):
        after = states(self.folder)
        for name, state in done.items():
            if after.get(name) != state:
                self.fault(what, f"shard {name} was done, and was done again")
        found = outcome(self.folder)
        for name in sorted(found.keys() | self.expected.keys()):
            if found.get(name) != self.expected.get(name):
                self.fault(what, f"another {name} than the undisturbed job's")
        left = [path.name for path in self.folder.rglob("*") if ".partial" in path.name or path.parent.name == "leases"]
        if left:
            self.fault(what, f"left behind: {left[0]}")

    def at_call(self, kind, number):
        what = f"{kind} at call {number}"
        self.clear()
        self.kills += 1
        status, stderr = self.jobs.finish(self.folder, kind=kind, at=number)
        if status == 3:  # done before that call: how often a lease is touched depends on the machine's load
            self.unreached += 1
            return self.go_on(what)
        others = "".join(line for line in stderr.splitlines(keepends=True) if "b.png" not in line)
        if wrong := wrong_end(kind, status, others):
            return self.fault(what, wrong)
        return self.go_on(what)

    def at_instant(self, seconds):
        self.clear()
        self.kills += 1
        process = self.jobs.start(self.folder)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return self.go_on(f"kill after {seconds:.2f} s")

    def several(self, rng, count, kills, seconds):
        """So many workers at once; one after the other is killed, and another started."""
        what = f"{count} workers, {kills} kills"
        self.clear()
        workers = [self.jobs.start(self.folder) for _ in range(count)]
        done = {}
        for _ in range(kills):
            time.sleep(rng.uniform(0, seconds))
            victim = workers.pop(rng.randrange(count))
            done.update(states(self.folder))
            victim.kill()
            victim.communicate()
            self.kills += 1
            workers.append(self.jobs.start(self.folder))
        for worker in workers:
            stderr = worker.communicate(timeout=300)[1]
            if worker.returncode != 3:
                self.fault(what, f"exit status {worker.returncode}: {stderr[-300:]}")
        self.check(what, done)


def choose(rng, calls, kills):
    """What to do, as (kind, number): `kills` of everything that there is, of each kind some."""
    numbers = range(1, calls + 1)
    cases = [("kill", n) for n in numbers] + [("torn", n) for n in numbers[::5]]
    cases += [("full", n) for n in numbers[::9]] + [("readonly", n) for n in numbers[::13]]
    cases += [("instant", i) for i in range(40)] + [("workers", count) for count in (1, 2, 4) for _ in range(5)]
    if not kills:
        return cases
    few = [("workers", 2)] if kills < 50 else [("workers", count) for count in (1, 2, 4)]
    left = kills - 4 * len(few)
    share = {"kill": left // 2, "torn": max(1, left // 6), "full": 1, "readonly": 1}
    share["instant"] = max(1, left - sum(share.values()))
    for kind, number in share.items():
        few += rng.sample([case for case in cases if case[0] == kind], number)
    return few


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=0, help="so many faults in all [every call of a job, and 100 instants]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        jobs = Jobs(scratch)
        started = time.monotonic()
        status, stderr = jobs.finish(scratch / "undisturbed")
        seconds = time.monotonic() - started
        assert status == 3, stderr
        expected = outcome(scratch / "undisturbed")
        assert expected["summary.json"]["kept"] == 13 and expected["summary.json"]["failed"] == 1, expected["summary.json"]
        status, stderr = jobs.finish(scratch / "counted", kind="count", calls=scratch / "calls")
        assert status == 3 and outcome(scratch / "counted") == expected, "two jobs of one seed differ"
        calls = len((scratch / "calls").read_text().splitlines())
        campaign = Campaign(jobs, scratch, expected)
        cases = choose(rng, calls, options.kills)
        for place, (kind, number) in enumerate(cases, 1):
            if kind == "instant":
                campaign.at_instant(rng.uniform(0, seconds))
            elif kind == "workers":
                campaign.several(rng, number, 4, seconds)
            else:
                campaign.at_call(kind, number)
            if place % 50 == 0:
                print(f"{place} of {len(cases)}, {campaign.faults} faults", flush=True)
        if 20 * campaign.unreached > campaign.kills:
            campaign.fault("all", f"{campaign.unreached} faults came too late to strike")
        print(f"{campaign.kills} faults injected ({calls} calls a job), {campaign.faults} wrong outcomes, "
              f"{time.monotonic() - started:.0f} s")
        return campaign.faults > 0


if __name__ == "__main__":
    sys.exit(main())
