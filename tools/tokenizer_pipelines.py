"""Random tokenizers: normalizers, pre-tokenizers, models, templates and decoders of PyPI tokenizers in any combination, and what
they make of hard strings.

Used by make_text_goldens.py (some, kept) and tests/parity/tokenizers_live.py (any number, not kept).
"""
import base64
import json
import random
import struct
import unicodedata

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import text_oracle

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
NEWER_CLIP = r"<\|startoftext\|>|<\|endoftext\|>|" + CLIP
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = [GPT2, LLAMA3, QWEN2, CLIP, NEWER_CLIP, O200K, r"\s+", r" {2,}", r"\p{L}+", r"\d", r"\w+|[^\w\s]+", r"[^\s\p{L}]+", r"\b", r"",
            r"(?<=a)[b-t]", r"^.", r".$", r"\A.", r"[[:punct:]]", r"(.)\1", r"\p{Han}", r"\p{Hiragana}|\p{Cyrillic}", r"(?=[A-Z])", r"a*", r"\X",
            r"(?i)the|IS", r"[\u0300-\u036f]", r"x|y|z", r"\p{P}+", r"\p{S}", r"\p{M}", r"\p{Lu}", r"[^\x00-\x7f]+", r"(?m)^ *", r"\R", r"(a|e)(?:t|s)"]
LITERALS = [" ", "a", "▁", "  ", "the", ".", "'", "é", "\n", "ing", "[SEP]", "(", "\\", "$1"]
CONTENTS = ["", " ", "▁", "x", "$1", "éé", "<a>", "\\1"]
TOKENS = ["<s>", "</s>", "<pad>", "<unk>", "[SEP]", "[CLS]", "[DEC]", "<image>", "the", "Cat", "12", " a", "ing", "'s", "é", "▁", "!", "  ", "##", "The"]


def small_charsmap():
    """Single ASCII bytes to other texts, some of them to nothing."""
    units = [0] * 1536
    texts = b"xy\0\0 \0zz\0"
    units[0] = 256 << 10
    for byte, value in (("a", 0), ("c", 3), ("\t", 4), ("I", 6), (" ", 4), ("\x01", 3)):
        child, leaf = 256 + ord(byte), 512 + ord(byte)
        units[child] = ord(byte) | 1 << 8 | (child ^ leaf) << 10
        units[leaf] = 1 << 31 | value
    return struct.pack("<I1536I", 4 * 1536, *units) + texts


def pattern(rng):
    return {"String": rng.choice(LITERALS)} if rng.random() < 0.4 else {"Regex": rng.choice(PATTERNS)}


def flag(rng):
    return rng.random() < 0.5


def normalizer(rng):
    kind = rng.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel", "Strip", "Prepend", "Replace", "Replace",
                       "BertNormalizer", "Precompiled"])
    fields = {"Strip": lambda: {"strip_left": flag(rng), "strip_right": flag(rng)},
              "Prepend": lambda: {"prepend": rng.choice(["▁", " ", "x", "éa", "<s>"])},
              "Replace": lambda: {"pattern": pattern(rng), "content": rng.choice(CONTENTS)},
              "BertNormalizer": lambda: {"clean_text": flag(rng), "handle_chinese_chars": flag(rng),
                                         "strip_accents": rng.choice([None, True, False]), "lowercase": flag(rng)},
              "Precompiled": lambda: {"precompiled_charsmap": base64.b64encode(small_charsmap()).decode()}}
    return {"type": kind, **fields.get(kind, dict)()}


def metaspace(rng):
    return {"type": "Metaspace", "replacement": rng.choice(["▁", "▁", "_", "Ġ"]), "prepend_scheme": rng.choice(["always", "first", "first", "never"]),
            "split": flag(rng)}


def byte_level(rng):
    return {"type": "ByteLevel", "add_prefix_space": flag(rng), "trim_offsets": flag(rng), "use_regex": flag(rng)}


