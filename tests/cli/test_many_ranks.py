#!/usr/bin/env python3
"""`blip2 train` as several processes under mpirun: one run, resumed and killed and stopped. Standard library alone.

BLIP2_BINARY is the program, BLIP2_MPIRUN mpirun, BLIP2_ASSETS (else ~/.cache/blip2) what tools/fetch_assets fetched.
"""
import array
import json
import operator
import os
import pathlib
import random
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from support import BERT, BINARY, ENCODER, LANGUAGE_MODEL, log_rows, png, require_assets

MPIRUN = os.environ.get("BLIP2_MPIRUN", "mpirun")
LAUNCH = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
ENVIRONMENT = dict(os.environ, OMP_WAIT_POLICY="PASSIVE")


def tensors_of(path):
    """Name -> float32 values of a safetensors file."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, info in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        assert info["dtype"] == "F32", name
        begin, end = info["data_offsets"]
        tensors[name] = array.array("f", data[8 + size + begin:8 + size + end])
    return tensors


def largest_difference(one, two):
    """(difference, name) over two files of tensors. Of no account are the biases of keys: attention does not see them,
    their gradient is what rounding leaves, and AdamW makes a step of the learning rate of any gradient."""
    a, b = tensors_of(one), tensors_of(two)
    assert a.keys() == b.keys()
    return max((max(map(abs, map(operator.sub, a[name], b[name]))), name) for name in a if not name.endswith("key.bias"))


class ManyRanks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_assets()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = pathlib.Path(folder.name)
        colours = random.Random(1)
        words = ["red", "a blue field", "one green flag by the sea", "dark", "a pale, pale sky at night"]
        with open(cls.shared / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for i in range(23):
                picture = png(20 + i, 30, [colours.randrange(256) for _ in range(3)])
                (cls.shared / f"{i}.png").write_bytes(picture)
                pairs.write(json.dumps({"image": f"{i}.png", "caption": f"{words[i % 5]} {i}", "key": f"k{i}"}) + "\n")
        # What stage 2 starts from.
        cls.write("start", 1, ["run.max_steps=1"])
        cls.finish(cls.launch(1, "start"))

    @classmethod
    def write(cls, name, stage, settings=()):
        """A configuration, and where it writes."""
        stage2 = f"language_model: {LANGUAGE_MODEL}\n  prompt: a picture of" if stage == 2 else ""
        (cls.shared / f"{name}.yaml").write_text(f"""
model:
  arch: {"blip2" if stage == 1 else "blip2_llama"}
  image_encoder: {ENCODER}
  qformer: {BERT if stage == 1 else cls.shared / "start/model"}
  {stage2}
  num_query_token: 4
  embed_dim: 32
  max_txt_len: 12
  freeze_embeddings: true
datasets:
  pictures:
    format: jsonl
    annotations: {cls.shared / "pairs.jsonl"}
    augment: random_resized_crop_flip
run:
  task: image_text_pretrain_stage{stage}
  output_dir: {cls.shared / name}
  max_steps: 10
  batch_size_train: 2
  accum_grad_iters: 2
  warmup_steps: 3
  drop_rate: 0.1
  num_workers: 4
  log_every: 1
  checkpoint_every: 5
