"""What managers see: texts with buttons under them, and what a button carries within Telegram's 64 bytes.

A button names what it is about and, where it acts on a state that was seen, the version of it. Nothing in it is
believed: who presses is looked up, what they may do is decided anew, and what is out of date says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiogram.filters.callback_data import CallbackData

from bot.staff.desk import Receiver, Row, Talk
from bot.staff.line import Rows
from bot.staff.words import Words
from inbox.macros import Prepared
from inbox.model.people import Status

SNOOZES: Final = (60, 240, 1440, 4320)
"""For how many minutes a conversation can be put aside."""

FILES: Final = 6
"""How many files an opened conversation offers."""

LINE: Final = 40
"""How much of a message a list shows, in characters."""

MESSAGE: Final = 400
"""How much of each message an opened conversation shows, so that all of them fit into one of Telegram's."""


class Say(CallbackData, prefix="s"):
    """The manager's new status."""

    status: str


class Go(CallbackData, prefix="g"):
    """A screen of its own: `menu`, `mine`, `done` or `anyway`."""

    to: str


class Case(CallbackData, prefix="c"):
    """Something about a conversation: `open`, `reply`, `note`, `macros`, `search`, `transfer` or `snooze`."""

    do: str
    id: str


class Offer(CallbackData, prefix="m"):
    """A macro, to be looked at."""

    id: str
    macro_id: str


class Send(CallbackData, prefix="y"):
    """A macro, to be sent as it was shown."""

    id: str
    macro_id: str
    mark: str


class Give(CallbackData, prefix="t"):
    """Whom to hand over to, and in which version it was seen: `kind` as in `Receiver`, capital where without a word."""

    id: str
    kind: str
    to: str
    version: int


class Wait(CallbackData, prefix="z"):
    """For how many minutes, and in which version the conversation was seen."""

    id: str
    minutes: int
    version: int


class Close(CallbackData, prefix="x"):
    """To be closed, as it was seen."""

    id: str
    version: int


class Fetch(CallbackData, prefix="f"):
    """A file, to be brought."""

    id: str


Screen = tuple[str, Rows]
"""A text and the rows of buttons below it."""


def menu(words: Words, name: str, status: str, count: int) -> Screen:
    """Where everything begins."""
    text = words("state", name=name, status=words(status), count=count)
    kinds = list(Status)
    return text, [
        [(words(one), Say(status=one).pack()) for one in kinds[:2]],
        [(words(one), Say(status=one).pack()) for one in kinds[2:]],
        [(words("mine"), Go(to="mine").pack())],
    ]


def listed(words: Words, rows: Sequence[Row]) -> Screen:
    """A manager's conversations."""
    buttons = [[(_line(words, row), Case(do="open", id=row.conversation["_id"]).pack())] for row in rows]
    return words("list" if rows else "empty"), [*buttons, [(words("menu"), Go(to="menu").pack())]]


def talk(words: Words, opened: Talk) -> Screen:
    """An opened conversation."""
    conversation = opened.row.conversation
    key, version = conversation["_id"], conversation["version"]
    said = "\n\n".join(_said(message) for message in opened.messages)
    files = [
        (f"📎 {_short(file['name'] or file['type'], LINE)}", Fetch(id=file["id"]).pack())
        for message in reversed(opened.messages)
        if message.get("deleted_at") is None
        for file in message["attachments"]
        if file["state"] == "stored"
    ]
    return f"{title(words, opened.row)}\n\n{said}", [
        *([file] for file in files[:FILES]),
        [_case(words, "answer", "reply", key), _case(words, "macro", "macros", key)],
        [_case(words, "note", "note", key), _case(words, "transfer", "transfer", key)],
        [_case(words, "snooze", "snooze", key), (words("close"), Close(id=key, version=version).pack())],
        [(words("mine"), Go(to="mine").pack())],
    ]


def writing(words: Words, text: str, conversation_id: str) -> Screen:
    """A text that waits for the manager's, and what stands after it."""
    return text, [[(words("done"), Go(to="done").pack()), _case(words, "open", "open", conversation_id)]]


def overtaken(words: Words, newer: Sequence[Mapping[str, Any]], conversation_id: str) -> Screen:
    """What was said meanwhile, and the choice to send what was written all the same."""
    text = words("overtaken", text="\n\n".join(map(_said, newer)))
    return text, [[(words("send_anyway"), Go(to="anyway").pack()), _case(words, "open", "open", conversation_id)]]


