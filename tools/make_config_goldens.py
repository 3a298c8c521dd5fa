#!/usr/bin/env python3
"""Writes tests/golden/configs/transformers_N.json: every key that transformers N gives the configurations of the classes we read.

Run by hand with each generation of transformers (4.57 and the newest 5): each writes its own file.
"""
import json
import pathlib

import transformers

CLASSES = ("Blip2Config InstructBlipConfig BlipConfig CLIPConfig Blip2VisionConfig InstructBlipVisionConfig BlipVisionConfig "
           "CLIPVisionConfig Dinov2Config SiglipVisionConfig Blip2QFormerConfig InstructBlipQFormerConfig BlipTextConfig CLIPTextConfig "
           "OPTConfig T5Config LlamaConfig Qwen2Config BertConfig").split()
OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/configs"

if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    generation = transformers.__version__.split(".")[0]
    configs = {name: getattr(transformers, name)().to_dict() for name in CLASSES}
    configs["Blip2Config with T5Config"] = transformers.Blip2Config(text_config=transformers.T5Config().to_dict()).to_dict()
    configs["Blip2Config with LlamaConfig"] = transformers.Blip2Config(text_config=transformers.LlamaConfig().to_dict()).to_dict()
    path = OUTPUT / f"transformers_{generation}.json"
    path.write_text(json.dumps(configs, indent=1, default=str) + "\n")
    print(path, path.stat().st_size)
