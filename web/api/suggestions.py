"""What a manager most likely answers with next."""

from dataclasses import dataclass

from aiohttp import web

from bot.suggesting import Suggested, Suggesting
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Shape
from web.api.views import View
from web.doors.answers import json_answer
from web.doors.table import Call, Route, Who

PREVIEW = 140
"""How many characters of its text tell a macro from others."""


class MacroSuggestionShape(Shape):
    """A macro that may be what is sent next: its whole `text` as it would be, the beginning of that, how likely it is.

    The `score` is above 0 and at most 1.
    """

    macro_id: str
    name: str
    preview: str
    text: str
    score: float


class MacroSuggestionsShape(Shape):
    """At most three, the likeliest first."""

    items: list[MacroSuggestionShape]


def suggestion_view(suggested: Suggested) -> View:
    """A macro that may be what is sent next."""
    return {
        "macro_id": suggested.macro["_id"],
        "name": suggested.macro["name"],
        "preview": suggested.text[:PREVIEW],
        "text": suggested.text,
        "score": round(suggested.likelihood, 4),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionHandlers:
    """`/conversations/{id}/suggestions`."""

    suggesting: Suggesting

    async def index(self, call: Call[None, None]) -> web.Response:
        """Suggest macros."""
        suggested = await self.suggesting.suggest(call.viewer, call.path())
        return json_answer({"items": [suggestion_view(one) for one in suggested]})


def rows(services: ApiServices) -> list[Route]:
    """The endpoint of suggestions."""
    suggestions = SuggestionHandlers(suggesting=services.suggesting)
    return [
        row("GET", "/conversations/{id}/suggestions", Who.SIGNED_IN)(
            handler=suggestions.index,
            summary="The macros most likely sent next, by what was sent in like cases; none where nothing fits",
            answer=MacroSuggestionsShape,
        )
    ]
