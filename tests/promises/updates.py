"""Updates as Telegram posts them, made of python-telegram-bot's types; and posting them as Telegram does."""

import os
from datetime import UTC, datetime, timedelta

# python-telegram-bot's own switch to its coming meaning of durations; without it each one warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")

import telegram as ptb
from aiohttp import ClientError, ClientSession, ClientTimeout

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
PHOTO = ptb.PhotoSize("AgACAgIAAxkBAAM", "AQADkzMAAg", 640, 480, file_size=6)


def chat_of(customer: int) -> ptb.Chat:
    return ptb.Chat(customer, "private", first_name=f"Customer {customer}")


def user_of(customer: int) -> ptb.User:
    return ptb.User(customer, f"Customer {customer}", is_bot=False, language_code="uk")


def moment(number: int) -> datetime:
    """When the message of this number was written: numbers follow each other in time, in the near past."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1) + timedelta(seconds=number)


def message(customer: int, number: int, text: str = "", **fields: object) -> ptb.Message:
    said = {"text": text} if text else {}
    return ptb.Message(number, moment(number), chat_of(customer), from_user=user_of(customer), **said, **fields)  # type: ignore[arg-type]


def written(update_id: int, customer: int, number: int, text: str, **fields: object) -> bytes:
    """An update with a message of the customer's."""
    return body(ptb.Update(update_id, message=message(customer, number, text, **fields)))


def edited(update_id: int, customer: int, number: int, text: str, *, after: int = 60) -> bytes:
    """An update that changes the text of a message so many seconds after it was written."""
    changed = message(customer, number, text, edit_date=moment(number + after))
    return body(ptb.Update(update_id, edited_message=changed))


def reacted(update_id: int, customer: int, number: int, emoji: str) -> bytes:
    """An update that puts a reaction under a message."""
    reaction = ptb.MessageReactionUpdated(
        chat_of(customer), number, moment(number + 60), (), (ptb.ReactionTypeEmoji(emoji),), user=user_of(customer)
    )
    return body(ptb.Update(update_id, message_reaction=reaction))


def album_part(update_id: int, customer: int, number: int, album: str, caption: str = "") -> bytes:
    """An update with one photo of an album."""
    said = {"caption": caption} if caption else {}
    return body(ptb.Update(update_id, message=message(customer, number, photo=(PHOTO,), media_group_id=album, **said)))


def body(update: ptb.Update) -> bytes:
    return update.to_json().encode()


async def post(http: ClientSession, url: str, raw: bytes, secret: str, *, seconds: float = 60.0) -> int:
    """Post a body as Telegram does; returns the status, or 0 where no answer came."""
    headers = {"Content-Type": "application/json", SECRET_HEADER: secret}
    try:
        async with http.post(url, data=raw, headers=headers, timeout=ClientTimeout(total=seconds)) as answer:
            await answer.read()
            return answer.status
    except (ClientError, OSError, TimeoutError):
        return 0
