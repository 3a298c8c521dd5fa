#!/usr/bin/env python3
"""Writes tests/golden/train: what torch's AdamW, clipping and schedulers, and TensorBoard's writer give.

Run by hand with the environment of tools/requirements-goldens.txt (and PyPI tensorboard). Files:
  adamw.safetensors   for steps 0..5: parameters "STEP.NAME" after that step, gradients "grad.STEP.NAME" of steps 1..5,
                      "final.exp_avg.NAME", "final.exp_avg_sq.NAME", and learning rates "rate" [5]
  clip.safetensors    gradients "before.NAME", "after.NAME" (largest norm 0.5), and "norm" []
  schedule.json       learning rates: the paper's by step, LAVIS's by epoch and iteration
  events.tfrecord     four events of tensorboard's RecordWriter
"""
import json
import math
import pathlib

import safetensors.torch
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "train"
SHAPES = {"layer.weight": (3, 5), "layer.bias": (3,), "norm.weight": (5,), "odd.bias": (2, 2), "temp": (),
          "query_tokens": (1, 4, 2)}


def decayed(name, tensor):
    """LAVIS: p.ndim != 1 and not name.endswith(".bias")."""
    return tensor.ndim != 1 and not name.endswith(".bias")


def make_adamw():
    torch.manual_seed(3)
    parameters = {name: torch.nn.Parameter(torch.randn(shape)) for name, shape in SHAPES.items()}
    groups = [{"params": [p for n, p in parameters.items() if decayed(n, p)], "weight_decay": 0.05},
              {"params": [p for n, p in parameters.items() if not decayed(n, p)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8, foreach=False, fused=False)
    rates = torch.tensor([1e-3, 5e-3, 2e-2, 1e-2, 3e-3], dtype=torch.float64)
    tensors = {"rate": rates}
    for step in range(6):
        for name, parameter in parameters.items():
            if step > 0:
                parameter.grad = torch.randn(parameter.shape) * (1.0 if name != "layer.bias" else 1e-4)
                tensors[f"grad.{step}.{name}"] = parameter.grad.clone()
        if step > 0:
            for group in optimizer.param_groups:
                group["lr"] = rates[step - 1].item()
            optimizer.step()
        for name, parameter in parameters.items():
            tensors[f"{step}.{name}"] = parameter.detach().clone()
    for name, parameter in parameters.items():
        for key in ("exp_avg", "exp_avg_sq"):
            tensors[f"final.{key}.{name}"] = optimizer.state[parameter][key]
    safetensors.torch.save_file(tensors, OUT / "adamw.safetensors")


def make_clip():
    torch.manual_seed(4)
    tensors = {}
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES.values()]
    for name, parameter in zip(SHAPES, parameters):
        parameter.grad = torch.randn(parameter.shape)
        tensors[f"before.{name}"] = parameter.grad.clone()
    tensors["norm"] = torch.nn.utils.clip_grad_norm_(parameters, 0.5).clone()
    for name, parameter in zip(SHAPES, parameters):
        tensors[f"after.{name}"] = parameter.grad
    safetensors.torch.save_file(tensors, OUT / "clip.safetensors")


def paper_rates(init, low, start, warmup, steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=init)
    linear = torch.optim.lr_scheduler.LinearLR(optimizer, start / init, 1.0, warmup)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - warmup, low)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [linear, cosine], [warmup])
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def lavis_rates(init, low, start, warmup, epochs, iterations):
    rates = []
    for epoch in range(epochs):
        for i in range(iterations):
            if epoch == 0:
                rates.append(min(init, start + (init - start) * i / max(warmup, 1)))
            else:
                rates.append(low + 0.5 * (init - low) * (1 + math.cos(math.pi * epoch / epochs)))
    return rates


def make_schedule():
    values = {"init_lr": 1e-4, "min_lr": 1e-5, "warmup_lr": 1e-6}
    arguments = tuple(values.values())
    golden = values | {
        "paper": {"warmup_steps": 7, "num_steps": 40, "rates": paper_rates(*arguments, 7, 40)},
        "lavis": {"warmup_steps": 7, "epochs": 4, "iterations": 11, "rates": lavis_rates(*arguments, 7, 4, 11)},
        "lavis_cut": {"warmup_steps": 50, "epochs": 3, "iterations": 6, "rates": lavis_rates(*arguments, 50, 3, 6)},
    }
    (OUT / "schedule.json").write_text(json.dumps(golden, indent=1) + "\n")


def make_events():
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    def scalars(step, **values):
        summary = summary_pb2.Summary(
            value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        return event_pb2.Event(wall_time=1700000001.5, step=step, summary=summary)

    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    events = [event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
              event_pb2.Event(wall_time=1700000000.25, step=6, session_log=start),
              scalars(0, loss=1.5),
              scalars(123456789, loss=-0.25, loss_itc=float("nan"), learning_rate_with_a_long_name_indeed=1e-4)]
    with open(OUT / "events.tfrecord", "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


OUT.mkdir(parents=True, exist_ok=True)
make_adamw()
make_clip()
make_schedule()
make_events()
