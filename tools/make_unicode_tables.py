#!/usr/bin/env python3
"""Writes blip2/text/unicode_tables.cpp: how PyPI `tokenizers` classifies characters where utf8proc does not say the same.

The reference mixes several editions of Unicode (its BERT normaliser is frozen at an old one), so its answers are asked for,
code point by code point, rather than derived. Run by hand: python tools/make_unicode_tables.py > blip2/text/unicode_tables.cpp
and: python tools/make_unicode_tables.py --pipeline > blip2/text/unicode_pipeline_tables.cpp
Needs tokenizers 0.22 and the shared library of utf8proc 2.8.
"""
import ctypes
import ctypes.util
import struct
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

utf8proc = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
utf8proc.utf8proc_category_string.restype = ctypes.c_char_p


class Property(ctypes.Structure):
    _fields_ = [("category", ctypes.c_int16), ("combining_class", ctypes.c_int16)]


utf8proc.utf8proc_get_property.restype = ctypes.POINTER(Property)
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORY = {c: utf8proc.utf8proc_category_string(c).decode() for c in CODE_POINTS}


def combining_class(c):
    return utf8proc.utf8proc_get_property(c).contents.combining_class


def select(holds):
    return {c for c in CODE_POINTS if holds(chr(c))}


def beyond(found, holds):
    """What the reference has more than utf8proc; that it has no less is what the form of the tables relies on."""
    known = {c for c in CODE_POINTS if holds(c)}
    assert not known - found, [hex(c) for c in sorted(known - found)]
    return found - known


def ranges(points):
    """Runs of neighbours; surrogates, which no text holds, do not break a run."""
    out = []
    for c in sorted(points):
        if out and (out[-1][1] == c - 1 or (out[-1][1] == 0xD7FF and c == 0xE000)):
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, comment, rows):
    cells = ["{" + ", ".join(f"0x{v:x}" for v in row) + "}," for row in rows]
    lines, line = [], "   "
    for cell in cells:
        if len(line) + 1 + len(cell) > 100:
            lines.append(line)
            line = "   "
        line += " " + cell
    lines.append(line)
    kind = {2: "CodePointRange", 3: "CodePointValue"}[len(rows[0])]
    body = "\n".join(lines)
    print(f"// {comment}\nconst {kind} k{name}Rows[] = {{\n{body}\n}};\n")
    return name, kind


def cluster_counter():
    """How many grapheme clusters the reference sees in a text, as far as it shows: a cluster of fewer than 6 bytes counts once,
    a longer one once a character. Asked through a character map in which every first byte of a character becomes "x"."""
    units = [0] * 768
    units[0] = 256 << 10  # the root: its children from 256 on
    for byte in range(1, 256):
        child = 256 + byte
        units[child] = byte | 1 << 8 | (child ^ 512) << 10  # a leaf, whose value is unit 512
    units[512] = 1 << 31
    charsmap = struct.pack("<I768I", 4 * 768, *units) + b"x\0"
    normalizer = normalizers.Precompiled(charsmap)
    return lambda text: len(normalizer.normalize_str(text))


def grapheme_classes():
    """The class of every character, by the numbers of enum GraphemeClass (unicode_classes.h): from whether the characters
    around it stay together. Classes that C++ knows by itself (CR, LF, joiner, syllables, regional indicators) are left out."""
    (control, extend, conjunct_extend, linker, consonant, spacing, prepend, pictograph, hangul_l, hangul_v, hangul_t, hangul_lv,
     hangul_lvt) = range(1, 14)
    count = cluster_counter()
    acute, joiner, ka, virama, l, v, t, number = "\u0301", "\u200d", "\u0915", "\u094d", "\u1100", "\u1161", "\u11a8", "\u0600"
    classes = {}
    for c in CODE_POINTS:
        s = chr(c)
        if s in "\r\n\u200d":
            continue
        if count("a" + s) == 1:  # it never starts a cluster
            in_emoji = count("©" + s + joiner + "©" + acute) == 5
            links = count(ka + s + ka + acute) == 4
            in_conjunct = count(ka + s + virama + ka + acute) == 5
            assert in_emoji or not (links or in_conjunct), hex(c)
            classes[c] = (linker if links else conjunct_extend if in_conjunct else extend) if in_emoji else spacing
            continue
        after = tuple(count(number + before + s) == 3 for before in (l, v, t))
        before = tuple(count(s + behind + acute) == 3 for behind in (l, v, t))
        if c and count(s + acute + "\u0302") == 2:
            kind = control
        elif c and count(s + "a") == 1:
            kind = prepend
        elif any(after):
            kind = {((True, False, False), (True, True, False)): hangul_l, ((True, True, False), (False, True, True)): hangul_v,
                    ((False, True, True), (False, False, True)): hangul_t, ((True, False, False), (False, True, True)): hangul_lv,
                    ((True, False, False), (False, False, True)): hangul_lvt}[after, before]
        elif count("©" + joiner + s) == 3:
            kind = pictograph
        elif count(s + virama + ka + acute) == 4:
            kind = consonant
        else:
            continue
        if 0xAC00 <= c <= 0xD7A3:
            assert kind == (hangul_lvt if (c - 0xAC00) % 28 else hangul_lv), hex(c)
            continue
        classes[c] = kind
    classes[0] = control  # which ends the reference's look into its map
    return sorted((first, last, kind) for kind in range(1, 14) for first, last in
                  ranges({c for c, found in classes.items() if found == kind}))


CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co".split()  # utf8proc's order


def new_categories():
    """The characters of which the reference's regular expressions know another category than utf8proc."""
    text = "".join(map(chr, CODE_POINTS))
    rows = []
    for number, name in enumerate(CATEGORIES):
        if name in ("Cn", "Cs"):
            continue
        found = pre_tokenizers.Split(Regex(rf"\p{{{name}}}"), "removed", invert=True).pre_tokenize_str(text)
        rows += [(first, last, number) for first, last in ranges({ord(c) for c, _ in found} - {
            c for c in CODE_POINTS if CATEGORY[c] == name})]
    return sorted(rows)


def scripts():
    """Numbers by which UnicodeScripts tells scripts apart; what has none goes with its neighbours."""
    splitter = pre_tokenizers.UnicodeScripts()

    def together(a, b):
        return len(splitter.pre_tokenize_str(a + b)) == 1

    members = []
    for c in CODE_POINTS:
        s = chr(c)
        if s == " " or together("a", s) and together("\u0416", s):
            continue
        known = next((script for script in members if together(chr(script[-1]), s)), None)
        if known is None:
            members.append([c])
        else:
            known.append(c)
    return sorted((first, last, number) for number, script in enumerate(members, 1) for first, last in ranges(script))


def pipeline_tables():
    strip, nfkd = normalizers.StripAccents(), normalizers.NFKD()
    buffer, boundary = (ctypes.c_int32 * 64)(), ctypes.c_int(0)
    whole = set()
    for c in CODE_POINTS:
        count = utf8proc.utf8proc_decompose_char(c, buffer, 64, 1 << 4 | 1 << 2, ctypes.byref(boundary))
        found = nfkd.normalize_str(chr(c))
        if "".join(map(chr, buffer[:count])) != found:
            assert found == chr(c), hex(c)
            whole.add(c)
    write_file([
        table("CombiningMarks", "What the normalizer StripAccents drops.", ranges(select(lambda s: strip.normalize_str("a" + s) == "a"))),
        table("NotCompatible", "Characters with a compatibility decomposition that the reference does not know.", ranges(whole)),
        table("NewCategories", "Categories that utf8proc 2.8 does not know, by its own numbers.", new_categories()),
        table("Scripts", "Scripts, numbered.", scripts())])


def write_head():
    print("""// Generated by tools/make_unicode_tables.py from the behaviour of PyPI tokenizers 0.22 against utf8proc 2.8.
// What each table means stands in unicode_tables.h; long because it is data.
#include "blip2/text/unicode_tables.h"

namespace blip2::unicode_tables {
namespace {

// clang-format off""")


def write_file(made):
    print("// clang-format on\n\n}  // namespace\n")
    for name, kind in made:
        print(f"const std::span<const {kind}> k{name}(k{name}Rows);")
    print("\n}  // namespace blip2::unicode_tables")


