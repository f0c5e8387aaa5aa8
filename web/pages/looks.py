"""How things are shown to people: initials, colours, times, sizes, links. Pure: the templates' filters."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

from inbox.model.look import ON_COLOUR, ON_COLOUR_DARK, Look

HUES = 8
LATE = timedelta(minutes=15)
"""How long a customer may wait before the list says so in colour."""

_FILE_ICONS: Mapping[str, str] = MappingProxyType(
    {"photo": "image", "video": "video", "voice": "mic", "audio": "mic", "sticker": "smile"}
)
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'«»“”]+", re.IGNORECASE)
_UNITS = ("B", "KB", "MB", "GB")
_UNIT = 1024
_WEEK = 7


def initials(name: str) -> str:
    """Up to two letters that stand for a person; `?` where a name has no letter at all."""
    words = [re.sub(r"[^\w]", "", word) for word in re.split(r"[\s._@-]+", name)]
    letters = [word[0] for word in words if word and not word[0].isdigit()]
    chosen = letters[:1] + letters[-1:] if len(letters) > 1 else letters
    return "".join(map(_capital, chosen)) or "?"


def _capital(letter: str) -> str:
    """The letter as a name begins with it: Georgian capitals are for headlines, and rare in fonts."""
    return letter.upper() if not unicodedata.name(letter, "").startswith("GEORGIAN") else letter


def hue(key: str) -> int:
    """The colour that stays with a person, as one of a few soft ones."""
    return hashlib.blake2b(key.encode(), digest_size=1).digest()[0] % HUES


def kind_styles(looks: Mapping[str, Look]) -> str:
    """The stylesheet in which every kind's sign has its colour, and one of an unknown kind the usual one."""
    grounds = {".ch": Look()} | {f".kind-{kind}": look for kind, look in looks.items()}
    return "".join(
        [
            f".ch {{ color: light-dark({ON_COLOUR}, {ON_COLOUR_DARK}); }}\n",
            *(
                f"{place} {{ background: light-dark({look.colour}, {look.colour_dark}); }}\n"
                for place, look in grounds.items()
            ),
        ]
    )


def file_icon(media: str) -> str:
    """The icon that stands for a media type."""
    return _FILE_ICONS.get(media, "file-text")


def media_type(attachment: Mapping[str, Any]) -> str:
    """photo, video, audio, voice, sticker or document: as the channel says, else by the content type."""
    told = attachment.get("type")
    if told:
        return str(told)
    family = str(attachment["content_type"]).partition("/")[0]
    return {"image": "photo", "video": "video", "audio": "audio"}.get(family, "document")


def size(count: int | None) -> str:
    """Bytes as people say them."""
    if count is None:
        return ""
    amount = float(count)
    unit = 0
    while amount >= _UNIT and unit < len(_UNITS) - 1:
        amount /= _UNIT
        unit += 1
    digits = 1 if unit > 1 else 0
    return f"{amount:.{digits}f} {_UNITS[unit]}"


def link(text: str) -> Markup:
    """Text as HTML: everything escaped, and http(s) addresses made into links that tell nothing of where they stood."""
    parts: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        address = _without_tail(found[0])
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>').format(address))
        end = found.start() + len(address)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _without_tail(address: str) -> str:
    """An address without the punctuation that ends the sentence it stands in."""
    kept = address.rstrip(".,:;!?…*_~")
    while kept.endswith(")") and kept.count(")") > kept.count("("):
        kept = kept[:-1].rstrip(".,:;!?…*_~")
    return kept


def plain(text: str) -> str:
    """One line of text for a preview: no line breaks, no characters that reorder what stands around them."""
    flat = re.sub(r"\s+", " ", text).strip()
    return "".join(
        letter for letter in flat if unicodedata.category(letter) != "Cf" or letter == "\N{ZERO WIDTH JOINER}"
    )


def zone(*names: str | None) -> tzinfo:
    """The first of these time zones that exists; else UTC."""
    for name in names:
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return UTC


class Clock:
    """What time it is where the viewer sits."""

    def __init__(self, where: tzinfo, present: datetime | None = None) -> None:
        self.zone = where
        self.present = (present or datetime.now(UTC)).astimezone(where)

    def local(self, moment: datetime) -> datetime:
        """A moment on the viewer's wall clock."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """14:32."""
        return f"{self.local(moment):%H:%M}"

    def days_ago(self, moment: datetime) -> int:
        """0 today, 1 yesterday; negative for what is to come."""
        return (self.present.date() - self.local(moment).date()).days

    def short(self, moment: datetime) -> str:
        """As short as it is clear: 14:32, Fri, 12 Nov, 12 Nov 2024."""
        there = self.local(moment)
        days = self.days_ago(moment)
        if days == 0:
            return f"{there:%H:%M}"
        if 0 < days < _WEEK:
            return f"{there:%a}"
        return self.date(moment)

    def date(self, moment: datetime) -> str:
        """12 Nov, with the year when it is not this one."""
        there = self.local(moment)
        year = "" if there.year == self.present.year else f" {there.year}"
        return f"{there.day} {there:%b}{year}"

    def full(self, moment: datetime) -> str:
        """12 Nov 2026, 14:32."""
        there = self.local(moment)
        return f"{there.day} {there:%b} {there.year}, {there:%H:%M}"

    def until(self, moment: datetime) -> str:
        """When something will be: 14:32, tomorrow's and this week's with the weekday, others with the date."""
        days = -self.days_ago(moment)
        if days <= 0:
            return self.time(moment)
        there = self.local(moment)
        return f"{there:%a %H:%M}" if days < _WEEK else f"{self.date(moment)}, {there:%H:%M}"

    def waited(self, since: datetime) -> str:
        """How long somebody waits: 4 min, 3 h, 2 d."""
        minutes = max(0, int((self.present - since).total_seconds() // 60))
        if minutes < 60:  # noqa: PLR2004 - minutes in an hour
            return f"{minutes} min"
        hours = minutes // 60
        return f"{hours} h" if hours < 48 else f"{hours // 24} d"  # noqa: PLR2004 - two days read better as days

    def left(self, until: datetime) -> str:
        """How long something still lasts: 4 min, 3 h, 6 d."""
        return self.waited(self.present - (until - self.present))

    def late(self, since: datetime) -> bool:
        """Whether somebody has waited long enough to say so in colour."""
        return self.present - since >= LATE


def lasting(seconds: float | None) -> str:
    """A duration in the two units that say most of it: 45 s, 4 min, 1 h 12 min, 2 d 3 h; a dash where there is none."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004 - hours in a day
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def window(identity: Mapping[str, Any], whose: str, *, present: datetime | None = None) -> str:
    """Whether an identity may be written to now, by `person` (a manager) or `anybody`: open, closed, or `always`."""
    until = identity["window_until"]
    if until is not None and whose == "person":
        until = identity["person_window_until"] or until
    if until is None:
        return "always"
    return "open" if moment(until) >= (present or datetime.now(UTC)) else "closed"


def moment(value: datetime | str) -> datetime:
    """A time of the API's shapes, which carry either form."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
