"""How the demo's customers ask for what its macros answer: what was learned in the weeks before.

As with numbers (`web.demo.past`), only what would be kept of it is put in, and nobody is there who wrote it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.likeness import circumstances, features, packed
from inbox.storage.database import Document

ASKED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "вітаю": {
        "uk": ("Доброго дня!", "Вітаю, є хтось?", "Добрий день, можна питання?", "Привіт"),
        "en": ("Hello!", "Hi, is anybody there?", "Good evening, may I ask something?"),
        "ru": ("Здравствуйте!", "Добрый день, можно вопрос?", "Привет, есть кто-нибудь?"),
        "ka": ("გამარჯობა!", "დილა მშვიდობისა", "გამარჯობა, შეიძლება გკითხოთ?"),
    },
    "відправка": {
        "uk": (
            "Коли відправите моє замовлення?",
            "А сьогодні ще встигнете відправити?",
            "Коли буде відправка? Потрібно на суботу",
            "Скільки днів чекати відправлення?",
        ),
        "en": ("When will you ship it?", "Can it go out today?", "How soon do you dispatch? It is a present."),
        "ru": ("Когда отправите заказ?", "Успеете отправить сегодня?", "Сколько ждать отправки?"),
        "ka": ("როდის გააგზავნით?", "დღეს მოასწრებთ გაგზავნას?", "რამდენ ხანში აგზავნით?"),
    },
    "розміри": {
        "uk": (
            "Які розміри скриньок?",
            "Підкажіть, скільки сантиметрів у довжину середня?",
            "Яка висота великої скриньки?",
            "Чи влізе туди альбом? Які габарити",
        ),
        "en": ("What sizes do you have?", "How big is the medium box?", "What are the dimensions in cm?"),
        "ru": ("Какие размеры у шкатулок?", "Сколько сантиметров большая?", "Какая глубина внутри?"),
        "ka": ("რა ზომებია?", "რამდენი სანტიმეტრია დიდი ყუთი?", "საშუალო რა ზომისაა?"),
    },
    "оплата": {
        "uk": (
            "Як можна оплатити?",
            "Можна карткою? Скиньте реквізити",
            "А накладений платіж є?",
            "Куди переказати гроші за замовлення",
        ),
        "en": ("How can I pay?", "Do you take cards?", "Can I pay on delivery?", "Where do I send the money?"),
        "ru": ("Как оплатить?", "Можно картой? Пришлите реквизиты", "Есть наложенный платёж?"),
        "ka": ("როგორ გადავიხადო?", "ბარათით გადახდა შეიძლება?", "ადგილზე გადახდა გაქვთ?"),
    },
    "ттн": {
        "uk": (
            "Де моє замовлення?",
            "Де моя посилка, вже тиждень чекаю",
            "Скажіть номер накладної, будь ласка",
            "Ще не приїхало, що з доставкою?",
        ),
        "en": ("Where is my order?", "Has my parcel been sent? Any tracking number?", "It has not arrived yet"),
        "ru": ("Где мой заказ?", "Посылка ещё не приехала, где она?", "Дайте номер накладной"),
        "ka": ("სად არის ჩემი შეკვეთა?", "ამანათი ჯერ არ მოსულა", "მომწერეთ გზავნილის ნომერი"),
    },
    "дякую": {
        "uk": (
            "Отримала, дуже гарна, дякую!",
            "Скринька неймовірна, дякую майстрам",
            "Все прийшло, подарунок сподобався!",
            "Приїхала, краса! Щиро дякую",
        ),
        "en": ("It arrived, it is beautiful, thank you!", "We love the box, thanks a lot", "Got it today, perfect!"),
        "ru": ("Получила, очень красиво, спасибо!", "Всё пришло, мастерам спасибо", "Подарок понравился, благодарю!"),
        "ka": ("მივიღე, ძალიან ლამაზია, მადლობა!", "ყუთი მშვენიერია, დიდი მადლობა", "ამანათი მოვიდა, გმადლობთ"),
    },
    "львів": {
        "uk": (
            "Чи можна забрати самому у Львові?",
            "Куди приїхати, щоб забрати замовлення?",
            "Де ваша майстерня? Хочу самовивіз",
            "До котрої працюєте, зайду забрати",
        ),
        "en": ("Can I pick it up in Lviv?", "Where is your workshop?"),
        "ru": ("Можно забрать самому во Львове?", "Где ваша мастерская, какой адрес?"),
    },
}
"""What is asked, by the macro that answers it and by language."""

_APART: Final = timedelta(hours=17)
"""How long the shop went between two of these answers."""


def learned(macros: Mapping[str, Document], present: datetime) -> Iterator[Document]:
    """The cases in which these macros, by their keys, were sent before `present`, as they are stored."""
    asked = [
        (macros[key]["_id"], language, phrase)
        for key, phrases in ASKED.items()
        for language, told in phrases.items()
        for phrase in told
    ]
    for number, (macro_id, language, phrase) in enumerate(asked):
        known = {**features(phrase), **circumstances([f"language:{language}"])}
        yield {
            "_id": f"past:{number}",
            "macro_id": macro_id,
            "customer_id": "",
            "at": present - _APART * (number + 1),
            "features": packed(known),
        }
