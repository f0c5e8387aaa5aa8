from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from channels.sandbox import Sandbox
from channels.telegram.client import TelegramConnection
from channels.telegram.sandbox import Bot, Chat
from channels.telegram.spec import TelegramSettings

ANSWER_SECONDS = 0.4


@pytest.fixture
def bot(sandbox: Sandbox) -> Bot:
    return sandbox.telegram.create_bot()


@pytest.fixture
def chat(sandbox: Sandbox, bot: Bot) -> Chat:
    """Olena, who has opened the bot."""
    customer = sandbox.telegram.create_customer("Олена Мельник", username="olena_m", language="uk")
    opened = bot.chat(customer)
    opened.start()
    return opened


@pytest.fixture
def settings(sandbox: Sandbox, bot: Bot) -> TelegramSettings:
    return TelegramSettings(
        token=SecretStr(bot.token), api_base=sandbox.api_base("telegram"), secret_token=SecretStr("s3cret")
    )


@pytest.fixture
async def connection(settings: TelegramSettings) -> AsyncIterator[TelegramConnection]:
    opened = TelegramConnection(settings, answer_seconds=ANSWER_SECONDS)
    yield opened
    await opened.close()
