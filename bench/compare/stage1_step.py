#!/usr/bin/env python3
"""One stage-1 step at BERT-base's size, batch 8, features of a ViT-L: this program beside LAVIS's own, seconds and peak memory.

LAVIS's is its Blip2Qformer out of PyPI's salesforce-lavis 1.0.2 (tools/lavis_reference.py says what is changed in it) on PyTorch and
its AdamW: ITC, ITM and ITG with dropout, backward, update. Both read random features in place of an image encoder's, captions of
8 to 15 tokens, and use the same threads. Each run is a process of its own; runs alternate.

  make bench-stage1
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
BATCH, TOKENS, WIDTH, STEPS, ROUNDS = 8, 257, 1024, 4, 3
MAX_TEXT = 32


def lavis_model(wheel):
    sys.path.insert(0, str(TOOLS))
    import lavis_reference
    import make_lavis_step_goldens as goldens
    import torch
    lavis = lavis_reference.import_lavis(wheel)
    qformer = lavis("models.blip2_models.Qformer")
    blip2 = lavis("models.blip2_models.blip2")

    class Words(goldens.NumberTokenizer):
        bos_token_id = 30522

        def __init__(self):
            super().__init__([101], [102], 0)

        def __len__(self):
            return 30523

    class Features(torch.nn.Module):
        """In place of the image encoder."""
        num_features = WIDTH

        def forward(self, image):
            return torch.randn(len(image), TOKENS, WIDTH)

    class Parts:
        @classmethod
        def init_tokenizer(cls):
            return Words()

        @classmethod
        def init_vision_encoder(cls, *_):
            return Features(), blip2.LayerNorm(WIDTH)

        @classmethod
        def init_Qformer(cls, queries, width, frequency=2):
            config = qformer.BertConfig(vocab_size=30523)
            config.encoder_width, config.add_cross_attention = width, True
            config.cross_attention_freq, config.query_length = frequency, queries
            tokens = torch.nn.Parameter(torch.zeros(1, queries, config.hidden_size).normal_(std=config.initializer_range))
            return qformer.BertLMHeadModel(config), tokens

    model = type("Stage1", (Parts, lavis("models.blip2_models.blip2_qformer").Blip2Qformer), {})(
        vit_precision="fp32", num_query_token=32, embed_dim=256, max_txt_len=MAX_TEXT)
    return model.float().train(), lavis_reference.parameter_groups(model, 0.05)


def lavis_step(wheel):
    """In this process: the median of the steps after the first, and the process's peak."""
    import torch
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(1)
    model, groups = lavis_model(wheel)
    optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.98))
    captions = [" ".join(map(str, torch.randint(1000, 30000, (6 + row,)).tolist())) for row in range(BATCH)]
    seconds = []
    for _ in range(STEPS):
        start = time.monotonic()
        loss = model({"image": torch.empty(BATCH), "text_input": captions}).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.monotonic() - start)
    return {"case": "LAVIS", "seconds": statistics.median(seconds[1:]), "threads": torch.get_num_threads(),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, "loss": loss.item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="bench_stage1_step")
    parser.add_argument("wheel", help="the folder that holds the unpacked wheel's lavis/")
    parser.add_argument("--lavis", action="store_true", help="LAVIS's step alone, as a line of JSON")
    arguments = parser.parse_args()
    if arguments.lavis:
        print(json.dumps(lavis_step(arguments.wheel)))
        return
    cases = {"LAVIS": [sys.executable, __file__, arguments.binary, arguments.wheel, "--lavis"],
             "blip2": [arguments.binary, "plain"], "blip2, use_grad_checkpoint": [arguments.binary, "recompute"],
             "blip2, amp": [arguments.binary, "amp"]}
    results = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, command in cases.items():
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[name].append(json.loads(output.splitlines()[-1]))
    base = {key: statistics.median(row[key] for row in results["LAVIS"]) for key in ("seconds", "peak_mb")}
    for name, rows in results.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in base}
        print(f"{name:28} {middle['seconds']:6.2f} s a step ({middle['seconds'] / base['seconds']:.2f} of LAVIS's)   "
              f"peak {middle['peak_mb']:5.0f} MB ({middle['peak_mb'] / base['peak_mb']:.2f})   {rows[0]['threads']} threads")


if __name__ == "__main__":
    main()
