"""Opens model directories with the transformers of this environment and saves them again: python resave.py FROM TO [FROM TO...].

tests/parity/run.py calls it in the environment of transformers 5, so that the program meets what that generation writes.
"""
import pathlib
import sys

import torch
import transformers
from transformers import AutoConfig, AutoProcessor


def resave(source, target):
    config = AutoConfig.from_pretrained(source)
    kind = getattr(transformers, config.architectures[0])
    model = kind.from_pretrained(source, dtype=torch.float32)
    model.save_pretrained(target)
    AutoProcessor.from_pretrained(source).save_pretrained(target)
    print(pathlib.Path(target).name, *sorted(path.name for path in pathlib.Path(target).iterdir()))


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for source, target in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        resave(source, target)


if __name__ == "__main__":
    main()
