"""What the text room is compared with: the reference tokenizers, and strings that are hard to tokenize.

Used by make_text_goldens.py (a few thousand strings, kept) and compare_tokenizers.py (any number, not kept).
"""
import json
import os
import pathlib
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

SENTENCES = """\
The capital of France is
A photo of a cat sitting on a red sofa, isn't it?
I'm sure they're here; we've seen what she'd do and he'll say 's 't 're 've 'm 'll 'd.
I'M SURE THEY'RE HERE; WE'VE SEEN WHAT SHE'D DO AND HE'LL SAY 'S 'T 'RE 'VE 'M 'LL 'D.
Question: how many cats are there? Answer: 12, 345 or 67890 (1,234.50 €)!
Le cœur déçu mais l'âme plutôt naïve, Noël à Bâle.
Zwölf große Boxkämpfer jagen über den Sylter Deich. STRASSE Straße ẞ
El pingüino comió piñas; ¿dónde está el niño? ¡Aquí!
Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.
Çok güzel bir gün: İstanbul'da ışık, ILIK ılık İİ.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΟΣ Ὀδυσσεύς ᾳ ᾼ
Съешь ещё этих мягких французских булок, да выпей чаю. ЁЖИК
שלום עולם, מה שלומך היום? בְּרֵאשִׁית
مرحبا بالعالم، كيف حالك؟ السَّلَامُ ١٢٣٤٥ ۶۷۸
नमस्ते दुनिया, आप कैसे हैं? क्षत्रिय १२३
হ্যালো বিশ্ব, তুমি কেমন আছো? ৩৪৫
வணக்கம் உலகம் தமிழ் கொ
ఎలా ఉన్నారు ತಮಾಷೆ മലയാളം
สวัสดีชาวโลก น้ำตาล ๑๒๓
ສະບາຍດີ ကမ္ဘာလောက ជំរាបសួរ ២៣
你好，世界！这是一只猫。ＡＢＣ１２３ ㈱ ㍿ ｶﾞ
こんにちは世界。ガギグゲゴ ばびぶ カタカナ
안녕하세요 세계 한글 \u1112\u1161\u11ab\u1100\u1173\u11af 각
ሰላም ዓለም ᎣᏏᏲ ꭰꮳꮃ Ꮳ ჰელო ᲒᲐ გამარჯობა Բարեւ և
Tiếng Việt: Trăm năm trong cõi người ta, ệ ễ ố ồ
e\u0301 a\u0300\u0323 o\u0308\u0304 q\u0307\u0323 \u0344 \u212b \u1e9b\u0323 \u0345 A\u030a
ﬁne ﬂow ﬀ ﬃ ﬄ ﬅ ﬆ Ǆ ǅ ǆ Ǉ ǈ ĳ ŉ ẖ ǰ ſ K Å Ω
½ ¼ ² ³ ¹ Ⅷ ⅷ ① ⑳ 一二三 ꠱ 𝟘𝟙𝟚 𝐀𝐁𝒞 ፩ ༳ 〇
😀 😃👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 ❤️ ☕︎ 1️⃣ #️⃣ 🧑🏿‍🚀 🫠 🪿
a\tb\nc\r\nd\re\vf\fg  h   i\u00a0j\u2003k\u3000l\u200bm\u2028n\u2029o\u0085p\ufeffq\u1680r\u180es
   leading and trailing   
\n\n\nlines\n \n  \n\t\n
x  y   z    1  2   3 !  ?   \t a\t\tb \n c
[CLS] a [SEP] b [MASK] [UNK] [PAD] [DEC] [cls] [ SEP ] [SEP][SEP]x[SEP
<|im_start|>user\nHi<|im_end|>\n<|endoftext|><|im_start <|im_end|><repo_name> < |im_end|> <|IM_END|>
##ing ##a #b ##[SEP] un##able
don't can't won't 'tis rock'n'roll ' s 's's ''re "'ll" ’s ‘m
C++20 std::vector<int64_t> a->b != c; f(x)=x^2+~y*`z`|w&v%u$t#s@r
https://example.org/a?b=c&d=%20e#f foo_bar-baz.qux a.b.c...d,,e
0 00 000 0000 1234567 3.14159 -1e-9 0x1F 1st 2nd ১২৩ a1b2c3
supercalifragilisticexpialidocious antidisestablishmentarianism
\u0000\u0001\u0007\u001b[31m\u007f\u0080\u009f\u00ad\u200d\u202e\u2060\ufff9\ufffd\uffff\ue000\U000f0000\U0010ffff
\u0061\u0315\u0300\u05ae\u0062 \u0061\u302e\u0323 \u1b44\u302e \u302e\u1baa \U0001d165\U0001d16d \U00011938 \U00011935\U00011930
中a文b字\u3400\u4dbf\u4e00\u9fff\uf900\ufaff\U00020000\U0002b740\U0002b820\U0002b920\U0002ceb0\U0002f800\U00030000
Γειά σου Κόσμε ΣΑΣ ς σ\u0345 Ϳ ϴ ẞ Ⱥ Ⴀ Ა Ꭰ Ʝ \ua7cb \U00010d50 \U000105d2 \ua7dc""".split("\n")
SENTENCES = [s.encode("ascii", "backslashreplace").decode("unicode_escape") if "\\" in s else s for s in SENTENCES]

