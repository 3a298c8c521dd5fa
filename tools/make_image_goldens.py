#!/usr/bin/env python3
"""Makes tests/golden/image: small pictures of every kind, and what Pillow, NumPy and Hugging Face's image
processors make of them. Run by hand in the goldens environment (tools/requirements-goldens.txt):

    .venv-goldens/bin/python tools/make_image_goldens.py [pictures] [resizes] [placements] [pixels]

With Pillow 12 instead it makes the tables of the old order of the resize's passes: *_pillow_12.tsv.

pictures/*          the pictures, written by Pillow or byte by byte; those that are there are kept
decode.tsv          name, width, height, hash of RGB, hash of RGBA ("-" where ours follows the standard, not Pillow)
refused.tsv         names of pictures that Pillow does not open
cut.tsv             name, then the lengths of its proper beginnings that Pillow opens, as first-last:hash of RGB
upright.tsv         name, width, height, hash of RGB after ImageOps.exif_transpose
resize*.tsv         channels, filter, source and target size, seed, hash: of noise(), made anew by the test
window*.tsv         shorter side and centre crop, as resize.tsv
placement*.tsv      source size, frame, fill, seed, hash: cut-outs on white
pixels.tsv          transform, source size, seed, then index:value pairs of the float output
Hashes are FNV-1a, 64 bits, in hexadecimal."""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

