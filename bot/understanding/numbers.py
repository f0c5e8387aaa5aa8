"""Which strings in a customer's text may be the number of an order, however it is written.

`№ 1024`, `замовлення 1024`, `#A-1024`, `order10245` and `10 245` may be; telephone and parcel numbers, prices, dates,
amounts, sizes, branches of the post and articles may not. Nobody's order is known here: whoever asks looks what is
found up, and treats what does not exist like what is not the customer's.
"""

import re
from collections.abc import Iterable

import msgspec

LONGEST_TEXT = 1_000
"""How many characters of a text are looked at."""

MOST_NUMBERS = 5
"""How many numbers are taken from one text."""

_BY_ITSELF = 3
"""How many digits a number has at least that nothing says to be one."""


_MOST_DIGITS = 12
"""Numbers of parcels and bank cards have more."""


class Mention(msgspec.Struct, frozen=True):
    """A number that was written."""

    spellings: tuple[str, ...]
    """How a shop may have it, as it was written first: `A-1024`, `A1024`, `1024`."""
    marked: bool
    """Whether it was said to be a number of an order, or was all that was said."""


def _words(text: str) -> str:
    return "|".join(text.split())


_MONTHS = _words(
    r"січ\w* лют\w* берез\w* квіт\w* трав\w* черв\w* лип\w* серп\w* верес\w* жовт\w* листоп\w* груд\w* янв\w* фев\w* "
    r"мар\w* апр\w* ма[йя] май июн\w* июл\w* авг\w* сен\w* окт\w* ноя\w* дек\w* jan\w* feb\w* mar\w* apr\w* may jun\w* "
    r"jul\w* aug\w* sep\w* oct\w* nov\w* dec\w* იანვ\w* თებერვ\w* მარტ\w* აპრილ\w* მაის\w* ივნის\w* ივლის\w* აგვისტ\w* "
    r"სექტემბ\w* ოქტომბ\w* ნოემბ\w* დეკემბ\w*"
)
_UNITS = _words(
    r"шт\w* пар[аиу]? д[еє]?н[ьяіиеєї]\w* дн дн[ія]в? суток доб\w* тиж\w* недел\w* міс\w* мес\w* годин\w* "
    r"час(?:а|ов)? хв\w* мин\w* рок\w* рік год\w* числ\w* "
    r"см мм кг гр? мл л гб раз\w* розмір\w* размер\w* days? weeks? months? hours? years? "
    r"min\w* pcs pieces? cm mm kg ml gb times? st nd rd th am pm დღ\w* კვირ\w* თვ[ეის]\w* საათ\w* წუთ\w* ცალ\w* "
    r"dn[iya]\w* den dne[jyi] dg[eh]\w* го е ого"
)
_MONEY = _words(
    r"грн\w* гривен\w* гривн\w* грв uah usd eur gel лар[иі]\w* руб\w* дол+ар\w* євро евро "
    r"dollars? euros? lari ლარ\w* ₴ \$ € £ ₾ ₽ %"
)
_PLACES = _words(
    r"відд?і?л\w* отд?ел\w* поштомат\w* почтомат\w* буд\w* дом квартир\w* кв вул\w* ул "
    r"branch office apartment apt flat room "
    r"ფილიალ\w* ბინა size розмір\w* размер\w* зріст рост артикул\w* арт sku код\w* code item зона поверх "
    r"этаж vid+ilen\w* otdelen\w*"
)
_PARCEL = _words(
    r"ттн накладн\w* экспресс-накладн\w* трек\w* ттнка ttn tracking awb waybill "
    r"nakladn\w* trek\w* თრექინგ\w* ზედნადებ\w*"
)
_GAP = r"[ \u00a0().\-–]{0,3}"
_AMOUNT = r"(?:\d{1,3}(?:[ \u00a0.,]\d{3})+|\d+)(?:[.,]\d{1,2})?"

