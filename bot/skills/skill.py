"""What a skill is to the engine."""

from typing import Protocol

from bot.occasions import Occasion
from bot.questions import Question
from bot.settings import BotSettings


class Skill(Protocol):
    """Something that the bot can do by itself, switched on and off in the shop's settings by its name."""

    name: str
    """In `settings["bot"]["skills"]`: true or false."""
    triggers: frozenset[str]
    """Which occasions it wants to hear of; see `bot.rules.TRIGGERS`."""

    async def heeds(self, occasion: Occasion, settings: BotSettings) -> bool:  # noqa: ARG002
        """Whether it may be this skill's business, by what the event itself tells: nothing is asked of the database.

        Most messages are no skill's business, and cost nothing then.
        """
        return True

    async def hear(self, occasion: Occasion, settings: BotSettings) -> bool:
        """Deal with it, if it is this skill's business; whether it was, so that neither later skills nor rules look.

        Called after the guards, with the conversation as it is now and the shop's `settings["bot"]`. The same occasion
        may come again after a crash and has to end in the same state.
        """

    async def answer(self, occasion: Occasion, question: Question, settings: BotSettings) -> bool:  # noqa: ARG002
        """Take the occasion's message for an answer to what this skill asked; see `bot.questions.Asker`.

        What it did not ask is not its business.
        """
        return False
