#!/usr/bin/env python3
"""Writes tests/golden/text: what PyPI tokenizers makes of hard strings, with the real vocabularies and with small ones.

Run by hand: python tools/make_text_goldens.py (the assets must be there, see tools/fetch_assets).
"""
import io
import json
import pathlib
import random
import shutil
import tempfile

import sentencepiece

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, GPT2TokenizerFast, Qwen2TokenizerFast

import text_oracle
import tokenizer_pipelines

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/text"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def write_lines(path, lines):
    path.write_text("\n".join(lines) + "\n")


def real_vocabularies():
    oracles = text_oracle.oracles()
    write_lines(GOLDEN / "strings.jsonl",
                [text_oracle.case(*entry, oracles, full=False) for entry in text_oracle.strings(1500, seed=1)])
    # Decoding of ids that no text gives: random ones, ids out of range, specials kept and not.
    rng = random.Random(2)
    lines = []
    for _ in range(150):
        ids = [rng.choice([rng.randrange(50_000), rng.randrange(1000), rng.randrange(300), 101, 102, 1, 2, 60_000])
               for _ in range(rng.randrange(12))]
        line = {"ids": ids}
        for name, tokenizer in oracles.items():
            line[name] = [tokenizer.decode(ids, skip_special_tokens=True), tokenizer.decode(ids, skip_special_tokens=False)]
        lines.append(json.dumps(line, separators=(",", ":")))
    write_lines(GOLDEN / "decode.jsonl", lines)


def write_directory(name, write_files):
    directory = GOLDEN / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    write_files(directory)


def train_bpe(tokenizer, special, size=500):
    tokenizer.train_from_iterator(
        text_oracle.SENTENCES * 3,
        trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.decoder = decoders.ByteLevel()


def opt_like():
    """vocab.json and merges.txt, </s> in front by add_bos_token: as OPT is published."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train_bpe(raw, ["<s>", "<pad>", "</s>", "<unk>"])
    with tempfile.TemporaryDirectory() as folder:
        raw.model.save(folder)
        config = {"add_bos_token": True, "add_prefix_space": False, "bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>",
                  "unk_token": "</s>", "tokenizer_class": "GPT2Tokenizer", "clean_up_tokenization_spaces": False}
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
        fast = AutoTokenizer.from_pretrained(folder)
        assert isinstance(fast, GPT2TokenizerFast) and fast("a").input_ids[0] == 2

        def copy(directory):
            for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
                shutil.copy(pathlib.Path(folder) / file, directory)

        write_directory("opt_like", copy)
        return fast.backend_tokenizer


def llama3_like():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train_bpe(tokenizer, ["<|begin_of_text|>", "<|im_end|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)])])
    write_directory("llama3_like", lambda d: tokenizer.save(str(d / "tokenizer.json")))
    return tokenizer


def qwen2_like():
    """tokenizer.json with NFC, and no start token: as Qwen2 is published."""
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train_bpe(raw, [])
    with tempfile.TemporaryDirectory() as folder:
        raw.model.save(folder)
        made = Qwen2TokenizerFast(vocab_file=f"{folder}/vocab.json", merges_file=f"{folder}/merges.txt", unk_token=None,
                                  additional_special_tokens=["<|im_start|>", "<|im_end|>"])
        assert made.backend_tokenizer.pre_tokenizer.__getstate__() == raw.pre_tokenizer.__getstate__()
        made.save_pretrained(folder)

        def copy(directory):
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(pathlib.Path(folder) / file, directory)

        write_directory("qwen2_like", copy)
        fast = AutoTokenizer.from_pretrained(GOLDEN / "qwen2_like")
        assert isinstance(fast, Qwen2TokenizerFast) and fast.unk_token is None
        return fast.backend_tokenizer


def roberta_like():
    """Added tokens of every kind, a space in front of all text, an unknown token, <s> ... </s>."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    train_bpe(tokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    document = json.loads(tokenizer.to_str())
    # Some bytes lose their token, so that there is something unknown.
    lost = [piece for piece in "ÃðÅ½!" if piece in document["model"]["vocab"]]
    document["model"]["merges"] = [m for m in document["model"]["merges"]
                                   if not any(p in "".join(m) for p in lost)]
    kept = [p for p, _ in sorted(document["model"]["vocab"].items(), key=lambda item: item[1]) if not any(x in p for x in lost)]
    document["model"]["vocab"] = {p: i for i, p in enumerate(kept)}
    document["added_tokens"] = [t for t in document["added_tokens"] if kept[t["id"]] == t["content"]]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("cat", single_word=True, normalized=True), AddedToken("12", rstrip=True, normalized=False),
                          AddedToken("ing", lstrip=True, rstrip=True, normalized=True), AddedToken("[SEP][SEP]", normalized=False),
                          AddedToken("[SEP]", normalized=False), AddedToken("the", single_word=True, lstrip=True, normalized=False)])
    write_directory("roberta_like", lambda d: tokenizer.save(str(d / "tokenizer.json")))
    return tokenizer