def pre_tokenizer(rng):
    behavior = rng.choice(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])
    kind = rng.choice(["BertPreTokenizer", "ByteLevel", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength", "Metaspace", "Metaspace",
                       "Punctuation", "Split", "Split", "Split", "UnicodeScripts", "Whitespace", "WhitespaceSplit"])
    if kind == "Metaspace":
        return metaspace(rng)
    if kind == "ByteLevel":
        return byte_level(rng)
    fields = {"CharDelimiterSplit": lambda: {"delimiter": rng.choice([" ", "a", "é", "."])},
              "Digits": lambda: {"individual_digits": flag(rng)},
              "FixedLength": lambda: {"length": rng.randrange(1, 7)},
              "Punctuation": lambda: {"behavior": behavior},
              "Split": lambda: {"pattern": pattern(rng), "behavior": behavior, "invert": flag(rng)}}
    return {"type": kind, **fields.get(kind, dict)()}


def decoder(rng):
    kind = rng.choice(["BPEDecoder", "ByteLevel", "WordPiece", "Metaspace", "CTC", "Replace", "Fuse", "Strip", "ByteFallback"])
    if kind == "Metaspace":
        return metaspace(rng)
    if kind == "ByteLevel":
        return byte_level(rng)
    fields = {"BPEDecoder": lambda: {"suffix": rng.choice(["</w>", "a", ""])},
              "WordPiece": lambda: {"prefix": rng.choice(["##", "a"]), "cleanup": flag(rng)},
              "CTC": lambda: {"pad_token": rng.choice(["<pad>", "a"]), "word_delimiter_token": rng.choice(["|", "t"]), "cleanup": flag(rng)},
              "Replace": lambda: {"pattern": pattern(rng), "content": rng.choice(CONTENTS)},
              "Strip": lambda: {"content": rng.choice([" ", "a", "▁"]), "start": rng.randrange(3), "stop": 0}}
    return {"type": kind, **fields.get(kind, dict)()}


def sequence(rng, list_name, make, most):
    parts = [make(rng) for _ in range(rng.randrange(most + 1))]
    if not parts:
        return None
    if len(parts) == 1 and rng.random() < 0.7:
        return parts[0]
    if len(parts) > 2 and rng.random() < 0.2:
        parts = [parts[0], {"type": "Sequence", list_name: parts[1:]}]
    return {"type": "Sequence", list_name: parts}


def added_tokens(rng, vocabulary_size, known):
    tokens, next_id = [], vocabulary_size
    for content in rng.sample(TOKENS, rng.randrange(6)):
        if content in known:
            number = known[content]
        else:
            number, next_id = next_id, next_id + 1
        tokens.append({"id": number, "content": content, "single_word": rng.random() < 0.25, "lstrip": rng.random() < 0.25,
                       "rstrip": rng.random() < 0.25, "normalized": flag(rng), "special": flag(rng)})
    return sorted(tokens, key=lambda token: token["id"])


def post_processor(rng, vocabulary):
    a, b = rng.sample(list(vocabulary), 2)
    template = {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": a, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": b, "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {t: {"id": t, "ids": [vocabulary[t]], "tokens": [t]} for t in (a, b)}}
    older = {"type": "BertProcessing", "sep": [b, vocabulary[b]], "cls": [a, vocabulary[a]]}
    robust = {**older, "type": "RobertaProcessing", "trim_offsets": flag(rng), "add_prefix_space": flag(rng)}
    offsets = {"type": "ByteLevel", "add_prefix_space": flag(rng), "trim_offsets": flag(rng), "use_regex": flag(rng)}
    both = {"type": "Sequence", "processors": [rng.choice([offsets, older]), template]}
    return rng.choice([None, template, older, robust, offsets, both])


def trained(rng, front):
    """A small model behind a normalizer and a pre-tokenizer, as JSON."""
    kind = rng.choice(["WordPiece", "BPE", "BPE", "BPE", "Unigram", "WordLevel"])
    prefix, suffix = rng.choice(["", "", "##", "é"]), rng.choice(["", "", "</w>"])
    size, alphabet = rng.randrange(60, 140), rng.randrange(20, 60)
    special = ["<unk>", "<pad>"] + (["</s>"] if flag(rng) else [])
    make = {"WordPiece": lambda: (models.WordPiece(unk_token="<unk>", max_input_chars_per_word=rng.choice([5, 100])),
                                  trainers.WordPieceTrainer(vocab_size=size, limit_alphabet=alphabet, special_tokens=special, show_progress=False)),
            "BPE": lambda: (models.BPE(continuing_subword_prefix=prefix, end_of_word_suffix=suffix),
                            trainers.BpeTrainer(vocab_size=size, limit_alphabet=alphabet, special_tokens=special, show_progress=False,
                                                continuing_subword_prefix=prefix, end_of_word_suffix=suffix)),
            "Unigram": lambda: (models.Unigram(), trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>",
                                                                         show_progress=False)),
            "WordLevel": lambda: (models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(vocab_size=size, special_tokens=special,
                                                                                               show_progress=False))}
    model, trainer = make[kind]()
    tokenizer = Tokenizer.from_str(json.dumps({**front, "model": json.loads(Tokenizer(model).to_str())["model"]}))
    tokenizer.train_from_iterator(text_oracle.SENTENCES[:40] * 2, trainer)
    document = json.loads(tokenizer.to_str())["model"]
    if kind == "BPE":
        document["unk_token"] = rng.choice([None, "<unk>"])
        document["fuse_unk"], document["ignore_merges"] = flag(rng), flag(rng)
        if flag(rng):
            document["byte_fallback"] = True
            for byte in range(256) if flag(rng) else range(0x80, 0xE0):
                document["vocab"].setdefault(f"<0x{byte:02X}>", len(document["vocab"]))
        if rng.random() < 0.3:
            document["merges"] = [m if isinstance(m, str) else " ".join(m) for m in document["merges"] if " " not in "".join(m)]
    return document


