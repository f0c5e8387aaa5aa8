"""A shop's past, made up: messages in four languages whose words are as frequent as words are.

Words follow Zipf's law over some 130,000 forms, so that a query has something to find at every frequency; a share of
messages names an order, a telephone number, an e-mail address or a page. The same seed makes the same shop.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from inbox.model.ids import derived_id, sort_key

SEED = 41
MESSAGES_A_CASE = 20
"""How long a conversation is, on the average."""

END = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = timedelta(days=730)


class _Language(NamedTuple):
    """What a language's words are made of: common words, and syllables with endings for all others."""

    share: float
    forms: int
    common: str
    syllables: str
    endings: str


_LANGUAGES: dict[str, _Language] = {
    "uk": _Language(
        share=0.55,
        forms=60_000,
        common=(
            "і в на не що я з до є це за у та як чи по від але ви ми для а же ще так добрий день дякую"
            " замовлення коли можна скільки коштує доставка розмір наявності будь ласка оплата карткою"
            " накладений платіж відділення пошти відправили посилка прийшла повернення обмін колір чорний білий"
            " гроші номер телефону буде завтра сьогодні"
        ),
        syllables=(
            "ба ве гри до жи за ки ло ме ни пе ро сто ту ха це чо ша щі по при роз від над пере ко ля ві мо ль"
            " ні зва сті тор мі рі сла хо дя кі лю"
        ),
        endings="а ий ого ому ою ах и ів ам ати ить ила али ння нням ка ки ку ість ості ський",
    ),
    "ru": _Language(
        share=0.27,
        forms=45_000,
        common=(
            "и в на не что я с до есть это за у как ли по от но вы мы для а же еще да добрый день спасибо заказ"
            " когда можно сколько стоит доставка размер наличии пожалуйста оплата картой наложенный платеж"
            " отделение почты отправили посылка пришла возврат обмен цвет черный белый деньги номер телефона"
            " будет завтра сегодня"
        ),
        syllables=(
            "ба ве гри до жи за ки ло ме не пе ро сто ту ха це чо ша щи по при раз от над пере ко ля ви мо ль"
            " ны зва сти тор ми ры сла хо дя ке лю"
        ),
        endings="а ый ого ому ой ах и ов ам ать ит ила али ние нием ка ки ку ость ости ский",
    ),
    "en": _Language(
        share=0.13,
        forms=20_000,
        common=(
            "the to and a is of in it you for i my on with order when can how much delivery size please thanks"
            " payment card parcel arrived return exchange colour black white money number phone will tomorrow"
            " today stock"
        ),
        syllables="ba ter con de in lo pre re sta tu ver mi no pla qui sho tra ble per sur",
        endings="s ed ing er ly tion ness able est",
    ),
    "ka": _Language(
        share=0.05,
        forms=8_000,
        common=(
            "და არის რომ გამარჯობა მადლობა შეკვეთა როდის რა ღირს მიწოდება ზომა გთხოვთ გადახდა ფოსტა ამანათი"
            " დაბრუნება ფერი შავი თეთრი ფული ნომერი ხვალ დღეს"
        ),
        syllables="ბა ვე გი და ზა კი ლო მე ნი პე რო სა ტუ ხა ცე ჩო შა",
        endings="ი ს მა ით ად ები ების",
    ),
}

_NAMES_ORDER = 0.05
_NAMES_PHONE = 0.08
_NAMES_EMAIL = 0.09
"""Of chances up to these, a message names an order, a telephone number, an e-mail address."""

_INBOUND = 0.6


class Corpus:
    """Messages of a made-up shop, oldest first, as they are stored."""

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.cases = max(1, messages // MESSAGES_A_CASE)
        self._chance = random.Random(SEED)
        self._words = {language: self._vocabulary(language) for language in _LANGUAGES}
        self._weights = {
            language: list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))
            for language, words in self._words.items()
        }
        self._languages = list(_LANGUAGES)
        self._shares = list(accumulate(language.share for language in _LANGUAGES.values()))

    def _vocabulary(self, language: str) -> list[str]:
        """Forms of a language, the most frequent first."""
        made_of = _LANGUAGES[language]
        roots, tails = made_of.syllables.split(), made_of.endings.split()
        words = dict.fromkeys(made_of.common.split())
        while len(words) < made_of.forms:
            stem = "".join(self._chance.choices(roots, k=self._chance.choice((1, 2, 2, 2, 3, 3))))
            for tail in self._chance.sample(tails, k=self._chance.randint(1, 6)):
                words[stem + tail] = None
        return list(words)

    def words(self, language: str) -> list[str]:
        """The vocabulary of a language, the most frequent first."""
        return self._words[language]

    def phone(self) -> str:
        """A telephone number of one of the shop's customers, as people write it."""
        customer = self._chance.randrange(self.cases)
        return f"(0{50 + customer % 49}) {1_000_000 + customer * 7919 % 9_000_000}"

    def text(self) -> str:
        """What somebody writes."""
        chance = self._chance
        language = chance.choices(self._languages, cum_weights=self._shares)[0]
        length = max(1, min(60, round(chance.lognormvariate(2.0, 0.75))))
        said = chance.choices(self._words[language], cum_weights=self._weights[language], k=length)
        said[0] = said[0].capitalize()
        more = chance.random()
        if more < _NAMES_ORDER:
            said.append(f"№{chance.randrange(10_000, 10_000 + self.messages // 10)}")
        elif more < _NAMES_PHONE:
            said.append(f"+38 {self.phone()}")
        elif more < _NAMES_EMAIL:
            said.append(f"{chance.choice(self._words['en'])}{chance.randrange(100)}@mail.example")
        return " ".join(said)

    def documents(self) -> Iterator[dict[str, Any]]:
        """The messages."""
        step = SPAN / self.messages
        for position in range(self.messages):
            at = END - SPAN + step * position
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            # People write while their case is open: a case's messages lie near each other.
            case = min(self.cases - 1, max(0, round(self._chance.gauss(position / MESSAGES_A_CASE, 30))))
            customer = derived_id("customer", str(case // 2))
            yield {
                "_id": derived_id("message", str(position)),
                "conversation_id": derived_id("conversation", str(case)),
                "customer_id": customer,
                "channel_id": derived_id("channel", str(case % 3)),
                "identity_id": derived_id("identity", customer),
                "external_ids": [f"{case}:{position}"],
                "direction": "in" if self._chance.random() < _INBOUND else "out",
                "author": {"type": "customer", "id": customer, "name": "", "machine": False},
                "text": self.text(),
                "entities": [],
                "attachments": [],
                "content": None,
                "forwarded": False,
                "state": "received",
                "reply_to": None,
                "error": None,
                "sort": sort_key(at, position),
                "sent_at": at,
                "received_at": at,
                "created_at": at,
                "edited_at": None,
                "deleted_at": None,
                "reactions": [],
                "automatic": False,
            }
