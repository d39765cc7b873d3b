"""Golden bytes of headers, keys and rows, made by the plain definitions in common/bytes/wire.h and
codec.h with nothing but Python's struct:
for what in wire body keys rows; do
    python3 tests/golden/bytes.py $what > tests/golden/bytes_$what.inc
done"""

import math
import struct
import sys


def emit(what, name, data):
    if what != sys.argv[1]:
        return
    print(f"static const uint8_t {name}[] = {{")
    for i in range(0, len(data), 16):
        print("    " + ", ".join(f"0x{b:02x}" for b in data[i : i + 16]) + ",")
    print("};")


# ---- msgpack, smallest forms ----
def uint(n):
    if n < 0x80:
        return struct.pack(">B", n)
    for tag, form, limit in ((0xCC, ">B", 8), (0xCD, ">H", 16), (0xCE, ">I", 32), (0xCF, ">Q", 64)):
        if n < 1 << limit:
            return bytes([tag]) + struct.pack(form, n)


def sint(n):
    if n >= 0:
        return uint(n)
    if n >= -32:
        return struct.pack(">b", n)
    for tag, form, limit in ((0xD0, ">b", 7), (0xD1, ">h", 15), (0xD2, ">i", 31)):
        if n >= -(1 << limit):
            return bytes([tag]) + struct.pack(form, n)


def array(n):
    return bytes([0x90 + n]) if n < 16 else b"\xdc" + struct.pack(">H", n)


# Fields in the order of wire.h; the test fills a struct wire_header with the same numbers.
fields = [1, 4, -101, 2**40 + 1, 300, 70000, 9, 128, 2**64 - 1, 0xDEADBEEF]
sections = [0, 0x12, 1, 3, 4096, 6560, 81920, 16384, 0x3C23D70A, 0]
sections += [15, 0, 0, 0, 1, 8, 64, 0, 0, 2**63]
header = array(11) + b"".join(sint(f) if i == 2 else uint(f) for i, f in enumerate(fields))
header += array(len(sections)) + b"".join(uint(n) for n in sections)
emit("wire", "GOLDEN_HEADER", header)

# ---- the body of open table: name, dim, seed, init, init_scale, init_columns, optimizer, lr, momentum,
# beta1, beta2, epsilon, initial_accumulator, ftrl_alpha, ftrl_beta, l1, l2, pull_codec, push_codec ----
spec = struct.pack("<B5sIQIfII", 5, b"items", 64, 0x0102030405060708, 2, 0.05, 63, 5)
spec += struct.pack("<10f", 0.01, 0.9, 0.9, 0.999, 1e-8, 0.0, 0.05, 1.0, 0.5, 0.0)
emit("body", "GOLDEN_SPEC", spec + struct.pack("<II", 2, 3))

# ---- keys ----
keys = [5, 6, 7, 300, 70000, 70001, 2**40, 2**40 + 1]
differences = [b - a - 1 for a, b in zip(keys, keys[1:])]
planes = [bytes(d >> 8 * p & 0xFF for d in differences) for p in range(8)]
present = [p for p in range(8) if any(planes[p])]
head = bytes([sum(1 << p for p in present), 0]) + struct.pack("<Q", keys[0])
emit("keys", "GOLDEN_KEYS", head + b"".join(planes[p] for p in present))
# Keys 0, 3 .. 99: plane 0 is 33 times 02. The LZ4 block by hand: one literal, a match of 27 bytes
# at distance 1, five literals, as its end rules ask for.
lz4 = bytes([0x1F, 0x02, 0x01, 0x00, 0x08, 0x50]) + b"\x02" * 5
emit("keys", "GOLDEN_KEYS_LZ4", bytes([1, 1]) + bytes(8) + lz4)

# ---- rows: 2 of 9 values ----
rows = [
    [0.0, 1.0, -1.0, 0.5, 3.14159274, -1e-3, 1e-7, 65504.0, -70000.0],
    [0.1, -0.2, 0.3, -0.4, 0.05, -0.06, 0.07, 0.0, 0.9],
]


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


rows = [[f32(x) for x in row] for row in rows]
emit("rows", "GOLDEN_FP32", b"".join(struct.pack("<9f", *row) for row in rows))
clamp = lambda x: max(-65504.0, min(65504.0, x))
emit("rows", "GOLDEN_FP16", b"".join(struct.pack("<e", clamp(x)) for row in rows for x in row))


def bf16(x):  # nearest, ties to even
    b = bits(x)
    return struct.pack("<H", (b + 0x7FFF + (b >> 16 & 1)) >> 16)


emit("rows", "GOLDEN_BF16", b"".join(bf16(x) for row in rows for x in row))


# The draws of codec_round.c, for seed 7 and position 11.
def mix(x):
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


stream = mix(mix(7) ^ 11)
a, b = stream % 2**32, stream >> 32


def draw(i):
    x = (a + i // 2) % 2**32
    x = (x ^ x >> 16) * 0x7FEB352D % 2**32
    x = ((x ^ x >> 15) + b) * 0x846CA68B % 2**32
    x ^= x >> 16
    return x >> 16 if i % 2 else x & 0xFFFF


def int8(row, first, stochastic):
    scale = f32(max(abs(x) for x in row) / 127)
    inverse = f32(1 / scale)
    out = struct.pack("<f", scale)
    for i, x in enumerate(row):
        y = f32(x * inverse)
        if stochastic:
            y = math.floor(f32(y + (draw(first + i) * 2.0**-16 + 2.0**-17)))
        out += struct.pack("<b", max(-127, min(127, round(y))))  # Python rounds ties to even
    return out


emit("rows", "GOLDEN_INT8", int8(rows[0], 0, False) + int8(rows[1], 9, False))
emit("rows", "GOLDEN_INT8_DRAWN", int8(rows[0], 0, True) + int8(rows[1], 9, True))


def bf16_drawn(x, i):
    return struct.pack("<H", (bits(x) + draw(i)) >> 16)


emit("rows", "GOLDEN_BF16_DRAWN", b"".join(bf16_drawn(x, i) for i, x in enumerate(rows[0] + rows[1])))


def fp16_drawn(x, i):
    magnitude, sign = abs(x), 0x8000 if bits(x) >> 31 else 0
    if magnitude < 2.0**-14:
        h = int(f32(magnitude * 2.0**24 + (draw(i) * 2.0**-16 + 2.0**-17)))
    else:
        h = min((bits(magnitude) - 0x38000000 + (draw(i) >> 3)) >> 13, 0x7BFF)
    return struct.pack("<H", h | sign)


emit("rows", "GOLDEN_FP16_DRAWN", b"".join(fp16_drawn(x, i) for i, x in enumerate(rows[0] + rows[1])))
