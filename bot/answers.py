"""What fits as an answer to a question of a rule, and how it is asked for anew where nothing does."""

from collections.abc import Mapping
from typing import Any

from inbox.model.contacts import email_address, is_address, phone_number
from inbox.model.customer_fields import MAX_VALUE, CustomerField, FieldType

AGAIN: Mapping[str, Mapping[str, str]] = {
    "choice": {
        "uk": "Будь ласка, оберіть один із варіантів.",
        "ru": "Пожалуйста, выберите один из вариантов.",
        "en": "Please choose one of these.",
        "ka": "გთხოვთ, აირჩიოთ ერთ-ერთი ვარიანტი.",
    },
    "text": {
        "uk": "Будь ласка, напишіть відповідь текстом.",
        "ru": "Пожалуйста, напишите ответ текстом.",
        "en": "Please write your answer as text.",
        "ka": "გთხოვთ, დაწეროთ პასუხი ტექსტით.",
    },
    "number": {
        "uk": "Будь ласка, напишіть число, наприклад 12.",
        "ru": "Пожалуйста, напишите число, например 12.",
        "en": "Please write a number, such as 12.",
        "ka": "გთხოვთ, დაწეროთ რიცხვი, მაგალითად 12.",
    },
    "phone": {
        "uk": "Це не схоже на номер телефону. Напишіть його, будь ласка, ще раз із кодом.",
        "ru": "Это не похоже на номер телефона. Напишите его, пожалуйста, ещё раз с кодом.",
        "en": "That does not look like a phone number. Please write it again with its code.",
        "ka": "ეს ტელეფონის ნომერს არ ჰგავს. გთხოვთ, დაწეროთ კიდევ ერთხელ, კოდით.",
    },
    "email": {
        "uk": "Це не схоже на адресу пошти. Напишіть її, будь ласка, ще раз: name@example.com.",
        "ru": "Это не похоже на адрес почты. Напишите его, пожалуйста, ещё раз: name@example.com.",
        "en": "That does not look like an e-mail address. Please write it again: name@example.com.",
        "ka": "ეს ელფოსტის მისამართს არ ჰგავს. გთხოვთ, დაწეროთ კიდევ ერთხელ: name@example.com.",
    },
    "date": {
        "uk": "Будь ласка, напишіть дату так: 31.12.2026.",
        "ru": "Пожалуйста, напишите дату так: 31.12.2026.",
        "en": "Please write the date like this: 31.12.2026.",
        "ka": "გთხოვთ, დაწეროთ თარიღი ასე: 31.12.2026.",
    },
}
"""By what is expected and language."""

_READERS = {
    "text": CustomerField(code="answer", title="", type=FieldType.TEXT),
    "number": CustomerField(code="answer", title="", type=FieldType.NUMBER),
    "date": CustomerField(code="answer", title="", type=FieldType.DATE),
}


def fitting(expects: str, message: Mapping[str, Any], region: str) -> str | None:
    """What a message answers, in the form in which cards keep it; None where it is no such thing.

    `region` is the country in which phone numbers without one are read. A shared contact is a phone as a typed one is.
    """
    content = message.get("content")
    text: str = message["text"].strip()
    if content is not None and content["type"] == "contact" and expects == "phone":
        text = content["phone"]
    elif content is not None:
        return None
    if not text or len(text) > MAX_VALUE:
        return None
    if expects == "phone":
        return phone_number(text, region)
    if expects == "email":
        address = email_address(text)
        return address if is_address(address) else None
    reader = _READERS.get(expects)
    try:
        return reader.normalised(text) if reader is not None else None
    except ValueError:
        return None
