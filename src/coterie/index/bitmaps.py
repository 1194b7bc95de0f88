"""Roaring bitmaps from flags and from row numbers.

`BitMap(array)` takes 70 to 100 ms for five of ten million rows. The bits of a NumPy array, packed from the lowest up,
are what the serialized form of a bitmap holds for a dense stretch of 65,536 rows; so a bitmap is put together from them
without a row being touched: 2 ms for the same rows. Source: the portable format of roaring bitmaps,
https://github.com/RoaringBitmap/RoaringFormatSpec.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyroaring import BitMap

Bits = npt.NDArray[np.uint64]
CHUNK_ROWS = 65_536  # rows that one container of a bitmap holds
_CHUNK_BYTES = CHUNK_ROWS // 8
_MOST_LISTED = 4_096  # a container of at most as many rows lists them; the format asks for it
_BOOLEAN = pa.bool_()
_COOKIE = 12_346  # of bitmaps without runs


def from_rows(rows: npt.NDArray[np.integer]) -> BitMap:
    """The bitmap of row numbers, shape (n,), in any order.

    >>> from_rows(np.array([5, 3]))
    BitMap([3, 5])
    """
    return BitMap(array("I", np.ascontiguousarray(rows, np.uint32).tobytes()))


def from_packed(packed: npt.NDArray[np.uint8]) -> BitMap:
    """The bitmap of bits, the lowest bit of the first byte being row 0.

    >>> from_packed(np.packbits([False, True, False, True], bitorder="little"))
    BitMap([1, 3])
    """
    n_chunks = -(-len(packed) // _CHUNK_BYTES)
    filled = np.zeros(n_chunks * _CHUNK_BYTES, np.uint8)
    filled[: len(packed)] = packed
    chunks = filled.reshape(n_chunks, _CHUNK_BYTES)
    sizes = np.bitwise_count(chunks.view(np.uint64)).sum(axis=1, dtype=np.int64)
    kept = np.flatnonzero(sizes)
    if len(kept) == 0:
        return BitMap()
    listed = _listed(chunks, np.flatnonzero((sizes > 0) & (sizes <= _MOST_LISTED)))
    bodies = [listed[k] if k in listed else chunks[k].tobytes() for k in kept.tolist()]
    heads = np.stack([kept, sizes[kept] - 1], axis=1).astype("<u2")
    starts = 8 + 8 * len(kept) + np.concatenate([[0], np.cumsum([len(b) for b in bodies])[:-1]])
    front = np.array([_COOKIE, len(kept)], "<u4").tobytes() + heads.tobytes() + starts.astype("<u4").tobytes()
    return BitMap.deserialize(b"".join([front, *bodies]))


def _listed(chunks: npt.NDArray[np.uint8], sparse: npt.NDArray[np.intp]) -> dict[int, bytes]:
    """The bodies of sparse chunks: their rows as 16-bit numbers."""
    if len(sparse) == 0:
        return {}
    taken = chunks[sparse].ravel()
    places = np.flatnonzero(taken != 0)  # of truths in half the time that it takes of numbers
    bits = np.flatnonzero(np.unpackbits(taken[places], bitorder="little").view(bool))
    rows = (places * 8)[bits >> 3] + (bits & 7)
    cuts = np.searchsorted(rows, np.arange(1, len(sparse)) * CHUNK_ROWS)
    parts = np.split((rows % CHUNK_ROWS).astype("<u2"), cuts)
    return {int(k): part.tobytes() for k, part in zip(sparse, parts, strict=True)}


def n_words(n_rows: int) -> int:
    """Words of bits for so many rows."""
    return -(-n_rows // 64)


def bits_of(rows: BitMap, words: int) -> Bits:
    """A bitmap as bits, shape (words,), the lowest of the first word being row 0; rows beyond are left out.

    >>> bits_of(BitMap([0, 2, 900]), 1)
    array([5], dtype=uint64)
    """
    flags = np.zeros(words * 64, bool)
    numbers = np.frombuffer(rows.to_array(), np.uint32)
    flags[numbers[: np.searchsorted(numbers, words * 64)]] = True
    return np.packbits(flags, bitorder="little").view(np.uint64)


def bits_of_packed(packed: npt.NDArray[np.uint8], words: int) -> Bits:
    """Packed bits of any length as bits of this one."""
    filled = np.zeros(words * 8, np.uint8)
    kept = min(len(packed), len(filled))
    filled[:kept] = packed[:kept]
    return filled.view(np.uint64)


def from_bits(bits: Bits) -> BitMap:
    """Bits as a bitmap."""
    return from_packed(bits.view(np.uint8))


def bits_size(bits: Bits) -> int:
    """How many bits are set.

    >>> bits_size(np.array([5, 1], np.uint64))
    3
    """
    if not bits.flags.c_contiguous:
        bits = np.ascontiguousarray(bits)
    size: int = flags_of(bits).true_count
    return size


def flags_of(bits: Bits) -> pa.BooleanArray:
    """Bits that lie side by side as Arrow's flags, in the same memory: `true_count` says how many are set now.

    Arrow counts in one pass; `bitwise_count` and a sum of its answer take twice as long.
    """
    return pa.Array.from_buffers(_BOOLEAN, bits.size * 64, [None, pa.py_buffer(bits)])