_SOMETHING_ELSE = re.compile(
    rf"""
      https?://\S+ | www\.\S+ | \S+@\S+
    | (?<![^\W\d_]) (?:{_PARCEL}) [^\d\n]{{0,20}} [a-z]{{0,2}} \d (?:[ -]?\d)* [a-z]{{0,2}}
    | \b [a-z]{{2}} \d{{9}} [a-z]{{2}} \b  # A parcel of the world's posts.
    | (?<!\d) \d{{4}} (?:[ -]?\d{{4}}){{3}} (?!\d)  # A bank card.
    | (?<!\d) \+? 38 {_GAP} 0 (?:{_GAP}\d){{9}} (?!\d)
    | (?<![\d#№-]) 0 {_GAP} [1-9] (?:{_GAP}\d){{8}} (?!\d)
    | (?<!\d) \+? 995 (?:{_GAP}\d){{9}} (?!\d)
    | (?<![\d#№-]) (?:\+7|7|8) {_GAP} 9 (?:{_GAP}\d){{9}} (?!\d)
    | \+ \d (?:{_GAP}\d){{7,14}} (?!\d)
    | (?<!\d) \d{{1,2}}:\d{{2}} (?:[:]\d{{2}})? (?!\d)
    | (?<![\d#№/.-]) \d{{1,2}}[./]\d{{1,2}} (?:[./]\d{{2,4}})? (?![\d/.]*\d)
    | (?<![\d#№/.-]) (?:\d{{4}}-\d{{1,2}}-\d{{1,2}} | \d{{1,2}}-\d{{1,2}}-\d{{4}}) (?![\d-])
    | (?<![\w#№-]) \d{{1,2}} [ ]? (?:{_MONTHS}) (?!\w) (?: [ ]\d{{4}} (?!\d) )?
    | (?<![\w#№-]) (?:{_MONTHS}) [ ] \d{{1,2}} (?!\d)
    | (?<![\d.,]) {_AMOUNT} \s? (?:{_MONEY}) (?!\w)
    | [$€£₴₾₽] \s? {_AMOUNT}
    | (?<![\w#№-]) \d{{1,3}} [ -]? (?:{_UNITS}) (?!\w)
    | (?<!\w) (?:{_PLACES}) \.? [ ]? (?:№|\#|n|no\.?|номер)? [ ]? \d+
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Numbers that are no order's. Amounts of goods and days have three digits at most: `1024 шт` is too many to be one."""

_DIGITS = r"\d+(?:[ ]?[-/][ ]?\d+|[ ]\d+)*"
_VALUE = rf"(?:[^\W\d_]{{1,4}}[-/_]?|[^\W\d_][ ])?(?:{_DIGITS})(?:-?[^\W\d_]{{1,2}}(?!\w))?"
_MARK = re.compile(
    rf"""
    (?: [№\#] | (?<!\w) n[o°º]?\.? (?=[ ]?\d)
      | (?<![^\W_]) (?:замовл | заказ | номер | zamovl | zakaz | nomer | order | number | შეკვეთ | ნომერ | shekvet | ord
        (?=[ -]?\d)) [^\W\d_]*
    )
    (?: [\s:.,=\-№\#]{{0,4}} (?: (?:номер|nomer|ნომერ)[^\W\d_]* | number | no\.? | id | під | под | за | is
        | це | это | my )
        (?![^\W\d_]) ){{0,3}}
    [\s:.,=\-№\#]{{0,4}} (?P<value>{_VALUE})
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ALONE = re.compile(rf"\W*(?P<value>{_VALUE})\W*", re.IGNORECASE)
_ANY = re.compile(r"(?<![\w.,])(?P<value>(?:[^\W\d_]{1,4}[-/_]?)?\d{3,9}(?:[-/]\d+)*(?:-?[^\W\d_]{1,2})?)(?!\w|[.,]\d)")
_GROUPED = re.compile(r"(?<![\w.,])(?P<value>\d{1,3}(?: \d{3})+)(?!\w|[.,]\d)")
_MOBILE = re.compile(r"(?:5\d|39|50|63|66|67|68|73|91|92|93|94|95|96|97|98|99)\d{7}")
"""A Georgian or Ukrainian telephone number without what comes before it abroad or at home."""

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | {"\u00a0": " ", "\u202f": " "})
_LATIN, _CYRILLIC = "ABEIKMHOPCTX", "АВЕІКМНОРСТХ"
_TWINS = (str.maketrans(_CYRILLIC, _LATIN), str.maketrans(_LATIN, _CYRILLIC))
"""Letters that look alike: who types a number does not see which of them the shop has."""

_PREFIX = re.compile(r"[^\W\d_]*")


def order_numbers(text: str) -> tuple[Mention, ...]:
    """What may be numbers of orders in `text`: first those that are said to be, each in the order of the text."""
    said = " ".join(text[:LONGEST_TEXT].translate(_DASHES).split())
    said = _SOMETHING_ELSE.sub("\n", said)
    found: dict[str, Mention] = {}
    alone = _ALONE.fullmatch(said)
    if alone is not None and _MOBILE.fullmatch(alone["value"]) is None:
        _take(found, _apart(alone["value"]), marked=True)
        return tuple(found.values())[:MOST_NUMBERS]
    for match in _MARK.finditer(said):
        _take(found, _apart(match["value"]), marked=True)
    rest = _MARK.sub("\n", said)
    for match in _GROUPED.finditer(rest):
        _take(found, (match["value"],), marked=False)
    for match in _ANY.finditer(_GROUPED.sub("\n", rest)):
        if _MOBILE.fullmatch(match["value"]) is None:
            _take(found, (match["value"],), marked=False)
    return tuple(found.values())[:MOST_NUMBERS]


def _take(found: dict[str, Mention], values: Iterable[str], *, marked: bool) -> None:
    for value in values:
        spellings = _spellings(value)
        if sum(sign.isdigit() for sign in value) <= _MOST_DIGITS:
            found.setdefault(spellings[0], Mention(spellings, marked))


def _apart(value: str) -> list[str]:
    """Digits with spaces between them are one number where they are grouped or dictated, else the first is it."""
    groups = re.sub(r" ?([-/]) ?", r"\1", value).split(" ")
    if len(groups) > 1 and groups[0].isalpha():
        groups = [f"{groups[0]} {groups[1]}", *groups[2:]]
    thousands = len(groups[0]) < _BY_ITSELF + 1 and all(len(group) == _BY_ITSELF for group in groups[1:])
    dictated = all(len(group) < _BY_ITSELF for group in groups)
    if len(groups) == 1 or thousands or dictated:
        return ["".join(groups)]
    return [groups[0], *(group for group in groups[1:] if len(group) >= _BY_ITSELF)]


def _spellings(value: str) -> tuple[str, ...]:
    """`value` as written, in capitals and without what customers put between or leave out."""
    written = value.replace(" ", "").strip("-/_")
    capital = written.upper()
    digits = _PREFIX.sub("", capital, count=1).lstrip("-/_")
    letters = capital[: -len(digits)].rstrip("-/_")
    forms = [written, capital]
    if letters:
        twins = [letters.translate(table) for table in _TWINS]
        for prefix in (letters, *(twin for twin in twins if twin.isascii() or not re.search("[A-Z]", twin))):
            forms += [f"{prefix}-{digits}", f"{prefix}{digits}"]
    forms += [digits, re.sub(r"[-/_]", "", digits), digits.lstrip("0")]
    return tuple(dict.fromkeys(form for form in forms if form))