def small_wordpiece(**normalization):
    """Other switches than BERT's, shorter words, the older kind of template, no clean-up."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = normalizers.BertNormalizer(**normalization)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    tokenizer.train_from_iterator(text_oracle.SENTENCES * 3, trainers.WordPieceTrainer(
        vocab_size=900, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def cased_wordpiece():
    tokenizer = small_wordpiece(lowercase=False, strip_accents=False, handle_chinese_chars=False, clean_text=True)
    write_directory("cased_wordpiece", lambda d: tokenizer.save(str(d / "tokenizer.json")))
    return tokenizer


def lowered_wordpiece():
    """Lower case with its accents, and added tokens that match normalised text."""
    tokenizer = small_wordpiece(lowercase=True, strip_accents=False, handle_chinese_chars=True, clean_text=False)
    tokenizer.add_tokens([AddedToken("CAFÉ", normalized=True), AddedToken("İst", normalized=True),
                          AddedToken("Cat", single_word=True)])
    write_directory("lowered_wordpiece", lambda d: tokenizer.save(str(d / "tokenizer.json")))
    return tokenizer


def train_sentencepiece(**options):
    """The bytes of a SentencePiece model. One thread, so that the same comes out every time."""
    lines = [line for sentence in text_oracle.SENTENCES * 3 for line in sentence.split("\n") if line]
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, minloglevel=2, num_threads=1,
                                             character_coverage=0.98, **options)
    return out.getvalue()


def write_files(name, files):
    def write(directory):
        for file, content in files.items():
            (directory / file).write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=1).encode())

    write_directory(name, write)
    return AutoTokenizer.from_pretrained(GOLDEN / name)


def t5_like():
    """spiece.model alone, with the real character map of T5; then the same as tokenizer.json in the published form."""
    model = train_sentencepiece(model_type="unigram", vocab_size=600, normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1,
                                unk_id=2, bos_id=-1)
    image = {"content": "<image>", "special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
    converted = write_files("t5_like", {"spiece.model": model, "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer"}})
    document = json.loads(converted.backend_tokenizer.to_str())
    space = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    document["normalizer"] = document["normalizer"]["normalizers"][0]
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]}
    document["decoder"] = space
    document["added_tokens"].append({"id": 700, **image})
    published = write_files("t5_published", {"tokenizer.json": document, "tokenizer_config.json": {
        "tokenizer_class": "T5Tokenizer", "extra_ids": 100}})
    assert len(converted) == 700 and published.convert_tokens_to_ids("<image>") == 700
    return {"t5_like": converted.backend_tokenizer, "t5_published": published.backend_tokenizer}


def llama_like():
    """tokenizer.model alone with InstructBLIP's tokens; the same as tokenizer.json; and the newer form, not legacy."""
    model = train_sentencepiece(model_type="bpe", vocab_size=900, normalization_rule_name="identity", byte_fallback=True,
                                split_digits=True, remove_extra_whitespaces=False)
    vicuna = {"tokenizer_class": "LlamaTokenizer", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "[PAD]",
              "additional_special_tokens": ["<image>"]}
    converted = write_files("llama_like", {"tokenizer.model": model, "tokenizer_config.json": vicuna})
    document = json.loads(converted.backend_tokenizer.to_str())
    document["post_processor"] = None  # which LLaMA's class makes anew
    legacy = write_files("llama_json", {"tokenizer.json": document, "tokenizer_config.json": vicuna})
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tokenizer.model").write_bytes(model)
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", "legacy": False}))
        newer = AutoTokenizer.from_pretrained(folder)
        document = json.loads(newer.backend_tokenizer.to_str())
    newer = write_files("llama_newer", {"tokenizer.json": document})
    return {"llama_like": converted.backend_tokenizer, "llama_json": legacy.backend_tokenizer, "llama_newer": newer.backend_tokenizer}


def clip_like():
    """vocab.json and merges.txt; then tokenizer.json."""
    raw = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    raw.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    raw.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    raw.train_from_iterator(text_oracle.SENTENCES * 3, trainers.BpeTrainer(
        vocab_size=900, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>"))
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in json.loads(raw.to_str())["model"]["merges"]]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = list(dict.fromkeys(alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges]))
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    config = {"tokenizer_class": "CLIPTokenizer"}
    lines = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges)
    files = write_files("clip_like", {"vocab.json": {p: i for i, p in enumerate(pieces)}, "merges.txt": lines.encode(),
                                      "tokenizer_config.json": config})
    document = json.loads(files.backend_tokenizer.to_str())
    document["added_tokens"][1]["normalized"] = False  # as published
    published = write_files("clip_json", {"tokenizer.json": document, "tokenizer_config.json": config})
    return {"clip_like": text_oracle.ClipOracle(files), "clip_json": text_oracle.ClipOracle(published)}


def small_vocabularies():
    tokenizers = {**t5_like(), **llama_like(), **clip_like()}
    write_lines(GOLDEN / "more_vocabularies.jsonl", [
        text_oracle.case(*e, tokenizers, full=False) for e in text_oracle.strings(700, seed=5)])
    rng = random.Random(6)
    lines = []
    for _ in range(150):
        ids = [rng.choice([rng.randrange(1000), rng.randrange(1000), rng.randrange(300), 60_000]) for _ in range(rng.randrange(12))]
        line = {"ids": ids}
        for name, tokenizer in tokenizers.items():
            line[name] = [tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False)]
        lines.append(json.dumps(line, separators=(",", ":")))
    write_lines(GOLDEN / "more_decode.jsonl", lines)
    tokenizers = {"opt_like": opt_like(), "llama3_like": llama3_like(), "qwen2_like": qwen2_like(), "roberta_like": roberta_like(),
                  "cased_wordpiece": cased_wordpiece(), "lowered_wordpiece": lowered_wordpiece()}
    cases = [e for e in text_oracle.strings(300, seed=3) if e[0] != "repeat" or e[1][1] <= 10_000]
    write_lines(GOLDEN / "small_vocabularies.jsonl", [text_oracle.case(*e, tokenizers, full=False) for e in cases])


def pipelines():
    write_lines(GOLDEN / "pipelines.jsonl", list(tokenizer_pipelines.cases(50, seed=11, num_strings=8)))


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    pipelines()
    real_vocabularies()
    small_vocabularies()
