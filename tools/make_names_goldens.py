#!/usr/bin/env python3
"""Makes tests/golden/names: names and shapes of the tensors of Hugging Face's own classes, of a tiny shape.

Needs transformers 4.57 and torch. All sizes differ, so that a swapped axis shows.
"""
import json
import pathlib

from transformers import (BertConfig, BertForPreTraining, BertModel, Blip2Config,
                          Blip2ForConditionalGeneration, Blip2ForImageTextRetrieval)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/names"
QFORMER = dict(hidden_size=12, num_hidden_layers=3, num_attention_heads=3, intermediate_size=20,
               vocab_size=37, max_position_embeddings=11)
VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
              image_size=28, patch_size=14)
TEXT = dict(model_type="llama", vocab_size=41, hidden_size=24, intermediate_size=28, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, head_dim=8)


def blip2(text_input):
    qformer = dict(QFORMER, cross_attention_frequency=2, use_qformer_text_input=text_input)
    return Blip2Config(vision_config=VISION, qformer_config=qformer, text_config=TEXT, num_query_tokens=5,
                       image_text_hidden_size=7)


def main():
    bert = BertConfig(**QFORMER)
    models = {
        "retrieval": Blip2ForImageTextRetrieval(blip2(True)),
        "generation": Blip2ForConditionalGeneration(blip2(False)),
        "bert": BertModel(bert),
        "prefixed_bert": BertForPreTraining(bert),
    }
    shapes = {model: {name: list(tensor.shape) for name, tensor in value.state_dict().items()}
              for model, value in models.items()}
    OUT.mkdir(parents=True, exist_ok=True)
    lines = []
    for model, tensors in shapes.items():
        rows = ",\n".join(f'  {json.dumps(name)}: {shape}' for name, shape in sorted(tensors.items()))
        lines.append(f'"{model}": {{\n{rows}\n}}')
    (OUT / "shapes.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
