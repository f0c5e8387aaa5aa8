"""The understanding that is always there: it needs no network, no library and next to no memory."""

from typing import TYPE_CHECKING, cast

from bot.understanding.reading import CONFIDENCE, Intent, Reading

if TYPE_CHECKING:
    from bot.understanding.linear import Classifier

_SURE = 0.99
_WHOLE: dict[tuple[Intent, str | None], str] = {
    (
        "greeting",
        "uk",
    ): "привіт, вітаю, добрий день, доброго дня, добрий вечір, добрий ранок, доброго ранку, здрастуйте",
    ("greeting", "ru"): "привет, здравствуйте, добрый день, добрый вечер, доброе утро, приветствую",
    ("greeting", "en"): "hello, hi, hey, hi there, hello there, good morning, good afternoon, good evening",
    ("greeting", "ka"): "გამარჯობა, გაგიმარჯოთ, მოგესალმებით, დილა მშვიდობისა, საღამო მშვიდობისა, gamarjoba",
    ("thanks", "uk"): "дякую, дуже дякую, щиро дякую, дякую вам, велике дякую",
    ("thanks", "ru"): "спасибо, спс, большое спасибо, спасибо большое, благодарю, спасибо вам",
    ("thanks", "en"): "thanks, thank you, thx, many thanks, thank you very much, thanks a lot",
    ("thanks", "ka"): "მადლობა, გმადლობთ, დიდი მადლობა, madloba",
    ("person", "uk"): "людина, жива людина, покличте людину, потрібна людина",
    ("person", None): "оператор, менеджер",
    ("person", "ru"): "человек, живой человек, нужен оператор, позовите человека",
    ("person", "en"): "operator, agent, human, manager, real person, talk to a person",
    ("person", "ka"): "ოპერატორი, მენეჯერი, ადამიანი",
}
"""What a whole message may say that needs no weighing, by intent and language (None: in more than one)."""


class BuiltIn:
    """Reads by words that leave no doubt, else by the classifier, which is loaded when it is first needed."""

    def __init__(self, confidence: float = CONFIDENCE) -> None:
        self._confidence = confidence
        self._classifier: Classifier | None = None
        self._whole: dict[str, tuple[Intent, str | None]] = {}

    async def read(self, text: str) -> Reading:
        """See `Understanding`."""
        return self.likeliest(text).at(self._confidence)

    def likeliest(self, text: str) -> Reading:
        """What `text` most likely is, however unsure that be."""
        if self._classifier is None:
            from bot.understanding.linear import Classifier

            self._classifier = Classifier.load()
            self._whole = {phrase: key for key, listed in _WHOLE.items() for phrase in listed.split(", ")}
        said = " ".join("".join(sign if sign.isalnum() else " " for sign in text[:100].casefold()).split())
        if len(text) <= len(said) + 10 and said in self._whole:
            intent, language = self._whole[said]
            return Reading(intent, _SURE, language)
        guess = self._classifier.guess(text)
        if guess is None:
            return Reading()
        known = guess.language != "xx" and guess.language_confidence >= CONFIDENCE
        return Reading(cast("Intent", guess.intent), guess.confidence, guess.language if known else None)
