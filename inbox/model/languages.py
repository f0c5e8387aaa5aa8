"""How a language is written wherever the shop names one: ISO 639, perhaps with a region (a part of BCP 47)."""

import re
from typing import Annotated, Final

from pydantic import StringConstraints

from inbox.model.remedies import Told

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")

Language = Annotated[str, StringConstraints(pattern=f"^{LANGUAGE.pattern}$"), Told("is a language such as uk")]
