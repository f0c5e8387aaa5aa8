"""Where the demo's customers write whose app is no chat as `web.demo.script.Phone` knows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from channels.email.sandbox import Correspondence
from channels.instagram.sandbox import Chat

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """A message or a letter. `date` in seconds."""

    id: str
    from_shop: bool
    date: float
    text: str


class InstagramPhone:
    """Instagram, where the shop's side is an account; what only Instagram has is done in `chat`."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.bot = chat.account

    @property
    def clock(self) -> Callable[[], float]:
        return self.chat.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self.chat.clock = clock

    @property
    def user_id(self) -> str:
        return self.chat.customer.id

    @property
    def messages(self) -> Sequence[Said]:
        return [Said(one.id, one.from_shop, one.at / 1000, one.text) for one in self.chat.messages]

    def external_id(self, message: Said) -> str:
        return message.id

    def text(self, text: str) -> str:
        return self.chat.text(text)

    def photo(self, data: bytes, *, caption: str = "") -> str:
        return self.chat.photo(data, caption=caption)

    def read(self) -> None:
        self.chat.see()

    def react(self, message_id: str, *emoji: str) -> None:
        self.chat.react(message_id, *emoji)

    def seen(self) -> Sequence[Any]:
        return self.chat.seen()

    async def until(self, condition: "Callable[[InstagramPhone], T]", *, seconds: float = 10.0) -> T:
        return await self.chat.until(lambda _: condition(self), seconds=seconds)


class Mail:
    """A mailbox of a customer's, where every text is a letter: the first with a subject, the others answers."""

    def __init__(self, letters: Correspondence) -> None:
        self.letters = letters
        self.bot = self

    @property
    def clock(self) -> Callable[[], float]:
        return self.letters.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self.letters.clock = clock

    @property
    def user_id(self) -> str:
        return self.letters.customer.address

    @property
    def messages(self) -> Sequence[Said]:
        return [Said(self.letters.external_id(one), one.from_shop, one.date, one.text) for one in self.letters.letters]

    def external_id(self, message: Said) -> str:
        return message.id

    def text(self, text: str) -> int:
        """Answer the shop's last letter."""
        return self.letters.write(text, answers=max(one.id for one in self.letters.letters if one.from_shop))

    async def drained(self, *, seconds: float) -> None:
        """Wait until the shop has every letter."""
        await self.letters.drained(seconds=seconds)

    async def until(self, condition: "Callable[[Mail], T]", *, seconds: float = 10.0) -> T:
        return await self.letters.until(lambda _: condition(self), seconds=seconds)
