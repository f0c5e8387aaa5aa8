"""What every kind's sandbox works with: news to wait for, files, and samples that look and sound like something."""

import asyncio
import math
import secrets
import struct
import zlib
from dataclasses import dataclass
from typing import Final

FILES_MAX_BYTES: Final = 256 << 20


class Changes:
    """Wakes whoever waits for the next change."""

    def __init__(self) -> None:
        self.version = 0
        self._next = asyncio.Event()

    def announce(self) -> None:
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def after(self, version: int) -> int:
        while self.version == version:
            await self._next.wait()
        return self.version


@dataclass
class File:
    """Something sent, by whichever side."""

    id: str
    type: str
    name: str
    content_type: str
    data: bytes


class Files:
    """Files by id, bounded: what does not fit pushes out the oldest."""

    def __init__(self, max_bytes: int = FILES_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._by_id: dict[str, File] = {}

    def add(self, file_type: str, name: str, content_type: str, data: bytes) -> File:
        file = File(secrets.token_urlsafe(24), file_type, name, content_type, data)
        self._by_id[file.id] = file
        self._size += len(data)
        while self._size > self._max_bytes and len(self._by_id) > 1:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            self._size -= len(oldest.data)
        return file

    def get(self, file_id: str) -> File | None:
        return self._by_id.get(file_id)


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 24:  # noqa: PLR2004  signature, chunk head, two sizes
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def sample_photo(variant: int = 0, width: int = 320, height: int = 240) -> bytes:
    """A small PNG that looks like a sunlit board, in one of several woods."""
    base = ((214, 170, 120), (150, 98, 60), (196, 186, 170), (110, 78, 58))[variant % 4]
    period = 23
    rows = bytearray()
    for y in range(height):
        light = (40 * (height - y)) // height - period // 2
        grains = [(x * 7 + (y * y) // 90 + variant * 31) % period + light for x in range(period)]
        pattern = bytes(max(0, min(255, channel + grain)) for grain in grains for channel in base)
        rows.append(0)
        rows += (pattern * (width // period + 1))[: 3 * width]
    return _png(width, height, bytes(rows))


def sample_portrait(variant: int = 0, side: int = 192) -> bytes:
    """A PNG of somebody drawn in a few shapes, in one of many colours."""
    grounds = ((196, 217, 222), (233, 213, 190), (206, 214, 190), (222, 204, 217), (214, 208, 198))
    skins = ((241, 208, 182), (226, 184, 150), (201, 152, 117), (160, 112, 82))
    hairs = ((62, 44, 34), (112, 74, 44), (178, 134, 80), (44, 42, 46), (124, 66, 44))
    clothes = ((63, 99, 92), (121, 68, 72), (70, 84, 122), (148, 110, 62), (92, 86, 80))
    ground, skin = grounds[variant % 5], skins[variant // 5 % 4]
    hair, cloth = hairs[variant // 20 % 5], clothes[variant // 100 % 5]
    # (colour, centre x and y, half width and height), in parts of the side; what comes later covers.
    shapes = (
        (hair, 0.5, 0.44, 0.23, 0.26),
        (cloth, 0.5, 1.05, 0.4, 0.34),
        (skin, 0.5, 0.71, 0.085, 0.13),
        (skin, 0.5, 0.5, 0.175, 0.215),
    )
    rows = bytearray()
    for y in range(side):
        row = bytearray(bytes(ground) * side)
        for colour, x, middle, width, height in shapes:
            across = 1 - ((y / side - middle) / height) ** 2
            if across > 0:
                reach = width * math.sqrt(across)
                start, end = max(0, round((x - reach) * side)), min(side, round((x + reach) * side))
                row[3 * start : 3 * end] = bytes(colour) * (end - start)
        rows.append(0)
        rows += row
    return _png(side, side, bytes(rows))


def _png(width: int, height: int, rows: bytes) -> bytes:
    """Rows of red, green and blue, each after its filter byte, as a file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")


def sample_voice(seconds: int = 3) -> bytes:
    """A hummed tune as plain 8 kHz samples, so that a voice note can be heard."""
    rate = 8000
    tune = (262, 330, 392, 330, 294, 349)
    samples = bytearray()
    for position in range(rate * seconds):
        beat, within = divmod(position, rate // 2)
        loudness = min(within / 400, (rate // 2 - within) / 1600, 1.0)
        samples.append(128 + int(36 * loudness * math.sin(math.tau * tune[beat % len(tune)] * position / rate)))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(body)) + body
