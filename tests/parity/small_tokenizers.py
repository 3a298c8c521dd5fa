"""Tokenizers of every family, trained in a second on a few sentences, of the classes that the published checkpoints have."""
import io
import json
import pathlib

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizerFast, CLIPTokenizerFast, GPT2TokenizerFast, LlamaTokenizerFast, Qwen2TokenizerFast, T5TokenizerFast

SENTENCES = [
    "a woman sitting on the beach with her dog", "Question: which city is this? Answer:", "Question: how many cats are there? Short answer:",
    "a photo of two red apples and a green pear on a wooden table", "What is unusual about this image?", "the quick brown fox jumps over the lazy dog",
    "san diego", "a man riding a wave on top of a surfboard", "three people are standing in the snow", "it's not a city, it's a beach",
    "a large clock tower in the middle of a town", "An old car, parked near the sea; nobody inside!", "1 2 3 4 5 6 7 8 9 10 dogs",
    "a bowl of soup with noodles, carrots and a spoon", "the answer is yes", "no", "a picture of a cat lying on a keyboard",
    "Describe the scene in detail.", "a kitchen with a stove, a sink and white cupboards", "children playing football in the park",
    "a bird with blue wings sits on a branch", "Is the man wearing a hat?", "the train arrives at the station in the evening",
    "a close up of a pizza with cheese and tomatoes", "boats in the harbour under a cloudy sky", "a street at night\nwith many lights",
]

# What SentencePiece's classes get beside their files. Without an add_prefix_space, the two generations of transformers split alike
# only what does not begin a text; the published files have one.
SENTENCEPIECE_OPTIONS = {}


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(SENTENCES * 2, trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def opt(folder):
    """GPT-2's class with </s> in front, as OPT is published."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    byte_level().model.save(str(folder))
    fast = GPT2TokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), bos_token="</s>",
                             eos_token="</s>", unk_token="</s>", pad_token="<pad>", add_bos_token=True)
    fast.backend_tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    fast.padding_side = "left"
    return fast


def qwen2(folder):
    """No start token; the end token stands for padding too, on the left."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    byte_level().model.save(str(folder))
    return Qwen2TokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), padding_side="left")


def train_sentencepiece(folder, name, **options):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES * 4), model_writer=model, minloglevel=2, **options)
    (folder / name).write_bytes(model.getvalue())
    return str(folder / name)


def t5(folder):
    path = train_sentencepiece(folder, "spiece.model", vocab_size=300, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                               normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, character_coverage=1.0)
    return T5TokenizerFast(vocab_file=path, extra_ids=100, **SENTENCEPIECE_OPTIONS)


def llama(folder):
    """As InstructBLIP's Vicuna: </s> stands for the start too, [PAD] is added, padding on the left."""
    path = train_sentencepiece(folder, "tokenizer.model", vocab_size=480, model_type="bpe", byte_fallback=True, unk_id=0, bos_id=1,
                               eos_id=2, pad_id=-1, normalization_rule_name="identity", add_dummy_prefix=True,
                               remove_extra_whitespaces=False, hard_vocab_limit=False, character_coverage=1.0)
    fast = LlamaTokenizerFast(vocab_file=path, bos_token="</s>", eos_token="</s>", unk_token="</s>", add_bos_token=True, legacy=True,
                              **SENTENCEPIECE_OPTIONS)
    fast.add_special_tokens({"pad_token": "[PAD]"})
    fast.padding_side = "left"
    return fast


def bert(folder, **special):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(SENTENCES * 2, trainers.WordPieceTrainer(
        vocab_size=330, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("\n".join(piece for piece, _ in pieces) + "\n")
    fast = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))
    if special:
        fast.add_special_tokens(special)
    return fast


def clip(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(SENTENCES * 2, trainers.BpeTrainer(
        vocab_size=700, show_progress=False, initial_alphabet=alphabet, end_of_word_suffix="</w>"))
    document = json.loads(tokenizer.to_str())["model"]
    vocabulary = [piece for piece, _ in sorted(document["vocab"].items(), key=lambda item: item[1])]
    vocabulary += [piece + "</w>" for piece in sorted(alphabet) if piece + "</w>" not in document["vocab"]]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(vocabulary)}))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in document["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"))
