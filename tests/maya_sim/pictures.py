"""Real picture files without a picture library: areas of one colour, side by side.

Invariant: what is called PNG or JPEG can be opened by any program, and shows the colours it was
made of (a JPEG by one or two steps off).
"""

import struct
import zlib

HIGHLIGHT = (67, 255, 163)


def camera_colour(name):
    """The colour of what is seen through a camera, by the name of its transform."""
    number = zlib.crc32(name.encode())
    return number & 255, number >> 8 & 255, number >> 16 & 255


def picture(kind, width, height, colour, highlighted=False):
    """All of one colour; with something highlighted the right half has the highlight's."""
    left = width // 2 if highlighted else width
    makers = {"png": _png, "jpg": _jpeg, "iff": _iff}
    return makers[kind](width, height, colour, left)


def _png(width, height, colour, left):
    row = b"\0" + bytes(colour) * left + bytes(HIGHLIGHT) * (width - left)

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(row * height, 1)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def _jpeg(width, height, colour, left):
    """Blocks of 8 × 8 pixels that have a mean and no detail, so all but the first number is 0."""
    # The mean of a block is its first number divided by 8, which is what every quantizer here is.
    quantizers = b"\0" + b"\x08" * 64
    # Ten lengths of a difference, each named by four bits; "no detail" is the one bit 0.
    lengths = b"\x00" + bytes([0, 0, 0, 10] + [0] * 12) + bytes(range(10))
    no_detail = b"\x10" + bytes([1] + [0] * 15) + b"\0"
    parts = b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    scanned = b"".join(bytes((number, 0)) for number in (1, 2, 3))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            _segment(0xDB, quantizers),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + parts),
            _segment(0xC4, lengths),
            _segment(0xC4, no_detail),
            _segment(0xDA, b"\x03" + scanned + b"\0\x3f\0"),
            _scan(width, height, _ycc(colour), _ycc(HIGHLIGHT), left),
            b"\xff\xd9",
        )
    )


def _scan(width, height, colour, other, left):
    columns, rows = -(-width // 8), -(-height // 8)
    blocks = [colour if column * 8 < left else other for column in range(columns)]
    first, before = _row(blocks, (0, 0, 0))
    bits = first + _row(blocks, before)[0] * (rows - 1)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _row(blocks, before):
    bits = []
    for block in blocks:
        for value, last in zip(block, before, strict=True):
            bits.append(_difference(value - last) + "0")
        before = block
    return "".join(bits), before


def _difference(number):
    length = abs(number).bit_length()
    written = number if number > 0 else number + (1 << length) - 1
    return f"{length:04b}" + (f"{written:0{length}b}" if length else "")


def _ycc(colour):
    red, green, blue = colour
    return (
        round(0.299 * red + 0.587 * green + 0.114 * blue - 128),
        round(-0.168736 * red - 0.331264 * green + 0.5 * blue),
        round(0.5 * red - 0.418688 * green - 0.081312 * blue),
    )


def _segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _iff(width, height, _colour, _left):
    # Only the head of Maya's own format: enough to see that it is neither PNG nor JPEG.
    head = struct.pack(">IIHHIHH", width, height, 1, 1, 0, 0, 0)
    body = b"CIMGTBHD" + struct.pack(">I", len(head)) + head
    return b"FOR4" + struct.pack(">I", len(body)) + body
