"""When the shop opens next, in words that end a sentence such as "We will answer …". Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from inbox.model.macros import language_for
from inbox.model.schedule import Schedule

_DAYS_OF_A_WEEK = 7


class _Words(msgspec.Struct, frozen=True):
    """How a language says it; `{at}` is the clock, `{date}` the day of the month and the month."""

    today: str
    tomorrow: str
    weekday: str
    later: str
    some_day: str
    weekdays: Sequence[str]
    """From Monday on, as they stand after `weekday`'s preposition."""


_WORDS: Mapping[str, _Words] = {
    "uk": _Words(
        today="сьогодні о {at}",
        tomorrow="завтра о {at}",
        weekday="{weekday} о {at}",
        later="{date} о {at}",
        some_day="щойно відкриємося",
        weekdays=("у понеділок", "у вівторок", "у середу", "у четвер", "у п’ятницю", "у суботу", "у неділю"),
    ),
    "ru": _Words(
        today="сегодня в {at}",
        tomorrow="завтра в {at}",
        weekday="{weekday} в {at}",
        later="{date} в {at}",
        some_day="как только откроемся",
        weekdays=(
            "в понедельник",
            "во вторник",
            "в среду",
            "в четверг",
            "в пятницу",
            "в субботу",
            "в воскресенье",
        ),
    ),
    "en": _Words(
        today="today at {at}",
        tomorrow="tomorrow at {at}",
        weekday="on {weekday} at {at}",
        later="on {date} at {at}",
        some_day="as soon as we open",
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ),
    "ka": _Words(
        today="დღეს {at} საათზე",
        tomorrow="ხვალ {at} საათზე",
        weekday="{weekday} {at} საათზე",
        later="{date} {at} საათზე",
        some_day="გახსნისთანავე",
        weekdays=("ორშაბათს", "სამშაბათს", "ოთხშაბათს", "ხუთშაბათს", "პარასკევს", "შაბათს", "კვირას"),
    ),
}


def opens(schedule: Schedule, at: datetime, *languages: str) -> str | None:
    """When the shop opens after this moment, by its own clock and calendar; None where it is open.

    In the first of the languages that is spoken here, else in English. Where it never opens: "as soon as we open".
    """
    if schedule.is_open(at):
        return None
    words = _WORDS[language_for(_WORDS, *languages, "en")]
    moment = schedule.next_change(at)
    if moment is None:
        return words.some_day
    zone = ZoneInfo(schedule.timezone)
    opening = moment.astimezone(zone)
    days = (opening.date() - at.astimezone(zone).date()).days
    said = words.today if days == 0 else words.tomorrow if days == 1 else words.weekday
    if days >= _DAYS_OF_A_WEEK:
        said = words.later
    weekday = words.weekdays[opening.weekday()]
    return said.format(at=f"{opening:%H:%M}", weekday=weekday, date=f"{opening:%d.%m}")