BAD_BYTES = [b"\x80", b"\xff\xfe", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82a", b"\xe2(\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98z",
             b"\xf0\x9fz\x98", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
             b"caf\xe9 au lait", b"\xf0\x9f\x98\x80\x80 ok", b"\xef\xbf", b"\xef\xbb\xbfBOM", b"\xc1\xbf\xe1\x80 \xf1\x80\x80!"]

REPEATS = [("a", 100_000), ("ab", 50_000), (" ", 100_000), ("\n", 3000), ("0", 100_000), ("中", 30_000), ("the cat sat ", 8000),
           ("e\u0301", 20_000), ("😀", 10_000), ("\u0301", 30_000), ("!?", 20_000), ("a" * 100, 1), ("a" * 101, 1), ("é" * 100, 1),
           ("中" * 101, 1), ("x" * 99 + "é", 1), ("[SEP]", 3000), ("<|im_end|>", 3000), ("<|im", 10_000), ("'", 20_000),
           ("'s", 10_000), ("\u302e\u1b44", 10_000), ("  a", 10_000), ("\r\n", 5000), ("aaaaaaab", 12_500)]

FRAGMENTS = ["the", "Cat", " a", "ing", "123", "42", " ", "  ", "\t", "\n", "\r\n", "'s", "'LL", "'t", "’s", "don't", "[SEP]", "[DEC]",
             "[CLS", "MASK]", "<|im_start|>", "<|im_end|>", "<|endof", "text|>", "##", "...", "!", "?", "é", "e\u0301", "中", "文字", "한", "ㅎ",
             "\u1112\u1161", "ß", "ẞ", "İ", "ı", "ﬁ", "ǅ", "👨‍👩‍👧", "🏽", "\u200d", "\ufe0f", "\u00a0", "\u3000", "\u0000", "\ufffd", "½", "Ⅷ", "²",
             "<extra_id_0>", " <extra_id_99> ", "<image>", "</s>", "<s>", "<unk>", "<pad>", "<0x0A>", "<|STARTOFTEXT|>", "▁", "▁▁", "</w>",
             "a\u0300\u0301", "©\u200d©\u0301", "क\u094dक\u0301", "\u0600a", "\u0001", "\ufeff", "ｶﾞ", "㍿", "\u0958\u0301",
             "ا", "١", "न", "्", "ก", "\u302e", "\u0345", "_", "-", "a" * 60]


def assets():
    return pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))


def wordpiece():
    tokenizer = Tokenizer.from_file(str(assets() / "models/all_minilm_l6_v2/tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.add_special_tokens([AddedToken("[DEC]", normalized=False, special=True)])
    return tokenizer


def smollm2():
    import gguf  # here alone: those who want strings need it not

    fields = gguf.GGUFReader(assets() / "models/smollm2_135m_instruct/smollm2.gguf").fields
    tokens, merges, types = (fields["tokenizer.ggml." + key].contents() for key in ("tokens", "merges", "token_type"))
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, kind in zip(tokens, types) if kind == 3])
    return tokenizer


