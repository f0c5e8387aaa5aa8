"""The understanding that the shop has set: how sure it must be, and who reads."""

from collections.abc import Awaitable, Callable

import msgspec

from bot.settings import BotSettings
from bot.understanding.built_in import BuiltIn
from bot.understanding.by_http import ByHttp
from bot.understanding.reading import Reading


class AsSet:
    """Asks the classifier of the settings where there is one, else what is inside, which also tells the language."""

    def __init__(self, settings: Callable[[], Awaitable[BotSettings]], by_http: ByHttp) -> None:
        self._settings = settings
        self._by_http = by_http
        self._built_in = BuiltIn()

    async def read(self, text: str) -> Reading:
        """See `Understanding`."""
        settings = await self._settings()
        own = self._built_in.likeliest(text)
        if settings.classifier is not None:
            theirs = await self._by_http.ask(settings.classifier.url, text)
            if theirs is not None:
                return msgspec.structs.replace(theirs, language=own.language).at(settings.confidence)
        return own.at(settings.confidence)
