"""What the bot says of orders, in four languages. Pure: facts come in, words go out.

A stranger who named number and phone is told less than the customer: nothing of the goods, and never a name, an address
or a sum. Of a parcel our own words are said, never the carrier's: those may name a branch.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final

import msgspec

from inbox.model.carrier import Stage
from inbox.model.notice_texts import FALLBACK, PARCEL, said, subject_of

LANGUAGES: Final = tuple(PARCEL)
LISTED: Final = 5
"""How many orders are listed."""

ITEMS: Final = 3
"""How many goods are named."""

_UNDERWAY: Final = (Stage.UNKNOWN, Stage.CREATED, Stage.MOVING)


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said in a language; what stands in braces is filled in."""

    items: str
    more: str
    page: str
    expected: str
    refreshed: str
    several: str
    number: str
    nearest: str
    ask_number: str
    ask_phone: str
    not_found: str
    not_found_again: str
    handed_over: str
    person: str
    refresh: str
    other: str
    stages: Mapping[Stage, str]


WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "uk": Words(
            items="У замовленні: {items}.",
            more="{items} і ще {count}",
            page="Стежити: {page}",
            expected="Очікувана дата доставки: {day}.",
            refreshed="Перевірено щойно, о {time}.",
            several="Ваші замовлення:",
            number="№{number}",
            nearest="Номера {written} серед ваших замовлень немає; найближчий до нього такий.",
            ask_number="Щоб знайти замовлення, напишіть його номер і телефон, на який воно оформлене.",
            ask_phone="Дякую. Тепер напишіть телефон, на який оформлене замовлення.",
            not_found="Замовлення з таким номером і телефоном не знайшлося. "
            "Перевірте, будь ласка, обидва і надішліть їх ще раз одним повідомленням.",
            not_found_again="На жаль, і з цими номером і телефоном замовлення не знайшлося. "
            "Передаю розмову менеджеру: він відповість вам тут.",
            handed_over="Передаю розмову менеджеру: він відповість вам тут.",
            person="До менеджера",
            refresh="Оновити",
            other="Інше замовлення",
            stages={
                Stage.CREATED: "Посилку оформлено, перевізник ще не отримав її.",
                Stage.MOVING: "Посилка в дорозі.",
                Stage.ARRIVED: "Посилка вже чекає, коли її заберуть.",
                Stage.DELIVERED: "Посилку отримано.",
                Stage.RETURNED: "Посилка повертається до нас.",
                Stage.CANCELLED: "Відправлення скасовано.",
            },
        ),
        "ru": Words(
            items="В заказе: {items}.",
            more="{items} и ещё {count}",
            page="Отследить: {page}",
            expected="Ожидаемая дата доставки: {day}.",
            refreshed="Проверено только что, в {time}.",
            several="Ваши заказы:",
            number="№{number}",
            nearest="Номера {written} среди ваших заказов нет; ближайший к нему такой.",
            ask_number="Чтобы найти заказ, напишите его номер и телефон, на который он оформлен.",
            ask_phone="Спасибо. Теперь напишите телефон, на который оформлен заказ.",
            not_found="Заказ с таким номером и телефоном не нашёлся. "
            "Проверьте, пожалуйста, и то и другое и пришлите ещё раз одним сообщением.",
            not_found_again="К сожалению, и с этими номером и телефоном заказ не нашёлся. "
            "Передаю разговор менеджеру: он ответит вам здесь.",
            handed_over="Передаю разговор менеджеру: он ответит вам здесь.",
            person="К менеджеру",
            refresh="Обновить",
            other="Другой заказ",
            stages={
                Stage.CREATED: "Посылка оформлена, перевозчик ещё не получил её.",
                Stage.MOVING: "Посылка в пути.",
                Stage.ARRIVED: "Посылка уже ждёт, когда её заберут.",
                Stage.DELIVERED: "Посылка получена.",
                Stage.RETURNED: "Посылка возвращается к нам.",
                Stage.CANCELLED: "Отправление отменено.",
            },
        ),
        "en": Words(
            items="In it: {items}.",
            more="{items} and {count} more",
            page="Follow it: {page}",
            expected="It is expected on {day}.",
            refreshed="Looked up just now, at {time}.",
            several="Your orders:",
            number="Order {number}",
            nearest="None of your orders has the number {written}; this is the nearest.",
            ask_number="To find the order, write its number and the phone that it was placed with.",
            ask_phone="Thank you. Now write the phone that the order was placed with.",
            not_found="There is no order with this number and phone. "
            "Please check both and send them once more in one message.",
            not_found_again="Sorry, there is no order with this number and phone either. "
            "I hand you over to a person, who answers you here.",
            handed_over="I hand you over to a person, who answers you here.",
            person="Talk to a person",
            refresh="Refresh",
            other="Another order",
            stages={
                Stage.CREATED: "The parcel is announced; the carrier does not have it yet.",
                Stage.MOVING: "The parcel is on its way.",
                Stage.ARRIVED: "The parcel waits to be collected.",
                Stage.DELIVERED: "The parcel was received.",
                Stage.RETURNED: "The parcel is on its way back to us.",
                Stage.CANCELLED: "The shipment was cancelled.",
            },
        ),
        "ka": Words(
            items="შეკვეთაში: {items}.",
            more="{items} და კიდევ {count}",
            page="თვალის დევნება: {page}",
            expected="მიწოდების სავარაუდო თარიღი: {day}.",
            refreshed="შემოწმდა ახლახან, {time}-ზე.",
            several="თქვენი შეკვეთები:",
            number="№{number}",
            nearest="თქვენს შეკვეთებში ნომერი {written} არ არის; ყველაზე ახლოსაა ეს.",
            ask_number="შეკვეთის მოსაძებნად მოგვწერეთ მისი ნომერი და ტელეფონი, რომლითაც ის გაფორმდა.",
            ask_phone="გმადლობთ. ახლა მოგვწერეთ ტელეფონი, რომლითაც შეკვეთა გაფორმდა.",
            not_found="ასეთი ნომრითა და ტელეფონით შეკვეთა ვერ მოიძებნა. "
            "გთხოვთ, გადაამოწმოთ ორივე და ერთი შეტყობინებით კიდევ ერთხელ გამოგვიგზავნოთ.",
            not_found_again="სამწუხაროდ, ამ ნომრითა და ტელეფონითაც შეკვეთა ვერ მოიძებნა. "
            "საუბარს მენეჯერს გადავცემ: ის აქვე გიპასუხებთ.",
            handed_over="საუბარს მენეჯერს გადავცემ: ის აქვე გიპასუხებთ.",
            person="მენეჯერთან",
            refresh="განახლება",
            other="სხვა შეკვეთა",
            stages={
                Stage.CREATED: "გზავნილი გაფორმებულია, გადამზიდს ჯერ არ მიუღია.",
                Stage.MOVING: "გზავნილი გზაშია.",
                Stage.ARRIVED: "გზავნილი უკვე გელოდებათ.",
                Stage.DELIVERED: "გზავნილი მიღებულია.",
                Stage.RETURNED: "გზავნილი ჩვენთან ბრუნდება.",
                Stage.CANCELLED: "გზავნილი გაუქმებულია.",
            },
        ),
    }
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an order: `status` is its title in the customer's language, `page` the carrier's about it."""

    number: str
    status: str
    items: Sequence[Mapping[str, Any]] = ()
    carrier: str = ""
    tracking_number: str = ""
    page: str = ""
    stage: Stage = Stage.UNKNOWN
    expected_on: str = ""
    """As YYYY-MM-DD; empty where nobody says."""


def language_of(*wishes: str | None) -> str:
    """The first of these languages in which something can be said."""
    return next((wish for wish in wishes if wish and wish in WORDS), FALLBACK)


def answer(facts: Facts, language: str, *, today: date, whole: bool) -> str:
    """An order in words; to a stranger (not `whole`) without its goods."""
    words = WORDS[language]
    lines = [line(facts, language)]
    if whole and facts.items:
        lines.append(words.items.format(items=_goods(facts.items, words)))
    parcel = said(PARCEL[language], {"carrier": facts.carrier, "tracking_number": facts.tracking_number})
    told = [parcel, words.stages.get(facts.stage, "") if facts.tracking_number else ""]
    lines.append(" ".join(one for one in told if one))
    if facts.page:
        lines.append(words.page.format(page=facts.page))
    day = _day(facts.expected_on) if facts.stage in _UNDERWAY else None
    if day is not None and day >= today:
        lines.append(words.expected.format(day=f"{day:%d.%m.%Y}"))
    return "\n".join(one for one in lines if one)


def line(facts: Facts, language: str) -> str:
    """An order in one line: its number and how far it is."""
    return subject_of(language, {"number": bare(facts.number), "status": facts.status}) + "."


def overview(orders: Sequence[Facts], language: str) -> str:
    """Several orders, a line each."""
    return "\n".join([WORDS[language].several, *(line(facts, language) for facts in orders)])


def bare(number: str) -> str:
    """A number without the sign for one, which the words bring themselves."""
    return number.lstrip("#№ ")


def _goods(items: Sequence[Mapping[str, Any]], words: Words) -> str:
    named = [
        item["name"][:60] if str(item["quantity"]) == "1" else f"{item['quantity']} × {item['name'][:60]}"
        for item in items[:ITEMS]
    ]
    goods = ", ".join(named)
    return words.more.format(items=goods, count=len(items) - ITEMS) if len(items) > ITEMS else goods


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