def tokenizer(rng):
    """The text of a random tokenizer.json that the reference takes."""
    while True:
        front = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                 "normalizer": sequence(rng, "normalizers", normalizer, 3),
                 "pre_tokenizer": sequence(rng, "pretokenizers", pre_tokenizer, 3), "post_processor": None, "decoder": None}
        try:
            model = trained(rng, front)
        except BaseException:  # a trainer that finds nothing panics
            continue
        pieces = model["vocab"]
        known = {p[0]: i for i, p in enumerate(pieces)} if isinstance(pieces, list) else pieces
        if len(known) < 5 or "" in known or len(known) != len(pieces):
            continue
        document = {**front, "model": model, "added_tokens": added_tokens(rng, len(known), known),
                    "post_processor": post_processor(rng, known), "decoder": sequence(rng, "decoders", decoder, 3)}
        text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
        try:
            Tokenizer.from_str(text)
        except BaseException:
            continue
        return text


def strings(rng, count):
    for _ in range(count):
        kind = rng.random()
        if kind < 0.45:
            text = "".join(rng.choice(text_oracle.FRAGMENTS + TOKENS + [" "] * 8) for _ in range(rng.randrange(1, 12)))
        elif kind < 0.8:
            words = rng.choice(text_oracle.SENTENCES[:40]).split(" ")
            start = rng.randrange(len(words))
            text = rng.choice(["", " ", "  ", "\t", "\x01"]) + " ".join(words[start:start + 8])[:80]
        else:
            text = text_oracle.random_string(rng)[:40]
        # Debian's Oniguruma knows the characters of Unicode 14, as Python 3.11 does.
        yield "".join("x" if unicodedata.category(c) == "Cn" else c for c in text)


def case(rng, num_strings):
    """One line: a tokenizer, texts with ids with and without the template, and ids with their decodings."""
    document = tokenizer(rng)
    reference = Tokenizer.from_str(document)
    size = reference.get_vocab_size()
    texts, decoded = [], []
    for text in strings(rng, num_strings):
        try:
            whole, bare = reference.encode(text).ids, reference.encode(text, add_special_tokens=False).ids
        except BaseException:  # the reference gives up
            continue
        texts.append([text, whole, bare])
    lists = [whole[:20] for _, whole, _ in texts[:3]] + [[rng.randrange(size + 2) for _ in range(rng.randrange(1, 9))] for _ in range(3)]
    for ids in lists:
        if not ids:
            continue
        try:
            decoded.append([ids, reference.decode(ids), reference.decode(ids, skip_special_tokens=False)])
        except BaseException:
            continue
    return json.dumps({"tokenizer": document, "texts": texts, "decoded": decoded}, ensure_ascii=True, separators=(",", ":"))


def cases(count, seed, num_strings):
    """Yields lines; stderr is where the reference's panics go."""
    rng = random.Random(seed)
    for _ in range(count):
        yield case(rng, num_strings)
