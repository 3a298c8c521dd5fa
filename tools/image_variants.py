"""Pictures for make_image_goldens.py that state an orientation, are run-length coded, or are damaged where people's files are."""
import struct
import zlib

from PIL import Image


def chunk(name, data, crc=None):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)


def chunks_of(png):
    """Pairs of name and content."""
    at, found = 8, []
    while at < len(png):
        length = struct.unpack(">I", png[at:at + 4])[0]
        found.append((png[at + 4:at + 8], png[at + 8:at + 8 + length]))
        at += 12 + length
    return found


def png_with(png, before=(), after=()):
    """Chunks before the first IDAT, and before IEND."""
    chunks = chunks_of(png)
    first = next(i for i, (name, _) in enumerate(chunks) if name == b"IDAT")
    chunks = [*chunks[:first], *before, *chunks[first:-1], *after, chunks[-1]]
    return png[:8] + b"".join(chunk(name, data) for name, data in chunks)


def tiff(orientation=6, order="<", kind=3, count=1, before=(), value=None):
    """A directory of one entry, after others of (tag, type, count, four bytes)."""
    value = struct.pack(order + "HH", orientation, 0) if value is None else value
    entries = [*before, (0x0112, kind, count, value)]
    body = b"".join(struct.pack(order + "HHI", tag, typ, n) + data[:4].ljust(4, b"\0") for tag, typ, n, data in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + body + struct.pack(order + "I", 0)


def xmp(orientation, form):
    text = f'tiff:Orientation="{orientation}"' if form == "attribute" else f"<tiff:Orientation>{orientation}</tiff:Orientation>"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{text}</x:xmpmeta>'.encode()


def raw_profile(exif):
    return f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()


def itxt(key, text, packed=False):
    return key + b"\0" + (b"\1\0" if packed else b"\0\0") + b"\0\0" + (zlib.compress(text) if packed else text)


def statements():
    """EXIF blocks (a TIFF file) that Pillow reads, or reads as upright."""
    for orientation in range(1, 9):
        yield f"{orientation}", tiff(orientation, "<>"[orientation % 2])
    yield "long", tiff(kind=4, value=struct.pack("<I", 8))
    yield "byte", tiff(kind=1, value=b"\6")
    yield "signed", tiff(kind=8)
    yield "two", tiff(5, count=2)
    ratio = tiff(kind=5, value=struct.pack("<I", 26)) + struct.pack("<II", 12, 2)
    yield "ratio", ratio
    yield "zero", tiff(0)
    yield "nine", tiff(9)
    yield "after", tiff(3, ">", before=[(0x0100, 3, 1, b"\0\7"), (0x010F, 2, 3, b"ab\0")])
    yield "after_lie", tiff(3, before=[(0x010F, 2, 30, struct.pack("<I", 90))])
    yield "after_far", tiff(3, before=[(0x010F, 2, 3000, struct.pack("<I", 8))])
    yield "twice", tiff(3, before=[(0x0112, 3, 1, struct.pack("<HH", 6, 0))])
    yield "cut", tiff(6)[:-8]


def orientation_pictures(saved, scene):
    small = Image.fromarray(scene(10, 6, 3, 1), "RGB")
    png, webp, jpeg = saved(small, "PNG"), saved(small, "WEBP", lossless=True), saved(small, "JPEG", quality=95)
    for name, exif in statements():
        yield f"png_exif_{name}.png", png_with(png, [(b"eXIf", exif)])
        yield f"webp_exif_{name}.webp", saved(small, "WEBP", lossless=True, exif=exif)
        yield f"jpeg_exif_{name}.jpg", jpeg[:2] + app1(b"Exif\0\0" + exif) + jpeg[2:]
    exif = tiff(6)
    yield "webp_exif_prefix.webp", saved(small, "WEBP", lossless=True, exif=b"Exif\0\0" + exif)
    yield "png_exif_prefix.png", png_with(png, [(b"eXIf", b"Exif\0\0" + exif)])
    yield "png_exif_last.png", png_with(png, [(b"eXIf", tiff(3))], [(b"eXIf", exif)])
    yield "png_exif_text.png", png_with(png, [(b"tEXt", b"exif\0" + exif)])
    for order, profile in (("old", exif), ("prefix", b"Exif\0\0" + exif)):
        yield f"png_exif_profile_{order}.png", png_with(png, [(b"tEXt", b"Raw profile type exif\0" + raw_profile(profile))])
    packed = b"Raw profile type exif\0\0" + zlib.compress(raw_profile(exif))
    yield "png_exif_profile_packed.png", png_with(png, after=[(b"zTXt", packed)])
    yield "png_exif_profile_app1.png", png_with(png, [(b"tEXt", b"Raw profile type APP1\0" + raw_profile(exif))])
    for form in ("attribute", "element"):
        text = xmp(8, form)
        yield f"png_exif_xmp_{form}.png", png_with(png, [(b"iTXt", itxt(b"XML:com.adobe.xmp", text, form == "element"))])
        yield f"png_exif_xmp_text_{form}.png", png_with(png, [(b"tEXt", b"XML:com.adobe.xmp\0" + text)])
        yield f"webp_exif_xmp_{form}.webp", saved(small, "WEBP", lossless=True, xmp=text)
        yield f"jpeg_exif_xmp_{form}.jpg", jpeg[:2] + app1(b"http://ns.adobe.com/xap/1.0/\0" + text) + jpeg[2:]
    both = app1(b"http://ns.adobe.com/xap/1.0/\0" + xmp(8, "element"))
    yield "jpeg_exif_and_xmp.jpg", jpeg[:2] + both + app1(b"Exif\0\0" + exif) + jpeg[2:]
    yield "jpeg_exif_zero_and_xmp.jpg", jpeg[:2] + both + app1(b"Exif\0\0" + tiff(0)) + jpeg[2:]
    yield "jpeg_exif_split.jpg", jpeg[:2] + app1(b"Exif\0\0" + exif[:14]) + app1(b"Exif\0\0" + exif[14:]) + jpeg[2:]
    yield "webp_exif_and_xmp.webp", saved(small, "WEBP", lossless=True, exif=exif, xmp=xmp(8, "element"))
    yield "webp_exif_lossy.webp", saved(small, "WEBP", quality=80, exif=exif)


def app1(payload):
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


# ---- run-length coded BMP

def runs_of(rows, is_nibbles=False):
    """As an encoder does: runs where colours repeat, absolute pixels where three or more do not."""
    out = b""
    for row in rows:
        at = 0
        while at < len(row):
            end = at + 1
            while end < len(row) and row[end] == row[at] and end - at < 255:
                end += 1
            if end - at > 1 or len(row) - at < 3:
                out += bytes([end - at, row[at] * 17 if is_nibbles else row[at]])
                at = end
                continue
            end = at + 3
            while end < len(row) and end - at < 255 and row[end] != row[end - 1]:
                end += 1
            pixels = bytes(row[at:end])
            if is_nibbles:
                padded = pixels + b"\0" * (len(pixels) % 2)
                pixels = bytes(a << 4 | b for a, b in zip(padded[::2], padded[1::2]))
            out += bytes([0, end - at]) + pixels + b"\0" * (len(pixels) % 2)
            at = end
        out += b"\0\0"
    return out + b"\0\1"


def run_length_bmps(noise):
    width, height = 13, 6
    palette = noise(8, 64).tobytes()

    def bmp(data, bits=8, compression=1, size=(width, height), colours=palette, top_down=False, offset=None):
        info = struct.pack("<IiiHHIIiiII", 40, size[0], -size[1] if top_down else size[1], 1, bits, compression, len(data), 2835, 2835,
                           len(colours) // 4, 0)
        start = 54 + len(colours)
        return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start if offset is None else offset) + info + colours + data

    values = noise(21, width * height).reshape(height, width) % 5
    rows = [[int(v) if y % 2 else int(v) // 3 for v in row] for y, row in enumerate(values)]
    for nibbles in (False, True):
        kind, coded = {"bits": 4, "compression": 2} if nibbles else {}, runs_of(rows, nibbles)
        name = "rle4" if nibbles else "rle8"
        yield f"bmp_{name}.bmp", bmp(coded, **kind)
        yield f"bmp_{name}_top_down.bmp", bmp(coded, top_down=True, **kind)
        yield f"bmp_{name}_odd_palette.bmp", bmp(coded, colours=palette[:60], **kind)
        yield f"bmp_{name}_no_offset.bmp", bmp(coded, offset=0, **kind)
        yield f"bmp_{name}_delta.bmp", bmp(bytes([3, 0x12, 0, 2, 4, 2, 4, 0x34, 0, 0, 5, 0x21, 0, 2, 1, 1, 0, 3, 0x12, 0x30]) + bytes([2, 0x11])
                                           + (b"" if nibbles else b"\0\0") + bytes([0, 0] + [13, 0x22, 0, 0] * 5), **kind)
        yield f"bmp_{name}_long_run.bmp", bmp(bytes([255, 0x12, 0, 0] * height), **kind)
        yield f"bmp_{name}_long_copy.bmp", bmp(bytes([0, 78] + [0x12] * 78), **kind)
        yield f"bmp_{name}_no_end_of_line.bmp", bmp(bytes([13, 0x12] * height), **kind)
        yield f"bmp_{name}_no_end.bmp", bmp(coded[:-2], **kind)
        yield f"bmp_{name}_early_end.bmp", bmp(bytes([13, 0x12, 0, 0, 13, 0x21, 0, 1]), **kind)
        yield f"bmp_{name}_far_delta.bmp", bmp(bytes([2, 0x12, 0, 2, 255, 255]), **kind)
        yield f"bmp_{name}_empty_lines.bmp", bmp(bytes([0, 0, 0, 0] + [13, 0x31, 0, 0] * height), **kind)
    grey = b"".join(bytes([i, i, i, 0]) for i in range(4))
    yield "bmp_rle8_grey.bmp", bmp(runs_of(rows), colours=grey)
    yield "bmp_rle8_black_white.bmp", bmp(runs_of(rows), colours=bytes([0, 0, 0, 0, 255, 255, 255, 0]))
    yield "bmp_rle8_one_bit.bmp", bmp(runs_of(rows), bits=1)
    yield "bmp_rle4_in_bytes.bmp", bmp(runs_of(rows, True), bits=8, compression=2)
    yield "bmp_rle8_of_24_bits.bmp", bmp(runs_of(rows), bits=24)
    yield "bmp_no_offset.bmp", bmp(bytes(16 * height), compression=0, offset=0)


# ---- damage

def damaged_pictures(saved, scene, noise):
    rgb = Image.fromarray(scene(20, 12, 3, 2), "RGB")
    png = saved(rgb, "PNG")
    chunks = chunks_of(png)
    signature, header = png[:8], chunk(*chunks[0])
    pixels = b"".join(data for name, data in chunks if name == b"IDAT")
    end = chunk(b"IEND", b"")
    raw = zlib.decompress(pixels)
    yield "png_damaged_pixels_crc.png", signature + header + chunk(b"IDAT", pixels, 1) + end
    yield "png_damaged_header_crc.png", signature + chunk(b"IHDR", chunks[0][1], 1) + chunk(b"IDAT", pixels) + end
    yield "png_damaged_text_crc.png", signature + header + chunk(b"tEXt", b"a\0b", 1) + chunk(b"IDAT", pixels) + end
    yield "png_damaged_late_text_crc.png", signature + header + chunk(b"IDAT", pixels) + chunk(b"tEXt", b"a\0b", 1) + end
    yield "png_damaged_checksum.png", signature + header + chunk(b"IDAT", pixels[:-4] + b"abcd") + end
    yield "png_damaged_no_checksum.png", signature + header + chunk(b"IDAT", pixels[:-4]) + end
    yield "png_damaged_few_rows.png", signature + header + chunk(b"IDAT", zlib.compress(raw[:61 * 7])) + end
    yield "png_damaged_half_row.png", signature + header + chunk(b"IDAT", zlib.compress(raw[:61 * 7 + 9])) + end
    yield "png_damaged_many_rows.png", signature + header + chunk(b"IDAT", zlib.compress(raw + raw)) + end
    yield "png_damaged_filter.png", signature + header + chunk(b"IDAT", zlib.compress(raw[:61] + b"\5" + raw[62:])) + end
    yield "png_damaged_small_pieces.png", signature + header + b"".join(chunk(b"IDAT", pixels[i:i + 3]) for i in range(0, len(pixels), 3)) + end
    yield "png_damaged_text_between.png", signature + header + chunk(b"IDAT", pixels[:40]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", pixels[40:]) + end
    yield "png_damaged_long_text.png", png_with(png, [(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20 | 1)))])
    yield "png_damaged_broken_text.png", png_with(png, [(b"zTXt", b"a\0\0" + b"no zlib")])
    yield "png_damaged_text_method.png", png_with(png, after=[(b"zTXt", b"a\0\1" + zlib.compress(b"b"))])
    yield "png_damaged_profile.png", png_with(png, [(b"iCCP", b"a\0\0" + b"no zlib"), (b"gAMA", b"\0\0\1\1")])
    yield "png_damaged_short_gamma.png", png_with(png, [(b"gAMA", b"\0\0\1")])
    yield "png_damaged_chunk_name.png", signature + header + chunk(b"a-b!", b"") + chunk(b"IDAT", pixels) + end
    yield "png_damaged_late_name.png", signature + header + chunk(b"IDAT", pixels) + chunk(b"a-b!", b"") + end
    yield "png_damaged_no_palette.png", signature + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, 8, 3, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(b"\0\1\2\3\4\0\5\6\7\xff")) + end
    gif = saved(rgb.quantize(16), "GIF")
    yield "gif_damaged_no_end.gif", gif[:-2]
    yield "gif_damaged_code.gif", gif[:gif.rindex(b",") + 20] + b"\xff" + gif[gif.rindex(b",") + 21:]
    yield "gif_damaged_junk.gif", gif[:gif.index(b",")] + b"junk" + gif[gif.index(b","):]
    jpeg = saved(rgb, "JPEG", quality=90)
    yield "jpeg_damaged_end.jpg", jpeg[:-2] + b"\xff"
    yield "jpeg_damaged_long.jpg", jpeg + noise(3, 40).tobytes()
    progressive = saved(rgb, "JPEG", quality=90, progressive=True)
    yield "jpeg_damaged_progressive.jpg", progressive[:progressive.rindex(b"\xff\xda")] + b"\xff\xd9"
    webp = saved(rgb, "WEBP", quality=80)
    yield "webp_damaged_long.webp", webp + b"abc"
    yield "webp_damaged_size.webp", webp[:4] + struct.pack("<I", len(webp)) + webp[8:]
