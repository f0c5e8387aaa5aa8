"""ZIP archives made while they are sent: only the piece under way is in memory."""

import re
import time
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

_TOGETHER: Final = 64 * 1024
"""From how many bytes on something is sent."""

_NAME_LIMIT: Final = 100
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive; `packed` where its bytes are worth compressing."""

    name: str
    chunks: AsyncIterator[bytes]
    packed: bool = True


def safe_name(name: str) -> str:
    """A file's name that no system takes for a folder, a device or a command, its ending kept."""
    shown = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")
    shown = _RESERVED.sub(r"_\1", _UNSAFE.sub("_", shown).strip(" ."))
    return shown[-_NAME_LIMIT:].lstrip(" .") or "file"


async def zipped(entries: AsyncIterator[Entry]) -> AsyncIterator[bytes]:
    """An archive of these, as bytes to be sent one after the other."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", allowZip64=True) as archive:
        async for entry in entries:
            info = zipfile.ZipInfo(entry.name, time.gmtime()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED if entry.packed else zipfile.ZIP_STORED
            info.external_attr = 0o644 << 16
            # How large it will be is not known beforehand, so it is written as one that may be larger than 4 GB.
            with archive.open(info, "w", force_zip64=True) as target:
                async for chunk in entry.chunks:
                    target.write(chunk)
                    if sink.size >= _TOGETHER:
                        yield sink.taken()
    yield sink.taken()


class _Sink:
    """What an archive is written to: it keeps bytes until they are taken, and cannot go back."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self._kept.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        data = b"".join(self._kept)
        self._kept, self.size = [], 0
        return data
