"""The understanding that is always there: needs no network, no library and next to no memory."""

from bot.understanding.reading import CONFIDENCE, Intent, Reading

_SURE: dict[Intent, tuple[str, ...]] = {
    "order_status": ("где мой заказ", "де моє замовлення", "where is my order", "სად არის ჩემი შეკვეთა"),
    "person": ("оператор", "менеджер", "operator", "ოპერატორი"),
    "thanks": ("дякую", "спасибо", "thanks", "მადლობა"),
    "greeting": ("привіт", "добрий день", "здравствуйте", "hello", "გამარჯობა"),
}


class BuiltIn:
    """Reads by words that leave no doubt."""

    def __init__(self, confidence: float = CONFIDENCE) -> None:
        self._confidence = confidence

    async def read(self, text: str) -> Reading:
        """See `Understanding`."""
        said = " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())
        for intent, phrases in _SURE.items():
            if any(said.startswith(phrase) for phrase in phrases):
                return Reading(intent, 1.0) if self._confidence <= 1.0 else Reading(None, 1.0)
        return Reading()