def main():
    if sys.argv[1:] == ["--pipeline"]:
        write_head()
        pipeline_tables()
        return
    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bert_split = pre_tokenizers.BertPreTokenizer()
    digits = pre_tokenizers.Digits(individual_digits=True)

    def normalizer(**on):
        off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
        return normalizers.BertNormalizer(**{**off, **on})

    def pieces(splitter, text):
        return len(splitter.pre_tokenize_str(text))

    clean, ideographs = normalizer(clean_text=True), normalizer(handle_chinese_chars=True)
    strip, lower, nfd = normalizer(strip_accents=True), normalizers.Lowercase(), normalizers.NFD()
    words = Tokenizer(models.BPE({"x": 0}, [], unk_token="x"))
    words.add_tokens([AddedToken("QQ", single_word=True, normalized=False)])

    letters = select(lambda s: pieces(bytes_of, "a" + s) == 1)
    numbers = select(lambda s: pieces(bytes_of, "1" + s) == 1)
    assert numbers == select(lambda s: pieces(digits, "a" + s) == 2)
    others = select(lambda s: pieces(bytes_of, "!" + s) == 1)
    spaces = set(CODE_POINTS) - letters - numbers - others
    assert spaces == select(lambda s: pieces(bert_split, "a" + s + "a") == 2)
    controls = select(lambda s: clean.normalize_str(s) == "")
    decomposed = {c: nfd.normalize_str(chr(c)) for c in CODE_POINTS}
    marks = select(lambda s: decomposed[ord(s)] == s and strip.normalize_str(s) == "")
    reordered = select(lambda s: decomposed[ord(s)] == s and nfd.normalize_str(s + "\u0334")[0] == "\u0334")
    ordered = reordered | select(lambda s: decomposed[ord(s)] == s and nfd.normalize_str("\u05b0" + s)[0] == s)
    assert all(combining_class(c) for c in ordered - {0x5b0})
    unordered = {c for c in CODE_POINTS if combining_class(c) and decomposed[c] == chr(c) and c not in ordered | {0x5b0}}
    lowered = {}
    for c in CODE_POINTS:
        low = lower.normalize_str(chr(c))
        if low != chr(utf8proc.utf8proc_tolower(c)) and len(low) == 1:
            lowered[c] = ord(low)
    buffer, boundary = (ctypes.c_int32 * 64)(), ctypes.c_int(0)
    whole = set()
    for c in CODE_POINTS:
        count = utf8proc.utf8proc_decompose_char(c, buffer, 64, 1 << 4, ctypes.byref(boundary))
        if "".join(map(chr, buffer[:count])) != decomposed[c]:
            assert decomposed[c] == chr(c), hex(c)
            whole.add(c)

    write_head()
    made = [
        table("NewLetters", "Letters that utf8proc 2.8 does not know.",
              ranges(beyond(letters, lambda c: CATEGORY[c][0] == "L"))),
        table("NewNumbers", "Numbers that utf8proc 2.8 does not know.",
              ranges(beyond(numbers, lambda c: CATEGORY[c][0] == "N"))),
        table("NewWordCharacters", r"What \w matches beyond categories L, M, Nd, Nl, Pc and the two joiners.",
              ranges(beyond({c for c in CODE_POINTS if words.encode("QQ" + chr(c)).ids[0] != 1},
                            lambda c: CATEGORY[c][0] in "LM" or CATEGORY[c] in ("Nd", "Nl", "Pc")
                            or c in (0x200C, 0x200D)))),
        table("UnorderedMarks", "Marks of which the reference knows no combining class.", ranges(unordered)),
        table("GraphemeClasses", "Classes for grapheme clusters, by the numbers of enum GraphemeClass.", grapheme_classes()),
        table("WhiteSpace", "White space.", ranges(spaces)),
        table("BertControls", "What BERT's clean-up drops.", ranges(controls)),
        table("BertPunctuation", "What BERT splits off as punctuation.",
              ranges(select(lambda s: pieces(bert_split, "a" + s + "a") == 3))),
        table("BertIdeographs", "What BERT puts between spaces.",
              ranges(select(lambda s: ideographs.normalize_str(s) != s))),
        table("BertMarks", "The marks that BERT strips.", ranges(marks)),
        table("KeptMarks", "Combining classes of marks that BERT orders but keeps.",
              sorted((first, last, value) for value in range(1, 255) for first, last in
                     ranges({c for c in reordered - marks if combining_class(c) == value}))),
        table("NewLowerCase", "Lower case that utf8proc 2.8 does not know.",
              sorted((c, c, low) for c, low in lowered.items())),
        table("NotDecomposed", "Characters that utf8proc decomposes and the reference does not.", ranges(whole)),
    ]
    write_file(made)


main()
