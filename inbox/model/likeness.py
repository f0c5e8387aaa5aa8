"""When two people are called alike, and what in a text may be somebody's phone or address."""

import re
import unicodedata

from inbox.model.contacts import email_address, phone_number

MOST = 5
"""How many contacts a text is searched for; a longer list is a price list and nobody's."""

LONGEST_CODE = 20
"""How many characters a typed one-time code may take, with what stands around it."""

_LATIN = str.maketrans(
    dict(zip("абвгґдезиійклмнопрстуфыэё", "abvggdezyiyklmnoprstufyeo", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "є": "ye", "ї": "yi"}
    | dict(zip("აბგდევზთიკლმნოპრსტუფქყჯჰ", "abgdevztiklmnoprstupkqjh", strict=True))
    | {"ჟ": "zh", "ღ": "gh", "შ": "sh", "ჩ": "ch", "ც": "ts", "ძ": "dz", "წ": "ts", "ჭ": "ch", "ხ": "kh"}
    | dict.fromkeys("ьъ'’ʼ", "")
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PHONE = re.compile(r"(?<![\w+])\+?\d(?:[ ().\u00a0-]{0,2}\d){8,14}(?!\w)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+){1,5}")
_CODE = re.compile(r"\s*\d{3}[ -]?\d{3}\s*")


def name_key(name: str) -> str:
    """The same for names that differ in case, order, accents and alphabet; empty where a name says too little.

    One word says too little: a first name is shared by half a shop's customers.
    """
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LATIN))
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    # Ukrainian and Russian spellings of a name differ most in these, and so do the ways to write them in Latin.
    words = sorted(word.replace("y", "i").replace("ii", "i").replace("kh", "h") for word in _WORD.findall(bare))
    return " ".join(words) if len(words) > 1 else ""


def may_tell(text: str) -> bool:
    """Whether a text may hold a phone or an address. Cheap: it is asked of every message."""
    return "@" in text or _PHONE.search(text) is not None


def contacts_in(text: str, region: str = "") -> list[tuple[str, str]]:
    """The phones (E.164) and addresses that somebody typed, as (`phone` or `email`, value), each once."""
    found: dict[tuple[str, str], None] = {}
    for match in _PHONE.finditer(text):
        number = phone_number(match.group(), region)
        if number is not None:
            found["phone", number] = None
    for match in _EMAIL.finditer(text):
        found["email", email_address(match.group())] = None
    return list(found)[:MOST]


def looks_like_code(text: str) -> bool:
    """Whether a text is six digits and nothing else, as a one-time code is typed."""
    return len(text) <= LONGEST_CODE and _CODE.fullmatch(text) is not None
