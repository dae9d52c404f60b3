"""Packing with zstd (RFC 8878): whole frames, each by itself. Pure."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

Unpackable = ZstdError
"""What `unpack` raises for bytes that are no frame."""
_COMPRESSOR = ZstdCompressor(level=-2)  # a third of the time of level 3; of logs a third is left instead of a quarter
_SAMPLER = ZstdCompressor(level=-2)  # one that is used for many bytes and for few makes its tables anew each time
_PIECE, _FEWER = 512, 480


def pack(data: bytes) -> bytes:
    """One frame."""
    packed: bytes = _COMPRESSOR.compress(data, ZstdCompressor.FLUSH_FRAME)  # it keeps nothing between calls
    return packed


def packable(data: bytes) -> bool:
    """Whether many bytes look as if packing made them fewer: a piece from their middle is tried."""
    middle = len(data) // 2
    piece = data[middle : middle + _PIECE]
    return len(_SAMPLER.compress(piece, ZstdCompressor.FLUSH_FRAME)) < _FEWER


def unpack(packed: bytes, most: int) -> bytes:
    """What one frame holds; b"" when that is more than `most` bytes, so that nobody fills a reader's memory.

    Raises Unpackable, and EOFError.
    """
    unpacking = ZstdDecompressor()
    data: bytes = unpacking.decompress(packed, most)
    return data if unpacking.eof else b""
