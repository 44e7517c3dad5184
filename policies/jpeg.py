"""What is left of a picture after baseline JPEG, decoded as TensorFlow decodes it by default.

Libraries agree on the compressed bytes but not on the way back: TensorFlow asks libjpeg for its fast inverse transform,
which rounds more coarsely than the exact one that Pillow is bound to, and most values come out differently. So both
ways are done here, integer for integer as in libjpeg (the losses are in colour, subsampling, quantisation and
transform; the entropy code between them loses nothing and is left out).

Sources: ITU-T T.81 (the format and its example tables); Loeffler, Ligtenberg, Moschytz 1989 (forward transform);
Arai, Agui, Nakajima 1988 (fast inverse transform); the fixed-point conventions are libjpeg's.
"""

from __future__ import annotations

import numpy as np

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""Quantisation at quality 50 (T.81, tables K.1 and K.2)."""


BAND = 256
"""Rows done at once, a multiple of 16: numbers take 50 times the memory of the picture."""
MARGIN = 16
"""Rows, of one block of halved colour: on the way back colour looks one row further."""


def round_trip(image: np.ndarray, quality: int) -> np.ndarray:
    """[H, W, 3] uint8 -> the same, after 4:2:0 compression at `quality` (1 … 100) and fast decoding."""
    done = np.empty_like(image)
    for top in range(0, len(image), BAND):
        above = min(top, MARGIN)
        band = _round_trip(image[top - above : top + BAND + MARGIN], quality)
        done[top : top + BAND] = band[above : above + BAND]
    return done


def _round_trip(image: np.ndarray, quality: int) -> np.ndarray:
    height, width = image.shape[:2]
    # Columns are continued before colour is halved, rows after it: the order matters at the lower edge.
    padding = ((0, height % 2), (0, -width % 16), (0, 0))
    y, cb, cr = _to_ycc(np.pad(image, padding, mode="edge").astype(np.int64))
    y = _planes(y, _table(LUMINANCE, quality))[:height, :width]
    half = (height + 1) // 2, (width + 1) // 2
    cb, cr = (_planes(_halve(plane), _table(CHROMINANCE, quality))[: half[0], : half[1]] for plane in (cb, cr))
    return _to_rgb(y, *(_double(plane)[:height, :width] for plane in (cb, cr)))


def _table(base: tuple[tuple[int, ...], ...], quality: int) -> np.ndarray:
    """The quantisation table of a quality, as libjpeg scales it."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((np.array(base) * scale + 50) // 100, 1, 255)


def _fixed(x: float, bits: int = 16) -> int:
    return int(x * (1 << bits) + 0.5)


