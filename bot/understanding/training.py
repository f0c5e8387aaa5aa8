"""`make train`: learn the weights from the examples and write them. Development only: the server never imports this.

Every example is learned as it stands and in the ways in which people write it: in Latin letters, mistyped, with a
greeting and a number around it. How sure the classifier may be of itself is found by cross-validation, in which all
phrases of a family, and all that was made of them, are unseen together.
"""

import random
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from bot.understanding.features import BUCKETS, features
from bot.understanding.linear import (
    EXAMPLES,
    WEIGHTS,
    Classifier,
    Example,
    Header,
    Question,
    digest,
    digest_of_reading,
    read_examples,
    table_of,
)
from bot.understanding.reading import INTENTS

PARAMETERS: dict[str, Any] = {"strength": 4.0, "made": 0.5, "copies": 1, "folds": 5, "seed": 7}
"""`strength`: the inverse of the penalty on weights; `made`: how much a made example counts against a written one;
`copies`: how many are made of each in each way; `folds`: of the cross-validation."""

LANGUAGES = ("uk", "ru", "en", "ka", "xx")


def _ways(text: str) -> list[str]:
    """One for each letter, with a space between them; a letter that is left out has none."""
    return text.split(" ")


_UKRAINIAN = dict(
    zip(
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
        _ways("a b v h g d e ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch  iu ia"),
        strict=True,
    )
)
_RUSSIAN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        _ways("a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh sch  y  e yu ya"),
        strict=True,
    )
)
_GEORGIAN = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        _ways("a b g d e v z t i k l m n o p zh r s t u p k gh y sh ch ts dz ts ch kh j h"),
        strict=True,
    )
)
_LATIN = {"uk": _UKRAINIAN, "ru": _RUSSIAN, "ka": _GEORGIAN}
_LOOSE = {
    "uk": {"х": "h", "г": "g", "й": "j", "є": "ye", "ї": "yi", "ю": "yu", "я": "ya", "ц": "c", "и": "i", "щ": "sch"},
    "ru": {"х": "h", "й": "j", "ю": "ju", "я": "ja", "ц": "c", "ы": "i", "щ": "sh", "ч": "4", "ж": "j"},
    "ka": {"ხ": "x", "ღ": "g", "ყ": "k", "ც": "c", "ჭ": "ch", "შ": "sh", "წ": "w", "ფ": "f", "ქ": "q", "ჩ": "ch"},
}
"""How letters are written besides."""

_GREETINGS = {
    "uk": ("Добрий день!", "Привіт,", "Доброго дня", "Вітаю.", "добрий вечір", "перепрошую,", "скажіть будь ласка"),
    "ru": ("Здравствуйте!", "Привет,", "Добрый день", "доброе утро", "извините,", "подскажите пожалуйста"),
    "en": ("Hello!", "Hi,", "Good morning", "hey", "excuse me,", "sorry to bother but"),
    "ka": ("გამარჯობა,", "მოგესალმებით!", "საღამო მშვიდობისა", "უკაცრავად,", "მაინტერესებს"),
    "xx": ("",),
}
_ENDINGS = {
    "uk": ("дякую", "будь ласка", "Дякую!", "чекаю на відповідь", "??", "🙏", "(("),
    "ru": ("спасибо", "пожалуйста", "Заранее спасибо!", "жду ответа", "??", "🙏", "(("),
    "en": ("thanks", "please", "Thank you!", "waiting for your reply", "??", "🙏", ":("),
    "ka": ("მადლობა", "გთხოვთ", "მადლობა წინასწარ", "ველოდები პასუხს", "??", "🙏", "(("),
    "xx": ("",),
}
_NUMBERS = {
    "uk": ("№{}", "замовлення {}", "номер {}", "заказ {}", "{}"),
    "ru": ("№{}", "заказ {}", "номер {}", "номер заказа {}", "{}"),
    "en": ("#{}", "order {}", "order number {}", "order no. {}", "{}"),
    "ka": ("№{}", "შეკვეთა {}", "ნომერი {}", "შეკვეთის ნომერი {}", "{}"),
    "xx": ("{}",),
}
_NUMBERED = frozenset({"order_status", "complaint", "returning"})
_ALONE = frozenset({"thanks", "greeting"})


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")


