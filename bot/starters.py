"""The rules of a fresh installation. They wait, disabled, for somebody who wants them."""

from typing import Any

GREETING = "Greeting"
OFF_HOURS = "Off-hours"
QUEUE = "Place in the queue"

STARTERS: tuple[dict[str, Any], ...] = (
    {
        "name": GREETING,
        "enabled": False,
        "trigger": "conversation_opened",
        "conditions": [{"type": "opening", "is": "first"}],
        "actions": [
            {
                "type": "reply",
                # Promises no haste: at night both rules may answer, and they must not contradict each other.
                "text": {
                    "uk": "Вітаємо! Дякуємо за повідомлення: ми його отримали, менеджер відповість вам тут.",
                    "ru": "Здравствуйте! Спасибо за сообщение: мы его получили, менеджер ответит вам здесь.",
                    "en": "Hello! Thank you for your message: we have it, and a manager will answer you here.",
                    "ka": "გამარჯობა! მადლობა შეტყობინებისთვის: მივიღეთ და მენეჯერი აქვე გიპასუხებთ.",
                },
            }
        ],
    },
    {
        "name": OFF_HOURS,
        "enabled": False,
        "trigger": "conversation_opened",
        "conditions": [{"type": "hours", "is": "closed"}],
        "actions": [
            {
                "type": "reply",
                "text": {
                    "uk": "Зараз ми зачинені. Відповімо {{ shop.opens }}.",
                    "ru": "Сейчас мы закрыты. Ответим {{ shop.opens }}.",
                    "en": "We are closed at the moment. We will answer {{ shop.opens }}.",
                    "ka": "ამჟამად დაკეტილი ვართ. გიპასუხებთ {{ shop.opens }}.",
                },
            }
        ],
    },
    {
        # Says nothing to whoever a manager takes at once, and where nobody knows how long it will last.
        "name": QUEUE,
        "enabled": False,
        "trigger": "conversation_opened",
        "conditions": [],
        "actions": [
            {
                "type": "reply",
                "text": {
                    "uk": "Ваше місце в черзі: {{ queue.place }}. Орієнтовний час очікування: {{ queue.minutes }} хв.",
                    "ru": "Ваше место в очереди: {{ queue.place }}. Примерное время ожидания: {{ queue.minutes }} мин.",
                    "en": "Your place in the queue: {{ queue.place }}. Expected wait: about {{ queue.minutes }} min.",
                    "ka": "თქვენი ადგილი რიგში: {{ queue.place }}. მოლოდინის სავარაუდო დრო: {{ queue.minutes }} წთ.",
                },
            }
        ],
    },
)
