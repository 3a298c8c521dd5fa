#!/usr/bin/env python3
"""Makes tests/golden/efficientnet: what EfficientNet-Lite0 gives in plain PyTorch.

The network is written out here with its batch norms unfolded; pictures come through Pillow. Needs torch,
Pillow and the assets that tools/fetch_assets puts in $BLIP2_ASSETS, else ~/.cache/blip2.
"""
import math
import os
import pathlib

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

ASSETS = pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/efficientnet"
STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]  # repeats, stride
FEATURE_STEP = 10  # every tenth channel of the features is kept, to keep the golden small


def same(x, weight, stride, groups=1):
    """A convolution with TensorFlow's SAME padding."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        kernel = weight.shape[2]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), weight, None, stride, 0, 1, groups)


class Network:
    def __init__(self, tensors):
        self.t = tensors

    def norm(self, x, name):
        t = self.t
        return F.batch_norm(x, t[name + ".running_mean"], t[name + ".running_var"], t[name + ".weight"],
                            t[name + ".bias"], False, 0.0, 1e-3)

    def block(self, x, name, stride):
        t, y = self.t, x
        if name + "._expand_conv.weight" in t:
            y = F.relu6(self.norm(F.conv2d(y, t[name + "._expand_conv.weight"]), name + "._bn0"))
        weight = t[name + "._depthwise_conv.weight"]
        y = F.relu6(self.norm(same(y, weight, stride, weight.shape[0]), name + "._bn1"))
        y = self.norm(F.conv2d(y, t[name + "._project_conv.weight"]), name + "._bn2")
        return x + y if stride == 1 and x.shape == y.shape else y

    def features(self, x):
        x = F.relu6(self.norm(same(x, self.t["_conv_stem.weight"], 2), "_bn0"))
        number = 0
        for repeats, stride in STAGES:
            for i in range(repeats):
                x = self.block(x, f"_blocks.{number}", stride if i == 0 else 1)
                number += 1
        x = F.relu6(self.norm(F.conv2d(x, self.t["_conv_head.weight"]), "_bn1"))
        return x.flatten(2).transpose(1, 2)  # [B, P, 1280]

    def logits(self, features):
        return F.linear(features.mean(1), self.t["_fc.weight"], self.t["_fc.bias"])


def photograph(name):
    picture = Image.open(ASSETS / "photographs" / name).convert("RGB")
    width, height = picture.size
    short, size = min(width, height), 256
    picture = picture.resize((size * width // short, size * height // short), Image.BICUBIC)
    left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
    picture = picture.crop((left, top, left + 224, top + 224))
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(224, 224, 3)
    return (pixels.permute(2, 0, 1).float() - 127) / 128


def synthetic(height, width):
    """Pixels from a formula that the test repeats, of a size that needs every kind of SAME padding."""
    channel = torch.arange(3).reshape(3, 1, 1).double()
    y = torch.arange(height).reshape(1, height, 1).double()
    x = torch.arange(width).reshape(1, 1, width).double()
    return torch.sin(0.37 * (channel + 1) * y + 0.11 * x * (channel + 2)).float()


def main():
    torch.set_grad_enabled(False)
    path = ASSETS / "models/efficientnet_lite0/efficientnet_lite0.pth"
    network = Network(torch.load(path, weights_only=True))
    names = ["coffee.png", "chelsea.png", "rocket.jpg"]
    features = network.features(torch.stack([photograph(name) for name in names]))
    odd = network.features(synthetic(97, 131)[None])
    tensors = {
        "photograph_logits": network.logits(features),
        "photograph_features": features[:, :, ::FEATURE_STEP].contiguous(),
        "synthetic_logits": network.logits(odd),
        "synthetic_features": odd[:, :, ::FEATURE_STEP].contiguous(),
    }
    for name, row in zip(names, tensors["photograph_logits"]):
        best = row.softmax(0).topk(3)
        print(name, best.indices.tolist(), [round(p, 3) for p in best.values.tolist()])
    print({name: list(tensor.shape) for name, tensor in tensors.items()})
    OUT.mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT / "lite0.safetensors")


if __name__ == "__main__":
    main()
