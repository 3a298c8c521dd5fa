#!/usr/bin/env python3
"""`blip2 capfilt` by several workers that share a folder, under MPI and without; `blip2 capfilt status`. Standard library alone.

BLIP2_BINARY is the program, BLIP2_MPIRUN mpirun (empty: without), BLIP2_ASSETS (else ~/.cache/blip2) what tools/fetch_assets fetched.
"""
import json
import os
import signal
import subprocess
import time
import unittest

from capfilt_jobs import ENVIRONMENT, CapFiltCase, command, make_shards, outcome, status
from support import BINARY

MPIRUN = os.environ.get("BLIP2_MPIRUN", "")


class Workers(CapFiltCase):
    def test_a_finished_job_is_not_done_again(self):
        shards = make_shards(self.folder / "in")
        first = self.run_capfilt(*shards)
        times = {path: path.stat().st_mtime_ns for path in self.output.rglob("*") if path.is_file()}
        self.assertEqual(self.run_capfilt(*shards).stdout, first.stdout)
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.output.rglob("*") if path.is_file()}, times)

    def test_several_workers_share_a_folder(self):
        shards = make_shards(self.folder / "in", shards=8)
        self.run_capfilt(*shards)
        expected, self.output = outcome(self.output), self.folder / "shared"
        workers = [subprocess.Popen(command(self.model, self.output, *shards), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for _ in range(3)]
        for worker in workers:
            stderr = worker.communicate(timeout=300)[1]
            self.assertEqual(worker.returncode, 0, stderr)
        self.assertEqual(outcome(self.output), expected)
        done = [json.loads(path.read_text())["worker"] for path in sorted((self.output / "job/done").iterdir())]
        self.assertEqual(len(done), 8)
        self.assertGreater(len(set(done)), 1)
        self.assertEqual(list((self.output / "job/leases").iterdir()), [])

    def test_results_do_not_depend_on_batching(self):
        shards = make_shards(self.folder / "in", shards=1)
        self.run_capfilt(*shards)
        one = outcome(self.output)["captions.json"]
        self.output = self.folder / "again"
        self.run_capfilt(*shards, "--batch-size", 5)
        texts = [[[(c["text"], c["kept"]) for c in row["candidates"]] for row in json.loads(rows)]
                 for rows in (one, outcome(self.output)["captions.json"])]
        self.assertEqual(*texts)

    def test_an_interrupt_gives_the_shard_back(self):
        shards = make_shards(self.folder / "in", shards=4, records=40)
        worker = subprocess.Popen(command(self.model, self.output, *shards, "--num-return-sequences", "8"), env=ENVIRONMENT,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(worker.kill)
        self.wait_for_a_lease()
        now = status(self.output)
        self.assertEqual((now["shards"]["total"], now["shards"]["in_work"], now["complete"]), (4, 1, False))
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(timeout=60), 130)
        self.assertIn("interrupted", worker.communicate()[1])
        self.assertEqual([path.name for path in self.output.rglob("*") if ".partial" in path.name], [])
        self.assertEqual(status(self.output)["shards"]["in_work"], 0)
        text = subprocess.run([BINARY, "capfilt", "status", str(self.output)], capture_output=True, text=True).stdout
        self.assertIn("no worker is running", text)

    def wait_for_a_lease(self):
        for _ in range(3000):
            if any((self.output / "job/leases").glob("0*.1")):
                return
            time.sleep(0.01)
        self.fail("no worker took a shard")

    def test_a_worker_that_was_stopped_loses_its_shard_and_does_no_harm(self):
        shards = make_shards(self.folder / "in", shards=3, records=30)
        self.run_capfilt(*shards)
        expected, self.output = outcome(self.output), self.folder / "stopped"
        stopped = subprocess.Popen(command(self.model, self.output, *shards), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(stopped.kill)
        self.wait_for_a_lease()
        stopped.send_signal(signal.SIGSTOP)
        left = [path.name for path in (self.output / "job/leases").glob("0*")]
        self.assertEqual(len(left), 1)
        other = self.run_capfilt(*shards)  # waits for the lease to expire: 2 s
        self.assertIn("its worker is gone: starting it again", other.stderr)
        self.assertEqual(outcome(self.output), expected)
        stopped.send_signal(signal.SIGCONT)
        messages = stopped.communicate(timeout=60)[1]
        self.assertEqual(stopped.returncode, 0, messages)
        self.assertIn("another worker has taken it", messages)
        self.assertEqual(outcome(self.output), expected)
        self.assertEqual([path.name for path in self.output.rglob("*") if ".partial" in path.name], [])

    def test_status_of_other_folders(self):
        result = subprocess.run([BINARY, "capfilt", "status", str(self.folder)], capture_output=True, text=True)
        self.assert_refused(result, 1, self.folder, "CapFilt job")

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_ranks_take_shards_from_one_counter(self):
        shards = make_shards(self.folder / "in", shards=9)
        self.run_capfilt(*shards)
        expected, self.output = outcome(self.output), self.folder / "ranks"
        launch = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "3"]
        result = subprocess.run(launch + command(self.model, self.output, *shards), env=ENVIRONMENT, capture_output=True, text=True,
                                timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("45 records = 45 kept"), 1)
        self.assertEqual(outcome(self.output), expected)
        self.assertNotIn("starting it again", result.stderr)

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_a_slow_rank_holds_up_nobody(self):
        shards = make_shards(self.folder / "in", shards=9)
        self.run_capfilt(*shards)
        expected, self.output = outcome(self.output), self.folder / "ranks"
        launch = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "3"]
        ranks = subprocess.Popen(launch + command(self.model, self.output, *shards, "--lease-s", "600"), env=ENVIRONMENT,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(ranks.kill)
        slow = self.stop_a_rank()
        for _ in range(600):  # rank 0 may be the slow one: then its memory must do without it
            if len(list((self.output / "job/done").glob("*.json"))) == 8:
                break
            time.sleep(0.1)
        self.assertEqual(len(list((self.output / "job/done").glob("*.json"))), 8)
        os.kill(slow, signal.SIGCONT)
        messages = ranks.communicate(timeout=120)[1]
        self.assertEqual(ranks.returncode, 0, messages)
        self.assertEqual(outcome(self.output), expected)

    def stop_a_rank(self):
        """Stops the first that has a shard; its process."""
        for _ in range(3000):
            for lease in (self.output / "job/leases").glob("0*.1"):
                try:
                    process = json.loads(lease.read_text())["process"]
                    os.kill(process, signal.SIGSTOP)
                except (OSError, ValueError):  # done already, or not yet written
                    continue
                if lease.exists():
                    return process
                os.kill(process, signal.SIGCONT)
            time.sleep(0.005)
        self.fail("no rank took a shard")


if __name__ == "__main__":
    unittest.main()