class ClipOracle:
    """CLIP's class changes what decode() of the tokenizer below it gives."""

    def __init__(self, fast):
        self.fast = fast

    def encode(self, text):
        return self.fast.backend_tokenizer.encode(text)

    def decode(self, ids, skip_special_tokens):
        return self.fast.decode(ids, skip_special_tokens=skip_special_tokens)


GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/text"
SMALL = ("opt_like", "llama3_like", "qwen2_like", "t5_like", "t5_published", "llama_like", "llama_json", "llama_newer", "clip_like",
         "clip_json")


def small_oracle(name, directory):
    """A small vocabulary as AutoTokenizer reads it; llama3_like and llama_newer are a tokenizer.json and nothing else."""
    if not (directory / "tokenizer_config.json").exists():
        return Tokenizer.from_file(str(directory / "tokenizer.json"))
    fast = AutoTokenizer.from_pretrained(directory)
    return ClipOracle(fast) if name.startswith("clip") else fast.backend_tokenizer


def small_oracles():
    return {name: small_oracle(name, GOLDEN / name) for name in SMALL}


def oracles():
    return {"wordpiece": wordpiece(), "smollm2": smollm2()}


def random_character(rng):
    kind = rng.random()
    if kind < 0.35:
        return chr(rng.randrange(0x20, 0x7F))
    if kind < 0.5:
        return chr(rng.randrange(0xA0, 0x600))
    if kind < 0.75:
        c = rng.randrange(0x600, 0x10000)
    elif kind < 0.97:
        c = rng.randrange(0x10000, 0x20000)
    else:
        c = rng.randrange(0x110000)
    return "x" if 0xD800 <= c < 0xE000 else chr(c)


def random_string(rng):
    kind = rng.randrange(4)
    length = min(int(rng.expovariate(1 / 12)) + 1, 200)
    if kind == 0:
        return "".join(random_character(rng) for _ in range(length))
    if kind == 1:
        return "".join(rng.choice(FRAGMENTS) for _ in range(length))
    if kind == 2:  # a sentence with damage
        text = list(rng.choice(SENTENCES))
        for _ in range(rng.randrange(1, 6)):
            text.insert(rng.randrange(len(text) + 1), rng.choice(FRAGMENTS))
        return "".join(text)
    start = rng.randrange(0x20, 0x1F000)  # neighbours of one script
    return "".join(chr(c) if not 0xD800 <= (c := start + rng.randrange(96)) < 0xE000 else " " for _ in range(length))


def strings(count, seed):
    """Yields the key and value by which a case names its text, and the text."""
    for sentence in SENTENCES:
        yield "text", sentence, sentence
    for repeat in REPEATS:
        yield "repeat", list(repeat), repeat[0] * repeat[1]
    for data in BAD_BYTES:
        yield "hex", data.hex(), data.decode("utf-8", "replace")
    rng = random.Random(seed)
    for number in range(count):
        if number % 20 == 0:  # bytes, of which some are UTF-8
            data = bytearray("".join(rng.choice(FRAGMENTS) for _ in range(6)).encode())
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            yield "hex", bytes(data).hex(), bytes(data).decode("utf-8", "replace")
        else:
            text = random_string(rng)
            yield "text", text, text


def digest(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def ids_digest(ids):
    return digest(b"".join(i.to_bytes(4, "little") for i in ids))


def case(key, value, text, tokenizers, full):
    """One line: the text, and for each tokenizer its ids and their decoding, in full or as digests."""
    line = {key: value}
    for name, tokenizer in tokenizers.items():
        ids = tokenizer.encode(text).ids
        plain = tokenizer.decode(ids, skip_special_tokens=True)
        if full:
            line[name] = [ids, plain]
        else:
            line[name] = [ids_digest(ids), digest(plain.encode())]
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"))
