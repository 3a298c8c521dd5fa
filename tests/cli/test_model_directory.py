#!/usr/bin/env python3
"""`--model`: directories that are missing, damaged or of another kind."""
import json
import pathlib
import struct
import tempfile
import unittest

from support import CommandLineCase, ModelCase, blip2, png


class WithoutModel(CommandLineCase):
    def test_missing_and_lying_model_directories(self):
        picture = self.folder / "a.png"
        picture.write_bytes(png(8, 8, (255, 0, 0)))
        self.assert_error(blip2("caption", picture, "--model", self.folder / "gone"), 1, "gone")
        model = self.folder / "model"
        model.mkdir()
        self.assert_error(blip2("caption", picture, "--model", model), 1, "config.json")
        for text in ("", "{", "[]", '{"model_type": "blip-2"}', '{"model_type": "gpt2"}',
                     '{"model_type": "blip-2", "architectures": ["Blip2ForImageTextRetrieval"], '
                     '"qformer_config": {"hidden_size": 99999999999999}}'):
            (model / "config.json").write_text(text)
            result = blip2("caption", picture, "--model", model)
            self.assert_error(result, 1, str(model))


class WithModels(ModelCase):
    def test_a_model_that_cannot_is_named(self):
        picture = self.pictures / "red.png"
        for command in (("index", "build", picture, "--index", self.folder / "index"), ("match", picture, "--text", "a"),
                        ("zero-shot", picture, "--labels", "a,b")):
            self.assert_error(blip2(*command, "--model", self.stage2), 1, f"--model {self.stage2}: expected a model for")
        self.assertFalse((self.folder / "index").exists())

    def test_a_damaged_copy_of_a_model(self):
        model = self.folder / "model"
        model.mkdir()
        for file in self.stage1.iterdir():
            (model / file.name).symlink_to(file)
        weights = model / "model.safetensors"
        weights.unlink()
        picture = self.pictures / "red.png"
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")
        data = (self.stage1 / "model.safetensors").read_bytes()
        weights.write_bytes(data[:-1000])
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")
        weights.write_bytes(struct.pack("<Q", 1 << 60) + data[8:])
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")

    def changed_copy(self, source, file, change):
        """A copy of a model whose JSON `file` is changed by change(value)."""
        model = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for one in source.iterdir():
            (model / one.name).symlink_to(one)
        value = json.loads((source / file).read_text())
        change(value)
        (model / file).unlink()
        (model / file).write_text(json.dumps(value))
        return model

    def test_what_is_no_model_is_said_by_name(self):
        picture = self.pictures / "red.png"
        self.assert_error(blip2("caption", picture, "--model", "Salesforce/blip2-opt-2.7b"), 1,
                          "Salesforce/blip2-opt-2.7b: no such file or directory. If it is a name on the Hugging Face Hub")
        adapter = self.folder / "adapter"
        adapter.mkdir()
        (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "X/Y"}')
        (adapter / "adapter_model.safetensors").write_bytes(b"")
        self.assert_error(blip2("caption", picture, "--model", adapter), 1, "a PEFT adapter (LORA) of X/Y")
        self.assert_error(blip2("inspect", adapter), 1, "a PEFT adapter (LORA) of X/Y")

    def test_the_top_of_a_hub_cache_is_its_newest_snapshot(self):
        cache = self.folder / "models--X--Y"
        (cache / "refs").mkdir(parents=True)
        (cache / "refs/main").write_text("abc\n")
        (cache / "snapshots").mkdir()
        (cache / "snapshots/abc").symlink_to(self.stage2.resolve())
        picture = self.pictures / "red.png"
        self.assertEqual(blip2("caption", picture, "--model", cache, "--max-new-tokens", 3).stdout,
                         blip2("caption", picture, "--model", self.stage2, "--max-new-tokens", 3).stdout)

    def test_faults_of_a_models_small_files_are_said_by_name(self):
        picture = self.pictures / "red.png"
        strange = self.changed_copy(self.stage1, "tokenizer.json",
                                    lambda value: value["model"]["vocab"].update(kitten=60000))
        said = (f"{strange}/tokenizer.json: expected ids below", '60000 of "kitten"')
        self.assert_error(blip2("match", picture, "--text", "a kitten", "--model", strange), 1, *said)
        self.assert_error(blip2("inspect", strange), 1, *said)
        for change, words in (({"early_stopping": 5}, 'true, false or "never", found 5'),
                              ({"num_beams": 0}, "num_beams: expected an integer from 1 to 1024"),
                              ({"num_beams": 2.9}, "from 1 to 1024, found 2.9"),
                              ({"suppress_tokens": [5]}, "suppress_tokens: only null is supported, found [5]"),
                              ({"rope_scaling": {"rope_type": "longrope"}}, "rope_type: expected default, linear, dynamic, llama3 or yarn"),
                              ({"logit_softcap": 30.0}, "logit_softcap: this program does not know the key")):
            model = self.changed_copy(self.stage2, "config.json",
                                      lambda value, change=change: value["text_config"].update(change))
            self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/config.json: text_config: ", words)
        model = self.changed_copy(self.stage2, "config.json", lambda value: value.update(prompt="<image> a"))
        self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/config.json: ", "prompt: expected a text without")
        model = self.changed_copy(self.stage2, "config.json",
                                  lambda value: value["text_config"].update(eos_token_id=-1))
        self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/config.json: text_config: eos_token_id")


if __name__ == "__main__":
    unittest.main()
