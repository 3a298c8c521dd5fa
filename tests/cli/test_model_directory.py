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

    def test_faults_of_a_models_small_files_are_said_by_name(self):
        picture = self.pictures / "red.png"
        strange = self.changed_copy(self.stage1, "tokenizer.json",
                                    lambda value: value["model"]["vocab"].update(kitten=60000))
        said = (f"{strange}/tokenizer.json: expected ids below", '60000 of "kitten"')
        self.assert_error(blip2("match", picture, "--text", "a kitten", "--model", strange), 1, *said)
        self.assert_error(blip2("inspect", strange), 1, *said)
        for file, change, words in (
                ("generation_config.json", {"early_stopping": 5}, 'true, false or "never", found 5'),
                ("generation_config.json", {"num_beams": 0}, "num_beams: expected an integer from 1 to 1024"),
                ("generation_config.json", {"num_beams": 2.9}, "and at most 1024, found 2.9"),
                ("config.json", {"prompt": "<image> a"}, "prompt: expected a text without")):
            model = self.changed_copy(self.stage2, file, lambda value, change=change: value.update(change))
            self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/{file}: ", words)
        model = self.changed_copy(self.stage2, "config.json",
                                  lambda value: value["text_config"].update(eos_token_id=-1))
        self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/config.json: text_config: eos_token_id")


if __name__ == "__main__":
    unittest.main()
