#!/usr/bin/env python3
"""Makes tests/golden/bundle: hidden states of all-MiniLM-L6-v2 by Hugging Face's BertModel.

The test loads the same checkpoint as a Q-Former's text side, which must give the same. Needs transformers 4.57,
torch and the assets that tools/fetch_assets puts in $BLIP2_ASSETS, else ~/.cache/blip2.
"""
import os
import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertModel

ASSETS = pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/bundle"
TEXTS = ["a red fox under the moon", "an old steam locomotive"]


def main():
    folder = ASSETS / "models/all_minilm_l6_v2"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_padding()
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    tensors = {}
    with torch.no_grad():
        for i, text in enumerate(TEXTS):
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            print(text, ids.tolist())
            tensors[f"ids_{i}"] = ids[0].clone()
            tensors[f"hidden_{i}"] = model(ids).last_hidden_state[0].clone()
    OUT.mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT / "minilm.safetensors")
    (OUT / "minilm.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