import image_variants

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "image"
PICTURES = ROOT / "pictures"
IS_NEW_ORDER = int(PIL.__version__.split(".")[0]) >= 13
ORDER = "" if IS_NEW_ORDER else "_pillow_12"


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def noise(seed, count):
    """Bytes that the test makes too: murmur3's finaliser of the index."""
    x = (np.arange(count, dtype=np.uint64) + seed * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    x = x * 0xC2B2AE35 & 0xFFFFFFFF
    x ^= x >> 16
    return (x & 255).astype(np.uint8)


def noise_rgba(seed, width, height):
    """noise(), with an alpha that is often 0 or 255."""
    pixels = noise(seed, width * height * 4).reshape(height, width, 4)
    alpha = pixels[..., 3].astype(int)
    pixels[..., 3] = np.clip((alpha - 64) * 2, 0, 255)
    return pixels


def scene(width, height, channels, seed=0):
    """A smooth, coloured picture with edges and a little noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = []
    for c in range(channels):
        plane = 127 + 90 * np.sin(x / (3 + c) + seed) * np.cos(y / (4 + c)) + 60 * ((x + y * (c + 1)) % 16 > 8) - 30
        planes.append(plane + noise(seed * 7 + c, width * height).reshape(height, width) / 10)
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


# ---- PNG, by hand: Pillow writes neither Adam7 nor every depth

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filter_row(kind, row, above, step):
    left = bytes(step) + row[:-step] if len(row) > step else bytes(len(row))
    corner = bytes(step) + above[:-step] if len(row) > step else bytes(len(row))
    out = bytearray([kind])
    for value, a, b, c in zip(row, left, above, corner):
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) & 255)
    return bytes(out)


def png(samples, depth, colour_type, interlaced=False, before=b"", num_idat=1):
    """samples: [height, width, channels] integers of `depth` bits."""
    height, width, channels = samples.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x0, y0, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        part = samples[y0::dy, x0::dx]
        if part.size == 0:
            continue
        above = None
        for y, line in enumerate(part):
            if depth == 16:
                row = line.astype(">u2").tobytes()
            elif depth == 8:
                row = line.astype(np.uint8).tobytes()
            else:
                bits = "".join(format(int(v), f"0{depth}b") for v in line.reshape(-1))
                bits += "0" * (-len(bits) % 8)
                row = int(bits, 2).to_bytes(len(bits) // 8, "big")
            step = max(depth * channels // 8, 1)
            data += filter_row(y % 5, row, above or bytes(len(row)), step)
            above = row
    packed = zlib.compress(data)
    size = -(-len(packed) // num_idat)
    body = b"".join(chunk(b"IDAT", packed[i:i + size]) for i in range(0, len(packed), size))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + body + chunk(b"IEND", b"")


def palette_chunk(count):
    return chunk(b"PLTE", noise(count, 3 * count).tobytes())


def png_pictures():
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    sizes = [(1, 1), (5, 3), (19, 11), (13, 24)]
    kinds = [(0, d) for d in (1, 2, 4, 8, 16)] + [(3, d) for d in (1, 2, 4, 8)] + [(t, d) for t in (2, 4, 6) for d in (8, 16)]
    for number, (colour_type, depth) in enumerate(kinds):
        for interlaced in (False, True):
            width, height = sizes[(number + 2 * interlaced) % 4 if not interlaced else 2 + number % 2]
            wide = scene(width, height, channels[colour_type], number).astype(int) * 257
            wide += noise(number, wide.size).reshape(wide.shape)
            samples = np.minimum(wide, 65535) >> (16 - depth)
            before = palette_chunk(1 << depth) if colour_type == 3 else b""
            yield f"png_type{colour_type}_{depth}bit{'_interlaced' if interlaced else ''}.png", png(
                samples, depth, colour_type, interlaced, before)
    grey = scene(12, 9, 1, 3).astype(int)
    rgb = scene(12, 9, 3, 4).astype(int)
    index = noise(5, 12 * 9).reshape(9, 12, 1).astype(int)
    yield "png_grey16_low.png", png(noise(6, 108).reshape(9, 12, 1) * 3, 16, 0)
    yield "png_grey8_key.png", png(grey, 8, 0, before=chunk(b"tRNS", struct.pack(">H", grey[2, 3, 0])))
    yield "png_rgb8_key.png", png(rgb, 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", *rgb[4, 5])))
    yield "png_rgb16_key.png", png(rgb * 256 + 7, 16, 2, before=chunk(b"tRNS", struct.pack(">HHH", *(rgb[4, 5] * 256 + 7))))
    yield "png_grey4_key.png", png(grey >> 4, 4, 0, before=chunk(b"tRNS", struct.pack(">H", grey[2, 3, 0] >> 4)))
    yield "png_grey16_key.png", png(grey * 2, 16, 0, before=chunk(b"tRNS", struct.pack(">H", grey[2, 3, 0] * 2)))
    yield "png_palette_alphas.png", png(index % 32, 8, 3, before=palette_chunk(32) + chunk(b"tRNS", noise(9, 20).tobytes()))
    yield "png_palette_one_clear.png", png(index % 4, 2, 3, before=palette_chunk(4) + chunk(b"tRNS", b"\xff\x00"))
    yield "png_palette_short.png", png(index, 8, 3, before=palette_chunk(100))
    yield "png_many_idat.png", png(rgb, 8, 2, num_idat=7)
    extra = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"tEXt", b"Title\0a") + chunk(b"pHYs", struct.pack(">IIB", 1, 2, 0))
    extra += chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")) + chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(5000)))
    yield "png_other_chunks.png", png(rgb, 8, 2, before=extra)
    yield "png_pillow.png", saved(Image.fromarray(scene(40, 30, 4, 8), "RGBA"), "PNG")


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# ---- JPEG

def jpeg_pictures():
    def rgb(width, height, seed):
        return Image.fromarray(scene(width, height, 3, seed), "RGB")

    for number, (width, height) in enumerate([(1, 1), (7, 5), (8, 8), (17, 9), (33, 50)]):
        for subsampling in (0, 1, 2):
            yield f"jpeg_{width}x{height}_s{subsampling}.jpg", saved(
                rgb(width, height, number), "JPEG", subsampling=subsampling, quality=60 + 13 * subsampling)
    yield "jpeg_progressive.jpg", saved(rgb(37, 29, 2), "JPEG", progressive=True, quality=80)
    yield "jpeg_progressive_420.jpg", saved(rgb(45, 31, 3), "JPEG", progressive=True, subsampling=2, quality=40)
    yield "jpeg_grey.jpg", saved(rgb(21, 19, 4).convert("L"), "JPEG")
    yield "jpeg_grey_progressive.jpg", saved(rgb(21, 19, 5).convert("L"), "JPEG", progressive=True)
    yield "jpeg_rgb.jpg", saved(rgb(18, 22, 6), "JPEG", keep_rgb=True)
    yield "jpeg_restart.jpg", saved(rgb(50, 34, 7), "JPEG", restart_marker_blocks=2)
    yield "jpeg_low_quality.jpg", saved(rgb(40, 40, 8), "JPEG", quality=3)
    cmyk = saved(Image.fromarray(scene(26, 18, 4, 9), "CMYK"), "JPEG", quality=90)
    yield "jpeg_cmyk.jpg", cmyk
    adobe = cmyk.index(b"Adobe")
    assert cmyk[adobe + 11] == 0
    yield "jpeg_ycck.jpg", cmyk[:adobe + 11] + b"\x02" + cmyk[adobe + 12:]
    plain = saved(rgb(24, 20, 10), "JPEG")
    yield "jpeg_no_end_marker.jpg", plain[:-2]
    yield "jpeg_bytes_after_end.jpg", plain + b"more bytes"
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"jpeg_exif{orientation}.jpg", saved(rgb(20, 12, 11), "JPEG", exif=exif, quality=90)
    body = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    yield "jpeg_exif_little.jpg", saved(rgb(20, 12, 12), "JPEG", exif=b"Exif\0\0" + body)


# ---- WebP

def riff(*chunks):
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_pictures():
    rgb, rgba = Image.fromarray(scene(31, 23, 3, 1), "RGB"), Image.fromarray(noise_rgba(2, 29, 17), "RGBA")
    yield "webp_lossy.webp", saved(rgb, "WEBP", quality=70)
    yield "webp_lossless.webp", saved(rgb, "WEBP", lossless=True)
    yield "webp_lossy_alpha.webp", saved(rgba, "WEBP", quality=60)
    yield "webp_lossless_alpha.webp", saved(rgba, "WEBP", lossless=True)
    yield "webp_exact_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "webp_1x1.webp", saved(rgb.crop((3, 3, 4, 4)), "WEBP", lossless=True)
    yield "webp_lossy_odd.webp", saved(rgb.crop((0, 0, 7, 13)), "WEBP", quality=90)
    second = Image.fromarray(scene(31, 23, 3, 5), "RGB")
    yield "webp_animated.webp", saved(rgb, "WEBP", save_all=True, append_images=[second], quality=80)
    yield "webp_animated_alpha.webp", saved(rgba, "WEBP", save_all=True, append_images=[rgba.rotate(180)], lossless=True)
    for name, image, flags in (("opaque", rgb, 0x02), ("alpha", rgba, 0x12)):
        still = saved(image, "WEBP", lossless=True, exact=True)
        start = still.index(b"VP8L")
        size = lambda v: struct.pack("<I", v - 1)[:3]
        canvas = (60, 40)
        frame = struct.pack("<I", 3)[:3] + struct.pack("<I", 5)[:3] + size(image.width) + size(image.height) + b"\x64\0\0\0"
        yield f"webp_part_of_canvas_{name}.webp", riff(
            (b"VP8X", bytes([flags, 0, 0, 0]) + size(canvas[0]) + size(canvas[1])), (b"ANIM", b"\xff\xff\xff\xff\0\0"),
            (b"ANMF", frame + still[start:]), (b"ANMF", frame + still[start:]))


# ---- GIF

def gif_pictures():
    index = noise(1, 23 * 14).reshape(14, 23) % 50
    paletted = Image.fromarray(index, "P")
    paletted.putpalette(noise(2, 150).tobytes())
    smooth = Image.fromarray(scene(40, 27, 3, 2), "RGB").quantize(64)
    yield "gif_plain.gif", saved(paletted, "GIF", interlace=0)
    yield "gif_interlaced.gif", saved(smooth, "GIF", interlace=1)
    yield "gif_transparent.gif", saved(paletted, "GIF", transparency=7, interlace=0)
    yield "gif_transparent_interlaced.gif", saved(smooth, "GIF", transparency=0, interlace=1)
    yield "gif_grey.gif", saved(Image.fromarray(scene(16, 16, 1, 3)[..., 0], "L"), "GIF")
    yield "gif_1x1.gif", saved(paletted.crop((0, 0, 1, 1)), "GIF")
    yield "gif_two_colours.gif", saved(Image.fromarray((index > 25).astype(np.uint8) * 255, "L").convert("1"), "GIF")
    yield "gif_animated.gif", saved(smooth, "GIF", save_all=True, append_images=[smooth.rotate(180)], duration=50)
    for name in ("gif_plain", "gif_transparent"):
        data = bytearray((PICTURES / f"{name}.gif").read_bytes())
        assert struct.unpack("<HH", data[6:10]) == (23, 14)
        descriptor = data.index(b",\0\0\0\0" + struct.pack("<HH", 23, 14))
        data[descriptor + 1:descriptor + 5] = struct.pack("<HH", 4, 3)
        yield f"{name}_sticks_out.gif", bytes(data)
        data[6:10] = struct.pack("<HH", 30, 20)
        yield f"{name}_on_screen.gif", bytes(data)


# ---- BMP

def bmp(rows, width, height, bits, header=40, compression=0, masks=(), palette=b"", colours=0, top_down=False):
    """rows: bytes of each row, from the top, unpadded."""
    rows = rows if top_down else rows[::-1]
    pixels = b"".join(row + bytes(-len(row) % 4) for row in rows)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression,
                           len(pixels), 2835, 2835, colours, 0)
        info += b"".join(struct.pack("<I", mask) for mask in masks)
        info += bytes(max(0, header - len(info)))
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels


def bmp_pictures():
    yield "bmp_1bit.bmp", saved(Image.fromarray(scene(19, 7, 1, 1)[..., 0]).convert("1"), "BMP")
    yield "bmp_grey.bmp", saved(Image.fromarray(scene(18, 9, 1, 2)[..., 0]), "BMP")
    yield "bmp_palette.bmp", saved(Image.fromarray(scene(21, 10, 3, 3)).quantize(40), "BMP")
    yield "bmp_24.bmp", saved(Image.fromarray(scene(11, 6, 3, 4)), "BMP")
    yield "bmp_1x1.bmp", saved(Image.fromarray(scene(1, 1, 3, 5)), "BMP")
    yield "bmp_32_alpha.bmp", saved(Image.fromarray(scene(11, 6, 4, 6), "RGBA"), "BMP")
    width, height = 13, 8
    nibbles = noise(7, width * height).reshape(height, width) % 16
    packed = [bytes((int(a) << 4 | int(b)) for a, b in zip(row[::2], list(row[1::2]) + [0])) for row in nibbles]
    yield "bmp_4bit.bmp", bmp(packed, width, height, 4, palette=noise(8, 64).tobytes())
    yield "bmp_4bit_top_down.bmp", bmp(packed, width, height, 4, palette=noise(9, 64).tobytes(), top_down=True)
    yield "bmp_4bit_ten_colours.bmp", bmp(packed, width, height, 4, palette=noise(10, 40).tobytes(), colours=10)
    bits = [np.packbits(row > 7).tobytes() for row in nibbles]
    yield "bmp_1bit_colour.bmp", bmp(bits, width, height, 1, palette=noise(11, 8).tobytes())
    yield "bmp_core.bmp", bmp([row.astype(np.uint8).tobytes() for row in nibbles], width, height, 8, header=12,
                              palette=noise(12, 768).tobytes())
    wide = noise(13, width * height * 2).reshape(height, width * 2)
    rows16 = [row.tobytes() for row in wide]
    yield "bmp_555.bmp", bmp(rows16, width, height, 16)
    yield "bmp_565.bmp", bmp(rows16, width, height, 16, compression=3, masks=(0xF800, 0x7E0, 0x1F))
    rows24 = [row.tobytes() for row in noise(14, width * height * 3).reshape(height, width * 3)]
    yield "bmp_24_top_down.bmp", bmp(rows24, width, height, 24, top_down=True)
    yield "bmp_24_core.bmp", bmp(rows24, width, height, 24, header=12)
    rows32 = [row.tobytes() for row in noise(15, width * height * 4).reshape(height, width * 4)]
    yield "bmp_32.bmp", bmp(rows32, width, height, 32)
    yield "bmp_32_masks.bmp", bmp(rows32, width, height, 32, compression=3, masks=(0xFF000000, 0xFF0000, 0xFF00))
    yield "bmp_32_v4.bmp", bmp(rows32, width, height, 32, 108, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    yield "bmp_32_v5_rgba.bmp", bmp(rows32, width, height, 32, 124, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), top_down=True)


# Pillow compares a transparent colour after scaling to 8 bits, the PNG standard before.
OWN_ALPHA = {"png_grey4_key.png", "png_grey16_key.png", "png_rgb16_key.png"}


def variants():
    yield from image_variants.orientation_pictures(saved, scene)
    yield from image_variants.run_length_bmps(noise)
    yield from image_variants.damaged_pictures(saved, scene, noise)


def opened(data):
    """The picture, or None where Pillow refuses it."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError):
        return None


def beginnings(data):
    """The proper beginnings that Pillow opens, as ranges of equal pixels."""
    ranges = []
    for length in range(len(data)):
        image = opened(data[:length])
        if image is None:
            continue
        pixels = fnv(image.convert("RGB").tobytes())
        if ranges and ranges[-1][1] == length - 1 and ranges[-1][2] == pixels:
            ranges[-1][1] = length
        else:
            ranges.append([length, length, pixels])
    return [f"{first}-{last}:{pixels}" for first, last, pixels in ranges]


def write_pictures():
    PICTURES.mkdir(parents=True, exist_ok=True)
    decoded, upright, refused, cut = [], [], [], []
    for pictures in (png_pictures, jpeg_pictures, webp_pictures, gif_pictures, bmp_pictures, variants):
        for name, data in pictures():
            path = PICTURES / name
            if not path.exists():
                path.write_bytes(data)
            data = path.read_bytes()
            image = opened(data)
            if image is None:
                refused.append((name,))
                continue
            rgb, rgba = image.convert("RGB"), image.convert("RGBA")
            hashes = fnv(rgb.tobytes()), "-" if name in OWN_ALPHA else fnv(rgba.tobytes())
            decoded.append((name, *rgb.size, *hashes))
            cut.append((name, *beginnings(data)))
            if "exif" in name:
                upright.append(upright_row(name, data))
    write("decode.tsv", decoded)
    write("refused.tsv", refused)
    write("cut.tsv", cut)
    write("upright.tsv", upright)


def upright_row(name, data):
    with Image.open(io.BytesIO(data)) as image:
        turned = ImageOps.exif_transpose(image).convert("RGB")
        return name, *turned.size, fnv(turned.tobytes())


def write(name, rows):
    (ROOT / name).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


# ---- resize and transforms

FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def noise_image(channels, width, height, seed):
    if channels == 4:
        return Image.fromarray(noise_rgba(seed, width, height), "RGBA")
    return Image.fromarray(noise(seed, width * height * 3).reshape(height, width, 3), "RGB")


def write_resizes():
    shapes = [(1, 1, 1, 1), (1, 1, 224, 224), (2, 3, 7, 5), (5, 7, 3, 2), (3, 200, 200, 3), (64, 64, 211, 211),
              (72, 72, 224, 224), (128, 136, 198, 211), (100, 60, 100, 30), (100, 60, 50, 60), (65, 64, 64, 65),
              (224, 224, 224, 224), (225, 223, 224, 224), (333, 77, 224, 224), (77, 333, 224, 224), (640, 480, 224, 224),
              (500, 375, 364, 364), (1, 3000, 224, 224), (3000, 1, 224, 224), (129, 257, 16, 16), (31, 31, 1, 1),
              (17, 90, 400, 2), (200, 150, 199, 151), (9, 1, 1, 9), (600, 400, 384, 256),
              # Vertical first since Pillow 13, and just not.
              (300, 501, 200, 300), (300, 500, 200, 300), (90, 400, 90, 33), (400, 90, 33, 90), (50, 51, 50, 50), (200, 700, 199, 90),
              (150, 500, 700, 130), (130, 900, 129, 1), (97, 2000, 224, 224)]
    rows = []
    for number, (w, h, tw, th) in enumerate(shapes):
        for channels in (3, 4):
            for kind, filter_ in FILTERS.items():
                out = noise_image(channels, w, h, number).resize((tw, th), filter_)
                rows.append((channels, kind, w, h, tw, th, number, fnv(out.tobytes())))
    write(f"resize{ORDER}.tsv", rows)
    rows = []
    for number, (w, h, shorter, size) in enumerate(
            [(300, 200, 256, 224), (201, 333, 256, 224), (50, 61, 64, 48), (640, 425, 256, 224), (30, 500, 32, 31), (224, 224, 224, 224),
             (130, 500, 64, 48), (300, 900, 256, 224), (240, 700, 224, 100)]):
        new = (shorter, int(shorter * h / w)) if w <= h else (int(shorter * w / h), shorter)
        left, top = (new[0] - size) // 2, (new[1] - size) // 2
        out = noise_image(3, w, h, 100 + number).resize(new, Image.Resampling.BICUBIC)
        out = out.crop((left, top, left + size, top + size))
        rows.append((w, h, shorter, size, 100 + number, fnv(out.tobytes())))
    write(f"window{ORDER}.tsv", rows)


def write_placements():
    rows = []
    for number, (w, h, frame, fill) in enumerate(
            [(64, 64, 224, 0.94), (72, 40, 224, 0.94), (40, 300, 224, 0.94), (1, 1, 32, 0.94), (500, 3, 64, 0.5), (128, 128, 100, 1.0)]):
        factor = fill * frame / max(w, h)
        tw, th = (max(int(side * factor + 0.5), 1) for side in (w, h))
        image = noise_image(4, w, h, 200 + number).convert("RGBa").resize((tw, th), Image.Resampling.BICUBIC)
        over = np.asarray(image).astype(np.float32)
        out = np.full((frame, frame, 3), 255, np.uint8)
        left, top = (frame - tw) // 2, (frame - th) // 2
        value = over[..., :3] + np.float32(255) * (np.float32(255) - over[..., 3:]) / np.float32(255)
        out[top:top + th, left:left + tw] = np.clip(value + np.float32(0.5), 0, 255).astype(np.uint8)
        rows.append((w, h, frame, fill, 200 + number, fnv(out.tobytes())))
    write(f"placement{ORDER}.tsv", rows)


def write_pixels():
    from transformers import BlipImageProcessor, CLIPImageProcessor
    blip = BlipImageProcessor(size={"height": 224, "width": 224})
    clip = CLIPImageProcessor(size={"shortest_edge": 224}, crop_size=224)

    def efficientnet(image):
        w, h = image.size
        new = (256, int(256 * h / w)) if w <= h else (int(256 * w / h), 256)
        left, top = (new[0] - 224) // 2, (new[1] - 224) // 2
        image = image.resize(new, Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
        return ((np.asarray(image).astype(np.float64) - 127) / 128).transpose(2, 0, 1)

    transforms = {
        "blip2": lambda image: blip(image, return_tensors="np")["pixel_values"][0],
        "clip": lambda image: clip(image, return_tensors="np")["pixel_values"][0],
        "efficientnet_lite0": efficientnet,
    }
    rows = []
    for number, (w, h) in enumerate([(320, 240), (97, 211), (224, 224), (501, 333), (300, 800)]):
        for name, transform in transforms.items():
            values = np.asarray(transform(noise_image(3, w, h, 300 + number))).reshape(-1)
            assert values.size == 3 * 224 * 224
            picked = (np.arange(40) * 3761 + number) % values.size
            rows.append((name, w, h, 300 + number, *(f"{i}:{values[i]:.9g}" for i in picked)))
    write("pixels.tsv", rows)


PARTS = {"pictures": write_pictures, "resizes": write_resizes, "placements": write_placements, "pixels": write_pixels}

if __name__ == "__main__":
    for part in sys.argv[1:] or (PARTS if IS_NEW_ORDER else ["resizes", "placements"]):
        PARTS[part]()