""")
        cls.settings = getattr(cls, "settings", {})
        cls.settings[name] = [word for setting in settings for word in ("--set", setting)]
        return cls.shared / name

    @classmethod
    def launch_arguments(cls, num_ranks, name, threads=1):
        command = [BINARY, "train", str(cls.shared / f"{name}.yaml"), *cls.settings[name], "--threads", str(threads)]
        return ["-n", str(num_ranks), *command] if num_ranks > 1 else command

    @classmethod
    def launch(cls, num_ranks, name, threads=1):
        command = [*(LAUNCH if num_ranks > 1 else []), *cls.launch_arguments(num_ranks, name, threads)]
        return subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @staticmethod
    def finish(process, status=0, timeout=300):
        """What it said on stderr."""
        try:
            out, messages = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert process.returncode == status, f"status {process.returncode}, expected {status}: {messages}"
        if status == 0:
            assert out.count("/model\n") == 1, out  # one rank says where the model is
        return messages

    @staticmethod
    def rank_process(process, rank):
        """The process id of a rank of mpirun, or of the process itself."""
        if process.args[0] != MPIRUN:
            return process.pid
        for _ in range(600):
            for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                if f"OMPI_COMM_WORLD_RANK={rank}".encode() in pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                    return int(child)
            time.sleep(0.1)
        raise AssertionError("the rank has not started")

    @staticmethod
    def wait_for_step(process, output, step):
        for _ in range(6000):
            log = output / "log.jsonl"
            if log.exists() and len(log.read_text().splitlines()) >= step:
                return
            if process.poll() is not None:
                raise AssertionError(process.communicate()[1])
            time.sleep(0.02)
        raise AssertionError(f"step {step} was not reached")

    @staticmethod
    def wait_for_snapshot(process, output, step):
        """It is written in the background: some steps later."""
        folder = output / f"checkpoints/step-{step:09}"
        for _ in range(6000):
            if folder.exists():
                return
            if process.poll() is not None:
                raise AssertionError(process.communicate()[1])
            time.sleep(0.02)
        raise AssertionError(f"{folder} was not written")

    def assert_same_run(self, one, two):
        self.assertEqual(log_rows(one), log_rows(two))
        for file in ("model/model.safetensors", "checkpoints/step-000000010/model.safetensors",
                     "checkpoints/step-000000010/optimizer.safetensors"):
            self.assertEqual((one / file).read_bytes(), (two / file).read_bytes(), file)

    def check_two_ranks_are_one(self, stage, settings=()):
        """In float32, where AdamW's first steps are the learning rate times the sign of a gradient, and some signs are
        rounding's: at the low rates that a warm-up starts with. (In float64, at higher ones: tests/many_ranks.)"""
        same = ["run.max_steps=5", "run.drop_rate=0", "run.token_mean=global", "run.accum_grad_iters=1",
                "run.warmup_steps=50", "run.checkpoint_every=1", "run.keep_checkpoints=5", *settings]
        one = self.write(f"one{stage}", stage, same + ["run.batch_size_train=4"])
        two = self.write(f"two{stage}", stage, same)
        self.finish(self.launch(1, one.name))
        self.finish(self.launch(2, two.name))
        rows = list(zip(log_rows(one), log_rows(two), strict=True))
        self.assertEqual(len(rows), 5)
        for a, b in rows:
            self.assertEqual(a.keys(), b.keys())
            self.assertEqual(a["samples"], b["samples"])
            for key in a:
                tolerance = 1e-5 if key != "grad_norm" else 1e-3 * a[key]
                self.assertAlmostEqual(a[key], b[key], delta=tolerance, msg=f"{key} of step {a['step']}")
        first, last = (f"checkpoints/step-{step:09}/model.safetensors" for step in (1, 5))
        difference, name = largest_difference(one / last, two / last)
        moved, _ = largest_difference(one / first, one / last)
        print(f"stage {stage}: largest difference of a weight {difference:.2g} ({name}; they moved by {moved:.2g}), of a",
              f"loss {max(abs(a['loss'] - b['loss']) for a, b in rows):.2g}")
        self.assertLess(difference, 1e-5, name)
        self.assertLess(difference, moved / 5, name)

    def test_two_ranks_are_one_process_with_twice_the_batch_in_stage_1(self):
        self.check_two_ranks_are_one(1)

    def test_two_ranks_are_one_process_with_twice_the_batch_in_stage_2(self):
        # A projection that is drawn at random makes losses whose last digits depend on everything: a few steps first.
        start = self.write("start2", 2, ["run.max_steps=12", "run.warmup_steps=5", "run.accum_grad_iters=1",
                                         "run.batch_size_train=4", "run.drop_rate=0"])
        self.finish(self.launch(1, start.name))
        self.check_two_ranks_are_one(2, [f"model.qformer={start / 'model'}"])

    def check_killed_and_resumed(self, stage, num_ranks):
        straight = self.write(f"straight{stage}{num_ranks}", stage)
        killed = self.write(f"killed{stage}{num_ranks}", stage)
        self.finish(self.launch(num_ranks, straight.name))
        process = self.launch(num_ranks, killed.name)
        self.wait_for_step(process, killed, 7)
        self.wait_for_snapshot(process, killed, 5)
        os.kill(self.rank_process(process, num_ranks - 1), signal.SIGKILL)
        messages = process.communicate(timeout=60)[1]
        self.assertNotEqual(process.returncode, 0)
        self.assertFalse((killed / "model").exists())
        self.assertTrue((killed / "checkpoints/step-000000005").exists())
        if num_ranks > 1:
            self.assertIn(f"rank {num_ranks - 1}", messages)
        self.assertIn("resuming after step 5", self.finish(self.launch(num_ranks, killed.name)))
        self.assert_same_run(straight, killed)

    def test_killed_and_resumed_is_straight_in_stage_1(self):
        self.check_killed_and_resumed(1, 1)

    def test_killed_and_resumed_is_straight_in_stage_2(self):
        self.check_killed_and_resumed(2, 1)

    def test_killed_and_resumed_is_straight_in_stage_1_on_two_ranks(self):
        self.check_killed_and_resumed(1, 2)

    def test_killed_and_resumed_is_straight_in_stage_2_on_two_ranks(self):
        self.check_killed_and_resumed(2, 2)

    def test_a_silent_rank_is_named_and_another_number_of_ranks_goes_on(self):
        output = self.write("silent", 1, ["run.rank_timeout_s=3", "run.max_steps=8"])
        process = self.launch(2, output.name)
        self.wait_for_step(process, output, 6)
        self.wait_for_snapshot(process, output, 5)
        os.kill(self.rank_process(process, 1), signal.SIGSTOP)
        start = time.monotonic()
        messages = self.finish(process, status=1, timeout=60)
        seconds = time.monotonic() - start
        line, = [line for line in messages.splitlines() if line.startswith("blip2: ")]
        self.assertIn("rank 1 has sent no message for 3 s", line)
        print(f"a stopped rank was named after {seconds:.1f} s: {line}")
        # One process has half the batch: 7 batches an epoch of two ranks' 5.
        messages = self.finish(self.launch(1, output.name))
        self.assertIn("was written by 2 ranks, and 1 resume it", messages)
        rows = log_rows(output)
        self.assertEqual([row["step"] for row in rows], list(range(1, 9)))
        self.assertEqual([row["samples"] for row in rows], [8, 16, 24, 32, 40, 44, 48, 52])

    def test_an_interrupt_of_one_rank_stops_all_with_a_snapshot(self):
        output = self.write("interrupted", 1, ["run.max_steps=500"])
        process = self.launch(2, output.name)
        self.wait_for_step(process, output, 2)
        os.kill(self.rank_process(process, 1), signal.SIGTERM)
        messages = self.finish(process, status=130, timeout=60)
        lines = [line for line in messages.splitlines() if line.startswith("blip2: ")]
        self.assertEqual(len(lines), 1, messages)
        self.assertRegex(lines[0], r"^blip2: interrupted after step \d+ of 500; the same command resumes it$")
        step = len(log_rows(output))
        self.assertTrue((output / f"checkpoints/step-{step:09}").exists())
        self.assertFalse((output / "model").exists())

    def test_what_one_rank_cannot_do_ends_all_with_its_number(self):
        # Rank 1's first picture is the third of the file.
        output = self.write("failing", 1, ["run.max_skipped_fraction=0", "run.shuffle=false", "run.max_steps=500"])
        data = self.shared / "failing.jsonl"
        lines = (self.shared / "pairs.jsonl").read_text().splitlines()
        data.write_text("\n".join(line.replace('"2.png"', '"gone.png"') for line in lines) + "\n")
        self.settings["failing"] += ["--set", f"datasets.pictures.annotations={data}"]
        messages = self.finish(self.launch(2, output.name), status=1, timeout=60)
        line, = [line for line in messages.splitlines() if line.startswith("blip2: rank 1: ")]
        self.assertIn("gone.png", line)
        self.assertIn("warning: rank 1: skipped k2", messages)
        # Where the launcher does not end the others (as srun does not by itself), they do so.
        lenient = [*LAUNCH, "--mca", "orte_abort_on_non_zero_status", "0", *self.launch_arguments(2, output.name)]
        result = subprocess.run(lenient, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
        lines = [line for line in result.stderr.splitlines() if line.startswith("blip2: ")]
        self.assertEqual(len(lines), 2, result.stderr)
        self.assertTrue(any(line.startswith("blip2: rank 1 has ended the run: ") for line in lines), lines)

    def test_launchers_that_do_not_do_are_said_in_a_line(self):
        output = self.write("launchers", 1)
        torchrun = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1",
                    "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
        slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2", "SLURM_PROCID": "1"}
        for variables, word in ((torchrun, "mpirun -n 2 blip2 train"), (slurm, "srun --mpi=pmix")):
            result = subprocess.run([BINARY, "train", str(output) + ".yaml"], env=dict(ENVIRONMENT, **variables),
                                    capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, result.stderr)
            line, = result.stderr.splitlines()
            self.assertTrue(line.startswith("blip2: rank 1: started by "), line)
            self.assertIn(word, line)
            self.assertFalse(output.exists())

    def test_a_plain_run_and_a_rank_alone_never_start_mpi(self):
        output = self.write("alone", 1, ["run.max_steps=1"])
        process = self.launch(1, output.name)
        self.finish(process)
        command = [*LAUNCH, "-n", "1", BINARY, "train", str(output) + ".yaml", "--resume", "never", "--set", "run.max_steps=1"]
        result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("ranks", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