def macros(words: Words, found: Sequence[Mapping[str, Any]], conversation_id: str) -> Screen:
    """Macros to choose from."""
    buttons = [
        [(_short(macro["name"], LINE), Offer(id=conversation_id, macro_id=macro["_id"]).pack())] for macro in found
    ]
    return words("macros" if found else "no_macros"), [
        *buttons,
        [_case(words, "search", "search", conversation_id), _case(words, "back", "open", conversation_id)],
    ]


def confirmation(words: Words, row: Row, prepared: Prepared, mark: str) -> Screen:
    """A macro as its customer would get it, to be sent or not."""
    key, macro = row.conversation["_id"], prepared.macro
    back = _case(words, "back", "macros", key)
    if prepared.filled.missing:
        return words("missing", names=", ".join(prepared.filled.missing)), [[back]]
    along = [f"📎 {file['name']}" for file in prepared.files] + [f"▫️ {name}" for name, _ in prepared.buttons]
    along += [f"⚙️ {action['type']}" for action in macro["actions"]]
    more = "\n\n" + "\n".join(along) if along else ""
    text = words("confirm", name=name_of(words, row), text=prepared.filled.text, more=more)
    return text, [[(words("send"), Send(id=key, macro_id=macro["_id"], mark=mark).pack()), back]]


def receivers(words: Words, offered: Sequence[Receiver], conversation: Mapping[str, Any]) -> Screen:
    """Whom to hand over to."""
    key, version = conversation["_id"], conversation["version"]
    signs = {status.value: words(status.value).partition(" ")[0] for status in Status}
    rows = [
        [(f"{signs.get(one.status, '👥')} {one.name}", Give(id=key, kind=one.kind, to=one.id, version=version).pack())]
        for one in offered
    ]
    return words("receivers"), [*rows, [_case(words, "back", "open", key)]]


def word(words: Words, give: Give) -> Screen:
    """What to say along with a conversation."""
    silent = Give(id=give.id, kind=give.kind.upper(), to=give.to, version=give.version)
    return words("word"), [[(words("without_word"), silent.pack()), _case(words, "back", "open", give.id)]]


def how_long(words: Words, conversation: Mapping[str, Any]) -> Screen:
    """For how long to put a conversation aside."""
    key, version = conversation["_id"], conversation["version"]
    spans = [
        (words(f"minutes:{minutes}"), Wait(id=key, minutes=minutes, version=version).pack()) for minutes in SNOOZES
    ]
    return words("how_long"), [spans[:2], spans[2:], [_case(words, "back", "open", key)]]


def after(words: Words, key: str) -> Screen:
    """That something is done, and where to go on."""
    return words(key), [[(words("mine"), Go(to="mine").pack()), (words("menu"), Go(to="menu").pack())]]


def name_of(words: Words, row: Row) -> str:
    """The customer's name, or what stands for one."""
    return row.customer or words("nameless")


def title(words: Words, row: Row) -> str:
    """Whose conversation it is, and where."""
    return " · ".join(filter(None, (name_of(words, row), row.channel)))


def to_open(words: Words, conversation_id: str) -> Rows:
    """The button under what the companion tells by itself."""
    return [[_case(words, "open", "open", conversation_id)]]


def _case(words: Words, key: str, do: str, conversation_id: str) -> tuple[str, str]:
    return words(key), Case(do=do, id=conversation_id).pack()


def _line(words: Words, row: Row) -> str:
    last = row.conversation["last_message"]
    unanswered = "● " if row.conversation["waiting_since"] is not None else ""
    said = f": {_short(last['text'], LINE)}" if last is not None and last["text"] else ""
    return f"{unanswered}{name_of(words, row)}{said}"


_SIGNS: Final = {"in": "👤", "out": "💬", "note": "📝", "system": "ℹ️"}


def _said(message: Mapping[str, Any]) -> str:
    """A message as a line of text: who, what, and the names of its files."""
    who = message["author"]["name"] if message["direction"] != "in" else ""
    files = [f"📎 {file['name'] or file['type']}" for file in message["attachments"]]
    whole = [_short(message["text"], MESSAGE), *files] if message.get("deleted_at") is None else ["🗑"]
    said = "\n".join(filter(None, whole))
    return f"{_SIGNS.get(message['direction'], '')} {f'{who}: ' if who else ''}{said}"


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