class Sample(NamedTuple):
    """A text to learn from."""

    text: str
    example: Example
    weight: float


def made_of(example: Example, dice: random.Random) -> list[Sample]:
    """The example as written, and as others would write it."""
    phrase, language, share = example.phrase, example.language, PARAMETERS["made"]
    texts = []
    for _ in range(PARAMETERS["copies"]):
        texts.append(mistyped(phrase, dice))
        if language in _LATIN:
            texts.append(in_latin(phrase, language, dice))
        if example.intent not in _ALONE and language in _GREETINGS:
            texts.append(f"{dice.choice(_GREETINGS[language])} {phrase} {dice.choice((*_ENDINGS[language], ''))}")
        if example.intent in _NUMBERED or (example.intent == "other" and dice.random() < share):
            number = dice.choice(_NUMBERS[language]).format(dice.randrange(100, 99_999))
            texts.append(f"{phrase} {number}" if dice.random() < share else f"{number} {phrase}")
    return [Sample(phrase, example, 1.0), *(Sample(text, example, share) for text in texts)]


def mistyped(phrase: str, dice: random.Random) -> str:
    """With a letter or two left out, doubled or changed for their neighbour, and no signs."""
    letters = [letter for letter in phrase if letter.isalnum() or letter == " "]
    for _ in range(1 + len(letters) // 25):
        place = dice.randrange(len(letters)) if letters else 0
        kind = dice.randrange(3)
        if kind == 0:
            letters[place : place + 1] = []
        elif kind == 1:
            letters[place:place] = letters[place : place + 1]
        else:
            letters[place : place + 2] = letters[place : place + 2][::-1]
    return "".join(letters)


def in_latin(phrase: str, language: str, dice: random.Random) -> str:
    """In the Latin letters that a keyboard without others leaves."""
    ways = dict(_LATIN[language])
    ways |= {letter: way for letter, way in _LOOSE[language].items() if dice.random() < PARAMETERS["made"]}
    return "".join(ways.get(letter, letter) for letter in phrase.casefold())


def matrices(texts: Sequence[str]) -> list[csr_matrix]:
    """The texts' features, a matrix for each group of them; every row is of length one, or empty."""
    found = [features(text) for text in texts]
    return [_matrix(group) for group in zip(*found, strict=True)]


def _matrix(group: Sequence[Collection[int]]) -> csr_matrix:
    rows = [row for row, buckets in enumerate(group) for _ in buckets]
    columns = [bucket for buckets in group for bucket in buckets]
    values = [len(buckets) ** -0.5 for buckets in group for _ in buckets]
    return csr_matrix((values, (rows, columns)), shape=(len(group), BUCKETS))


def learn(seen: csr_matrix, truth: Any, weights: Any) -> LogisticRegression:
    """A model of the answers `truth`, which are numbers."""
    return LogisticRegression(C=PARAMETERS["strength"], max_iter=150).fit(seen, truth, sample_weight=weights)


class Lesson:
    """All samples of the examples, with their features."""

    def __init__(self, examples: Sequence[Example]) -> None:
        dice = random.Random(PARAMETERS["seed"])  # noqa: S311 - the same samples at every training
        self.samples = [sample for example in examples for sample in made_of(example, dice)]
        self.groups = matrices([sample.text for sample in self.samples])
        self.seen = sum(self.groups[1:], self.groups[0])
        self.weights = np.array([sample.weight for sample in self.samples])
        self.families = np.array([sample.example.family for sample in self.samples])

    def truth(self, answers: Sequence[str], answer: str) -> Any:
        """The number of each sample's true answer; `answer` is the field of an example that tells it."""
        return np.array([answers.index(getattr(sample.example, answer)) for sample in self.samples])

    def unseen(self) -> tuple[Any, Any]:
        """What each group of features, and the bias, say of each example as written where its family was not learned.

        `values[group, example, intent]`, the biases last; and the true intents.
        """
        truth = self.truth(INTENTS, "intent")
        values = np.zeros((len(self.groups) + 1, len(self.samples), len(INTENTS)))
        # Stratified, so that no fold takes all families of a rare intent away.
        folds = StratifiedGroupKFold(PARAMETERS["folds"], shuffle=True, random_state=PARAMETERS["seed"])
        for seen, rest in folds.split(self.samples, truth, self.families):
            model = learn(self.seen[seen], truth[seen], self.weights[seen])
            for place, group in enumerate(self.groups):
                values[place][rest] = group[rest] @ model.coef_.T
            values[-1][rest] = model.intercept_
        written = self.weights == 1.0
        return values[:, written], truth[written]

    def learned(self, answers: Sequence[str], answer: str) -> LogisticRegression:
        """A model of everything, its columns in the order of `answers`."""
        return learn(self.seen, self.truth(answers, answer), self.weights)


def factors_of(values: Any, truth: Any) -> Any:
    """How much each group of features and the bias are to count so that what turned out true was the most probable."""

    def surprise(factors: Any) -> float:
        shares = log_softmax(np.tensordot(factors, values, axes=1), axis=1)
        return -float(shares[np.arange(len(truth)), truth].mean())

    return minimize(surprise, np.ones(len(values)), bounds=[(0.05, 8.0)] * len(values), method="L-BFGS-B").x


def report(values: Any, truth: Any, factors: Any) -> None:
    """Print how well families that were not learned are understood, at several confidences."""
    shares = softmax(np.tensordot(factors, values, axes=1), axis=1)
    guesses, sure = shares.argmax(axis=1), shares.max(axis=1)
    wanted = INTENTS.index("order_status")
    _tell("cross-validation by family, order_status")
    for confidence in (0.4, 0.5, 0.6, 0.7, 0.8):
        said = (guesses == wanted) & (sure >= confidence)
        right = (said & (truth == wanted)).sum()
        _tell(
            f"  confidence {confidence:.1f}: precision {right / max(said.sum(), 1):.3f}"
            f"  recall {right / (truth == wanted).sum():.3f}"
            f"  all intents right {((guesses == truth) & (sure >= confidence)).sum() / (sure >= confidence).sum():.3f}"
            f"  answered {(sure >= confidence).mean():.3f}"
        )


def rounded(figures: Iterable[float]) -> tuple[float, ...]:
    """As exact as they are worth being."""
    return tuple(float(f"{figure:.5g}") for figure in figures)


def train() -> Classifier:
    """Learn from the committed examples; prints what cross-validation says of it."""
    examples = read_examples(EXAMPLES)
    lesson = Lesson(examples)
    heads: list[tuple[Sequence[str], str]] = [(INTENTS, "intent"), (LANGUAGES, "language")]
    values, truth = lesson.unseen()
    counted = factors_of(values, truth)
    report(values, truth, counted)
    factors = [counted, np.ones(len(counted))]
    models = [lesson.learned(answers, answer) for answers, answer in heads]
    scales, table = table_of([column.tolist() for model in models for column in model.coef_])
    questions = []
    for (answers, _), model, counts in zip(heads, models, factors, strict=True):
        own, scales = scales[: len(answers)], scales[len(answers) :]
        biases = (float(bias) for bias in counts[-1] * model.intercept_)
        questions.append(Question(tuple(answers), rounded(own), rounded(biases), rounded(counts[:-1])))
    header = Header(
        buckets=BUCKETS,
        examples=digest(examples),
        reading=digest_of_reading(),
        parameters=PARAMETERS,
        intents=questions[0],
        languages=questions[1],
    )
    return Classifier(header, table)


if __name__ == "__main__":
    classifier = train()
    WEIGHTS.write_bytes(classifier.dump())
    _tell(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes")
