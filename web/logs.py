"""Log lines: JSON on standard error, one line each, with every secret masked.

Masking is done here, at the last door, because nowhere else would be enough. Telegram's token is part of every address
that is called, so it turns up in exceptions of aiohttp, in access lines, in the repr of a request, in a traceback of a
library that has never heard of us. Taking care at each call covers the calls that somebody thought of; the formatter of
the one handler sees them all, our own lines and those of every library, after the last value has become text.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import msgspec
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

MASK = "***"
# Names that end like this guard something; a client_token only tells two clicks apart.
GUARDED = r"(?!client_?token)[\w-]*?(?:password|passwd|secret|secret[_-]?key|api[_-]?key|token|authorization|cookie)"
GUARDED_NAME = re.compile(GUARDED, re.IGNORECASE)

# In the order of use. Each keeps what helps to understand the line and masks what opens a door.
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A bot's token, wherever it stands: 123456789:AAE…, also percent-encoded.
    (re.compile(r"(?<!\d)\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"), MASK),
    # What stands in a token's place in an address of the Bot API, even where it is too short to be real.
    (re.compile(r"/bot(?=[^/\s]*[\d:%])[^/\s\"'\\]+/"), f"/bot{MASK}/"),
    # scheme://user:password@host
    (re.compile(r"(?<=://)([^/\s\"'@:]*):[^/\s\"']*@"), rf"\1:{MASK}@"),
    (re.compile(r"\b(bearer)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    # name=value, name: value, 'name': 'value', "name": "value", and the same inside a JSON string.
    (
        re.compile(
            rf"(?<![\w-])({GUARDED})(\\*[\"']?\s*[:=]\s*\\*[\"']?)(?:(basic|bearer)\s+)?[^\s\"'\\,;&)}}]+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
)


def configure_logging(level: str) -> None:
    """Send every line of this process, ours and the libraries', through one JSON formatter to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                mask_named_values,
                render_masked_json,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def mask_named_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask whole values by the names they stand under, at any depth: a password may look like anything."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: object, value: Any) -> Any:
    if isinstance(name, str | bytes) and GUARDED_NAME.fullmatch(_text(name)):
        return MASK
    if isinstance(value, MutableMapping):
        return {_text(key): _masked(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(None, item) for item in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def render_masked_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """The line as it leaves us: nothing is added to it afterwards, so nothing can slip past the patterns."""
    return redact(msgspec.json.encode(event).decode())


def redact(text: str) -> str:
    """The same text with everything masked that opens a door."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("skrynka").critical("uncaught exception", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