def _to_ycc(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    half, offset = 1 << 15, 128 << 16
    y = (_fixed(0.299) * red + _fixed(0.587) * green + _fixed(0.114) * blue + half) >> 16
    cb = (-_fixed(0.16874) * red - _fixed(0.33126) * green + _fixed(0.5) * blue + offset + half - 1) >> 16
    cr = (_fixed(0.5) * red - _fixed(0.41869) * green - _fixed(0.08131) * blue + offset + half - 1) >> 16
    return y, cb, cr


def _to_rgb(y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
    cb, cr, half = cb - 128, cr - 128, 1 << 15
    red = y + ((_fixed(1.402) * cr + half) >> 16)
    green = y + ((-_fixed(0.34414) * cb - _fixed(0.71414) * cr + half) >> 16)
    blue = y + ((_fixed(1.772) * cb + half) >> 16)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)


def _halve(plane: np.ndarray) -> np.ndarray:
    """Mean of 2 x 2 pixels; libjpeg rounds down and up in turn along a row."""
    total = plane[0::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 0::2] + plane[1::2, 1::2]
    return (total + 1 + np.arange(total.shape[1]) % 2) >> 2


def _double(plane: np.ndarray) -> np.ndarray:
    """Twice the size with weights 3 : 1 to the nearer and the farther neighbour ("fancy upsampling")."""
    above = np.concatenate([plane[:1], plane[:-1]])
    below = np.concatenate([plane[1:], plane[-1:]])
    rows = np.stack([3 * plane + above, 3 * plane + below], axis=1).reshape(-1, plane.shape[1])
    left = np.concatenate([rows[:, :1], rows[:, :-1]], axis=1)
    right = np.concatenate([rows[:, 1:], rows[:, -1:]], axis=1)
    doubled = np.stack([(3 * rows + left + 8) >> 4, (3 * rows + right + 7) >> 4], axis=2)
    return doubled.reshape(len(rows), -1)


def _planes(plane: np.ndarray, table: np.ndarray) -> np.ndarray:
    """A plane through transform, quantisation and back, in blocks of 8 x 8; the last row is continued."""
    plane = np.pad(plane, ((0, -plane.shape[0] % 8), (0, 0)), mode="edge")
    rows, cols = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = plane.reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3) - 128
    coefficients = _forward(_forward(blocks, axis=3, first=True), axis=2, first=False)
    divisor = 8 * table  # the forward transform leaves a factor of 8
    quantised = np.sign(coefficients) * ((np.abs(coefficients) + divisor // 2) // divisor)
    pixels = np.clip(_inverse(quantised, table) + 128, 0, 255)
    return pixels.transpose(0, 2, 1, 3).reshape(plane.shape)


def _forward(x: np.ndarray, axis: int, first: bool) -> np.ndarray:
    """One pass of the exact forward transform, 13-bit constants; the first pass keeps 2 bits more."""
    x0, x1, x2, x3, x4, x5, x6, x7 = np.moveaxis(x, axis, 0)
    even, odd = (x0 + x7, x1 + x6, x2 + x5, x3 + x4), (x3 - x4, x2 - x5, x1 - x6, x0 - x7)
    sum03, diff03, sum12, diff12 = even[0] + even[3], even[0] - even[3], even[1] + even[2], even[1] - even[2]
    shift = 11 if first else 15

    def descale(value: np.ndarray, bits: int) -> np.ndarray:
        return (value + (1 << (bits - 1))) >> bits

    out = [x0] * 8
    out[0], out[4] = (
        ((sum03 + sum12) << 2, (sum03 - sum12) << 2)
        if first
        else (descale(sum03 + sum12, 2), descale(sum03 - sum12, 2))
    )
    z = (diff12 + diff03) * _fixed(0.541196100, 13)
    out[2] = descale(z + diff03 * _fixed(0.765366865, 13), shift)
    out[6] = descale(z - diff12 * _fixed(1.847759065, 13), shift)
    a, b, c, d = odd
    z1, z2, z3, z4 = a + d, b + c, a + c, b + d
    z5 = (z3 + z4) * _fixed(1.175875602, 13)
    z1, z2 = -z1 * _fixed(0.899976223, 13), -z2 * _fixed(2.562915447, 13)
    z3, z4 = z5 - z3 * _fixed(1.961570560, 13), z5 - z4 * _fixed(0.390180644, 13)
    out[7] = descale(a * _fixed(0.298631336, 13) + z1 + z3, shift)
    out[5] = descale(b * _fixed(2.053119869, 13) + z2 + z4, shift)
    out[3] = descale(c * _fixed(3.072711026, 13) + z2 + z3, shift)
    out[1] = descale(d * _fixed(1.501321110, 13) + z1 + z4, shift)
    return np.moveaxis(np.stack(out), 0, axis)


def _inverse(quantised: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The fast inverse transform: 8-bit constants, fractions cut off."""
    scale = np.array([1.0, *(np.cos(k * np.pi / 16) * np.sqrt(2) for k in range(1, 8))])
    weights = np.rint(np.outer(scale, scale) * (1 << 14)).astype(np.int64)
    steps = (table * weights + (1 << 11)) >> 12
    return _fast_pass(_fast_pass(quantised * steps, axis=2), axis=3) >> 5


def _fast_pass(x: np.ndarray, axis: int) -> np.ndarray:
    """One pass of Arai, Agui and Nakajima's transform."""
    x0, x1, x2, x3, x4, x5, x6, x7 = np.moveaxis(x, axis, 0)

    def times(value: np.ndarray, factor: float) -> np.ndarray:
        return (value * _fixed(factor, 8)) >> 8

    total, difference, outer = x0 + x4, x0 - x4, x2 + x6
    inner = times(x2 - x6, 1.414213562) - outer
    e0, e3, e1, e2 = total + outer, total - outer, difference + inner, difference - inner
    z13, z10, z11, z12 = x5 + x3, x5 - x3, x1 + x7, x1 - x7
    o7 = z11 + z13
    z5 = times(z10 + z12, 1.847759065)
    o6 = ((z10 * -_fixed(2.613125930, 8)) >> 8) + z5 - o7
    o5 = times(z11 - z13, 1.414213562) - o6
    o4 = times(z12, 1.082392200) - z5 + o5
    return np.moveaxis(np.stack([e0 + o7, e1 + o6, e2 + o5, e3 - o4, e3 + o4, e2 - o5, e1 - o6, e0 - o7]), 0, axis)
