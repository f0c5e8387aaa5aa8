"""Ready-made words for every status of the default pipeline, in four languages, and for any other by its title.

A text is made of sentences, a sentence of variants: the first one whose values are all known is said, and a sentence
with none is left out. The first sentence needs only the order's number, so no text is empty and none has a blank.
"""

import string
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

Sentence = str | tuple[str, ...]

FALLBACK: Final = "en"

PARCEL: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "uk": (
            "Перевізник — {carrier}, номер відправлення {tracking_number}.",
            "Номер відправлення: {tracking_number}.",
            "Перевізник — {carrier}.",
        ),
        "ru": (
            "Перевозчик — {carrier}, номер отправления {tracking_number}.",
            "Номер отправления: {tracking_number}.",
            "Перевозчик — {carrier}.",
        ),
        "en": (
            "It travels with {carrier} under the number {tracking_number}.",
            "Its tracking number is {tracking_number}.",
            "It travels with {carrier}.",
        ),
        "ka": (
            "გადამზიდი: {carrier}, გზავნილის ნომერი: {tracking_number}.",
            "გზავნილის ნომერი: {tracking_number}.",
            "გადამზიდი: {carrier}.",
        ),
    }
)
"""With whom an order travels, and under which number, by language."""

TEXTS: Final[Mapping[str, Mapping[str, Sequence[Sentence]]]] = MappingProxyType(
    {
        "uk": {
            "new": ("Ваше замовлення №{number} прийнято.", "Сума: {sum}.", "Дякуємо, що обрали {shop}!"),
            "confirmed": ("Ваше замовлення №{number} підтверджено.", "Сума: {sum}.", "Дякуємо, що обрали {shop}!"),
            "awaiting_payment": ("Замовлення №{number} очікує оплати.", "До сплати: {sum}."),
            "paid": ("Оплату замовлення №{number} отримано, дякуємо!", "Сума: {sum}."),
            "packed": ("Ваше замовлення №{number} зібрано, незабаром відправимо.",),
            "shipped": ("Ваше замовлення №{number} відправлено.", PARCEL["uk"]),
            "delivered": ("Ваше замовлення №{number} доставлено.", "Дякуємо, що обрали {shop}!"),
            "returned": ("Замовлення №{number} повернено.", "Якщо це помилка, напишіть нам."),
            "cancelled": ("Замовлення №{number} скасовано.", "Якщо це помилка, напишіть нам."),
            "": ("Новий статус вашого замовлення №{number}: {status}.",),
        },
        "ru": {
            "new": ("Ваш заказ №{number} принят.", "Сумма: {sum}.", "Спасибо, что выбрали {shop}!"),
            "confirmed": ("Ваш заказ №{number} подтверждён.", "Сумма: {sum}.", "Спасибо, что выбрали {shop}!"),
            "awaiting_payment": ("Заказ №{number} ожидает оплаты.", "К оплате: {sum}."),
            "paid": ("Оплата заказа №{number} получена, спасибо!", "Сумма: {sum}."),
            "packed": ("Ваш заказ №{number} собран, скоро отправим.",),
            "shipped": ("Ваш заказ №{number} отправлен.", PARCEL["ru"]),
            "delivered": ("Ваш заказ №{number} доставлен.", "Спасибо, что выбрали {shop}!"),
            "returned": ("Заказ №{number} возвращён.", "Если это ошибка, напишите нам."),
            "cancelled": ("Заказ №{number} отменён.", "Если это ошибка, напишите нам."),
            "": ("Новый статус вашего заказа №{number}: {status}.",),
        },
        "en": {
            "new": ("We have your order {number}.", "The total is {sum}.", "Thank you for choosing {shop}!"),
            "confirmed": ("Your order {number} is confirmed.", "The total is {sum}.", "Thank you for choosing {shop}!"),
            "awaiting_payment": ("Your order {number} awaits payment.", "To be paid: {sum}."),
            "paid": ("We have your payment for order {number}, thank you!", "The total is {sum}."),
            "packed": ("Your order {number} is packed and leaves soon.",),
            "shipped": ("Your order {number} is on its way.", PARCEL["en"]),
            "delivered": ("Your order {number} is delivered.", "Thank you for choosing {shop}!"),
            "returned": ("Your order {number} came back to us.", "If that is a mistake, write to us."),
            "cancelled": ("Your order {number} is cancelled.", "If that is a mistake, write to us."),
            "": ("Your order {number} has a new status: {status}.",),
        },
        "ka": {
            "new": ("თქვენი შეკვეთა №{number} მიღებულია.", "თანხა: {sum}.", "გმადლობთ, რომ აირჩიეთ {shop}!"),
            "confirmed": ("თქვენი შეკვეთა №{number} დადასტურებულია.", "თანხა: {sum}.", "გმადლობთ, რომ აირჩიეთ {shop}!"),
            "awaiting_payment": ("შეკვეთა №{number} გადახდას ელოდება.", "გადასახდელი თანხა: {sum}."),
            "paid": ("შეკვეთის №{number} გადახდა მიღებულია, გმადლობთ!", "თანხა: {sum}."),
            "packed": ("თქვენი შეკვეთა №{number} შეფუთულია და მალე გაიგზავნება.",),
            "shipped": ("თქვენი შეკვეთა №{number} გაგზავნილია.", PARCEL["ka"]),
            "delivered": ("თქვენი შეკვეთა №{number} ჩაბარებულია.", "გმადლობთ, რომ აირჩიეთ {shop}!"),
            "returned": ("შეკვეთა №{number} დაბრუნებულია.", "თუ ეს შეცდომაა, მოგვწერეთ."),
            "cancelled": ("შეკვეთა №{number} გაუქმებულია.", "თუ ეს შეცდომაა, მოგვწერეთ."),
            "": ("თქვენი შეკვეთის №{number} ახალი სტატუსი: {status}.",),
        },
    }
)
"""Sentences by language and status; the status "" stands for those that a shop made itself."""


_SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "uk": "Замовлення №{number}: {status}",
        "ru": "Заказ №{number}: {status}",
        "en": "Order {number}: {status}",
        "ka": "შეკვეთა №{number}: {status}",
    }
)


def subject_of(language: str, values: Mapping[str, str]) -> str:
    """What a notice is about, in a line: `values` are at least number and status (its title)."""
    return _SUBJECTS[language].format_map(values)


def language_of(wishes: Sequence[str]) -> str:
    """The first of these languages that there are texts in."""
    return next((wish for wish in wishes if wish in TEXTS), FALLBACK)


def ready_made(status: str, language: str, values: Mapping[str, str]) -> str:
    """The words for a status. `values` are number, status (its title), sum, carrier, tracking_number and shop."""
    texts = TEXTS[language]
    sentences = (said(sentence, values) for sentence in texts.get(status) or texts[""])
    return " ".join(sentence for sentence in sentences if sentence)


def said(sentence: Sentence, values: Mapping[str, str]) -> str:
    """The first variant of a sentence whose values are all known, filled in; empty where there is none."""
    variants = (sentence,) if isinstance(sentence, str) else sentence
    known = (variant for variant in variants if all(values.get(name) for name in _names(variant)))
    return next((variant.format_map(values) for variant in known), "")


def _names(variant: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(variant) if name is not None]
