"""The words in which the demo's stories are written: who did what, and how long ago."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from channels.telegram.sandbox import Chat
from web.demo.phones import InstagramPhone, Mail

T = TypeVar("T")


class Phone(Protocol):
    """A customer's chat with the shop, in whichever app it is."""

    clock: Callable[[], float]

    @property
    def bot(self) -> Any:
        """The shop's side of it."""

    @property
    def messages(self) -> Sequence[Any]:
        """What both sides said, oldest first."""

    @property
    def user_id(self) -> str:
        """The customer as the shop knows them."""

    def external_id(self, message: Any) -> str:
        """What the shop calls one of `messages`."""

    def text(self, text: str) -> Any:
        """Write something; returns what the app calls it."""

    async def until(self, condition: Callable[[Any], T], *, seconds: float = ...) -> T:
        """Wait until something holds of this chat; returns what it returned."""


@dataclass(frozen=True, kw_only=True)
class Manager:
    """A colleague. `tells` is for a newcomer who might sign in as them; without it they are not offered."""

    key: str
    name: str
    email: str
    role: str = "manager"
    status: str = "online"
    capacity: int = 10
    teams: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("uk",)
    tells: str = ""


@dataclass(frozen=True, kw_only=True)
class Macro:
    """A prepared reply, shared unless somebody's own."""

    key: str
    name: str
    text: dict[str, str]
    owner: str = ""
    folder: str = ""
    buttons: tuple[dict[str, str], ...] = ()
    """Titles by language."""
    actions: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Act:
    """Something that the customer does on the phone."""

    ago: timedelta
    do: Callable[[Any], Any]
    """Told the chat, as the app at the story's door has it."""
    silent: bool = False
    """Whether it is a change to what was said before, and no message of its own."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Something that a manager writes: a reply, or a note that stays in the house."""

    ago: timedelta
    by: str
    text: str = ""
    note: bool = False
    macro: str = ""
    photos: tuple[int, ...] = ()
    """Variants of the sandbox's sample photo."""


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """A reply that meets trouble on its way: `failed` (the customer blocked the shop) or `uncertain` (no answer)."""

    ago: timedelta
    by: str
    text: str
    outcome: str


Line = Act | Reply | Mishap


@dataclass(frozen=True, kw_only=True)
class Case:
    """A conversation from its first message to how it stands now.

    Whoever replies first holds it; with no reply, `holder`; with neither, it waits for routing.
    """

    lines: tuple[Line, ...]
    holder: str = ""
    team: str = ""
    status: str = "open"
    snoozed_for: timedelta = timedelta()
    labels: tuple[str, ...] = ()
    priority: str = "normal"
    read: bool = True
    """Whether its holder has seen what came last."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """A customer, and what they had to do with the shop, oldest case first."""

    name: str
    language: str
    cases: tuple[Case, ...]
    door: str = "telegram"
    """Where they write: the kind of a channel, or `wholesale` for the second mailbox."""
    username: str = ""
    address: str = ""
    phone: str = ""
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


def ago(*, d: float = 0, h: float = 0, m: float = 0) -> timedelta:
    """So many days, hours and minutes before the demo was started."""
    return timedelta(days=d, hours=h, minutes=m)


def says(before: timedelta, text: str) -> Act:
    return Act(before, lambda chat: chat.text(text))


def writes(before: timedelta, subject: str, text: str, *files: tuple[str, str, bytes]) -> Act:
    """Begins a correspondence with a letter."""

    def send(mail: Mail) -> int:
        return mail.letters.write(text, subject=subject, files=files)

    return Act(before, send)


def answers_a_story(before: timedelta, text: str) -> Act:
    """Writes about a story of the shop's on Instagram."""

    def answer(phone: InstagramPhone) -> str:
        return phone.chat.story_reply(text)

    return Act(before, answer)


def taps_an_ad(before: timedelta, text: str) -> Act:
    """Writes by the button of an advertisement on Instagram."""

    def tap(phone: InstagramPhone) -> str:
        return phone.chat.from_ad(text)

    return Act(before, tap)


def by_hand(before: timedelta, text: str) -> Act:
    """The shop answers from a mail program, past the inbox."""

    def send(mail: Mail) -> int:
        return mail.letters.shop_writes(text, answers=mail.letters.letters[0].id)

    return Act(before, send)


def looks(before: timedelta) -> Act:
    """Reads what the shop wrote, in an app that tells the shop."""
    return Act(before, lambda chat: chat.read(), silent=True)


def starts(before: timedelta, payload: str = "") -> Act:
    """Opens the bot by its link."""
    return Act(before, lambda chat: chat.start(payload))


def corrects(before: timedelta, text: str) -> Act:
    """Edits the last text of their own."""

    def edit(chat: Chat) -> None:
        own = [message for message in chat.messages if not message.from_shop and "text" in message.content]
        chat.edit(own[-1].id, text)

    return Act(before, edit, silent=True)


def likes(before: timedelta, emoji: str) -> Act:
    """Reacts to the shop's last message."""
    return Act(before, lambda chat: chat.react(chat.seen()[-1].id, emoji), silent=True)


def answers(before: timedelta, by: str, text: str) -> Reply:
    return Reply(ago=before, by=by, text=text)


def notes(before: timedelta, by: str, text: str) -> Reply:
    return Reply(ago=before, by=by, text=text, note=True)
