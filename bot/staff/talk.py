"""The conversation of a manager with the companion: aiogram's routers, one for strangers and one for managers.

A handler says what is to be shown; what it does is the desk's. Whatever the desk refuses becomes words in one place.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiogram import BaseMiddleware, F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message, TelegramObject
from redis.exceptions import RedisError

from bot.staff import screens
from bot.staff.accounts import StaffAccounts
from bot.staff.desk import StaffDesk, Upload, mark_of
from bot.staff.line import ManagerLine
from bot.staff.screens import Case, Close, Fetch, Give, Go, Offer, Say, Screen, Send, Wait
from bot.staff.steps import Step, begin, continued, end
from bot.staff.words import Words
from channels.telegram.spec import CAPABILITIES
from inbox.model.channel import Outgoing
from inbox.model.errors import Conflict, DomainError, NotFound, Overtaken
from inbox.model.failures import ChannelFailure
from inbox.model.people import Status, Viewer
from inbox.storage.database import Document

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

PASSED_ON: Final = F.text | F.photo | F.document | F.video | F.audio | F.voice


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """An update of a manager's on its way through a handler: who acts, by which parts of the house.

    `number` is the update's and `token` names it; `repeated` says that it may have been worked off before.
    """

    desk: StaffDesk
    line: ManagerLine
    accounts: StaffAccounts
    viewer: Viewer
    words: Words
    number: int
    token: str
    repeated: bool


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """An update of somebody who is nobody's account yet."""

    desk: StaffDesk
    line: ManagerLine
    accounts: StaffAccounts
    words: Words


async def _stranger(_event: TelegramObject, act: Act | None) -> bool:
    return act is None


async def _manager(_event: TelegramObject, act: Act | None) -> bool:
    return act is not None


class Remedies(BaseMiddleware):
    """Says what a manager can do where something did not work, and that a pressed button was heard."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        act: Act = data["act"]
        remedy = ""
        try:
            await handler(event, data)
        except NotFound:
            remedy = act.words("gone")
        except Conflict:
            remedy = act.words("stale")
        except (DomainError, ChannelFailure) as error:
            remedy = act.words("refused", reason=error)
        except RedisError:
            remedy = act.words("unmindful")
        if isinstance(event, CallbackQuery):
            await act.line.pressed(event.id, remedy)
        elif remedy and isinstance(event, Message):
            await act.line.say(event.chat.id, remedy)


def strangers() -> Router:
    """Who is linked to nobody learns nothing, but for whoever brings a code."""
    router = Router(name="strangers")
    router.message.filter(_stranger)

    @router.message(CommandStart())
    async def start(message: Message, command: CommandObject, guest: Guest) -> None:
        manager = await _linked(message, command, guest.accounts)
        if manager is None:
            await guest.line.say(message.chat.id, guest.words("private"))
            return
        viewer, words = Viewer.of(manager), Words(manager["languages"], guest.words.wishes)
        await guest.line.say(message.chat.id, words("linked", name=viewer.name))
        await guest.line.say(message.chat.id, *await _menu(guest.desk, viewer, words))

    return router


def managers() -> Router:
    """What managers write and press."""
    router = Router(name="managers")
    for observer in (router.message, router.callback_query):
        observer.filter(_manager)
    parts = (_going(), _looking(), _speaking(), _deciding(), _writing())
    for part in parts:
        part.message.middleware(Remedies())
        part.callback_query.middleware(Remedies())
    router.include_routers(*parts)
    return router


async def _linked(message: Message, command: CommandObject, accounts: StaffAccounts) -> Document | None:
    """The manager whose account the sender's is from now on, by the code that they bring."""
    person = message.from_user
    if not command.args or person is None:
        return None
    return await accounts.link(command.args, str(person.id), person.full_name)


async def _menu(desk: StaffDesk, viewer: Viewer, words: Words) -> Screen:
    return screens.menu(words, viewer.name, *await desk.status(viewer))


async def _show(query: CallbackQuery, act: Act, screen: Screen) -> None:
    """Put a screen in the place of the one that was pressed."""
    if query.message is not None:
        await act.line.turn(query.message.chat.id, query.message.message_id, *screen)


def _going() -> Router:
    """The menu, the status, the list."""
    router = Router(name="going")

    @router.message(CommandStart())
    async def start(message: Message, act: Act, command: CommandObject, state: FSMContext) -> None:
        # By a link of a colleague's, whoever opens it is that colleague from now on.
        manager = await _linked(message, command, act.accounts)
        viewer = Viewer.of(manager) if manager is not None else act.viewer
        await end(state)
        await act.line.say(message.chat.id, *await _menu(act.desk, viewer, act.words))

    @router.message(Command("menu"))
    async def menu(message: Message, act: Act, state: FSMContext) -> None:
        await end(state)
        await act.line.say(message.chat.id, *await _menu(act.desk, act.viewer, act.words))

    @router.callback_query(Go.filter(F.to == "menu"))
    async def to_menu(query: CallbackQuery, act: Act) -> None:
        await _show(query, act, await _menu(act.desk, act.viewer, act.words))

    @router.callback_query(Say.filter(F.status.in_(set(Status))))
    async def set_status(query: CallbackQuery, act: Act, callback_data: Say) -> None:
        await act.desk.set_status(act.viewer, Status(callback_data.status), token=act.token)
        await _show(query, act, await _menu(act.desk, act.viewer, act.words))

    @router.callback_query(Go.filter(F.to == "mine"))
    async def to_mine(query: CallbackQuery, act: Act, state: FSMContext) -> None:
        await end(state)
        await _show(query, act, screens.listed(act.words, await act.desk.mine(act.viewer)))

    @router.callback_query(Go.filter(F.to == "done"))
    async def done(query: CallbackQuery, act: Act, state: FSMContext) -> None:
        await end(state)
        await _show(query, act, screens.after(act.words, "finished"))

    return router


def _looking() -> Router:
    """Conversations and their files."""
    router = Router(name="looking")

    @router.callback_query(Case.filter(F.do == "open"))
    async def open_(query: CallbackQuery, act: Act, callback_data: Case, state: FSMContext) -> None:
        await end(state)
        await _show(query, act, screens.talk(act.words, await act.desk.open(act.viewer, callback_data.id)))

    @router.callback_query(Fetch.filter())
    async def fetch(query: CallbackQuery, act: Act, callback_data: Fetch) -> None:
        file = await act.desk.file(act.viewer, callback_data.id)
        await act.line.send(Outgoing(to=str(query.from_user.id), files=(file,)))

    return router


def _speaking() -> Router:
    """Answers, notes and macros."""
    router = Router(name="speaking")

    @router.callback_query(Case.filter(F.do == "reply"))
    async def reply(query: CallbackQuery, act: Act, callback_data: Case, state: FSMContext) -> None:
        opened = await act.desk.open(act.viewer, callback_data.id)
        name = screens.name_of(act.words, opened.row)
        await begin(state, Step.reply, act.number, id=callback_data.id, seen=opened.seen, name=name)
        text, rows = screens.writing(act.words, act.words("answering", name=name), callback_data.id)
        await act.line.say(query.from_user.id, text, rows)

    @router.callback_query(Case.filter(F.do == "note"))
    async def note(query: CallbackQuery, act: Act, callback_data: Case, state: FSMContext) -> None:
        await act.desk.row(act.viewer, callback_data.id)
        await begin(state, Step.note, act.number, id=callback_data.id)
        await act.line.say(query.from_user.id, *screens.writing(act.words, act.words("noting"), callback_data.id))

    @router.callback_query(Case.filter(F.do == "macros"))
    async def macros(query: CallbackQuery, act: Act, callback_data: Case) -> None:
        await _show(query, act, screens.macros(act.words, await act.desk.macros(act.viewer), callback_data.id))

    @router.callback_query(Case.filter(F.do == "search"))
    async def search(query: CallbackQuery, act: Act, callback_data: Case, state: FSMContext) -> None:
        await begin(state, Step.search, act.number, id=callback_data.id)
        await act.line.say(query.from_user.id, *screens.writing(act.words, act.words("searching"), callback_data.id))

    @router.callback_query(Offer.filter())
    async def offer(query: CallbackQuery, act: Act, callback_data: Offer) -> None:
        row, prepared = await act.desk.prepared(act.viewer, callback_data.id, callback_data.macro_id)
        await _show(query, act, screens.confirmation(act.words, row, prepared, mark_of(prepared)))

    @router.callback_query(Send.filter())
    async def send(query: CallbackQuery, act: Act, callback_data: Send) -> None:
        wanted = callback_data
        try:
            await act.desk.send_macro(act.viewer, wanted.id, wanted.macro_id, wanted.mark, token=act.token)
        except Conflict:
            row, prepared = await act.desk.prepared(act.viewer, wanted.id, wanted.macro_id)
            text, rows = screens.confirmation(act.words, row, prepared, mark_of(prepared))
            await _show(query, act, (f"{act.words('macro_changed')}\n\n{text}", rows))
            return
        row = await act.desk.row(act.viewer, wanted.id)
        text, rows = screens.after(act.words, "finished")
        await _show(query, act, (act.words("macro_sent", name=screens.name_of(act.words, row)), rows))

    @router.callback_query(Go.filter(F.to == "anyway"))
    async def anyway(query: CallbackQuery, act: Act, state: FSMContext) -> None:
        begun = await continued(state, Step.reply, act.number)
        held = begun.pop("held", None) if begun is not None else None
        if begun is None or held is None:
            raise Conflict("there is nothing (any more) to be sent")
        file = held["file"]
        upload = _upload(act.line, file["id"], file["name"], file["type"]) if file is not None else None
        await act.desk.say(
            act.viewer,
            begun["id"],
            kind="reply",
            text=held["text"],
            upload=upload,
            seen=begun["seen"],
            token=held["token"],
        )
        screen = screens.writing(act.words, act.words("sent", name=begun["name"]), begun["id"])
        await _show(query, act, screen)

    return router


def _deciding() -> Router:
    """Handing over, snoozing, closing."""
    router = Router(name="deciding")

    @router.callback_query(Case.filter(F.do == "transfer"))
    async def receivers(query: CallbackQuery, act: Act, callback_data: Case) -> None:
        conversation, offered = await act.desk.receivers(act.viewer, callback_data.id)
        await _show(query, act, screens.receivers(act.words, offered, conversation))

    @router.callback_query(Give.filter(F.kind.in_({"m", "t"})))
    async def word(query: CallbackQuery, act: Act, callback_data: Give, state: FSMContext) -> None:
        await act.desk.row(act.viewer, callback_data.id)
        await begin(state, Step.word, act.number, **callback_data.model_dump())
        await _show(query, act, screens.word(act.words, callback_data))

    @router.callback_query(Give.filter(F.kind.in_({"M", "T"})))
    async def give(query: CallbackQuery, act: Act, callback_data: Give, state: FSMContext) -> None:
        wanted = callback_data
        await act.desk.hand_over(
            act.viewer, wanted.id, wanted.kind.lower(), wanted.to, version=wanted.version, token=act.token
        )
        await end(state)
        await _show(query, act, screens.after(act.words, "handed_over"))

    @router.callback_query(Case.filter(F.do == "snooze"))
    async def how_long(query: CallbackQuery, act: Act, callback_data: Case) -> None:
        row = await act.desk.row(act.viewer, callback_data.id)
        await _show(query, act, screens.how_long(act.words, row.conversation))

    @router.callback_query(Wait.filter(F.minutes.in_(set(screens.SNOOZES))))
    async def snooze(query: CallbackQuery, act: Act, callback_data: Wait) -> None:
        wanted = callback_data
        await act.desk.snooze(act.viewer, wanted.id, wanted.minutes, wanted.version, token=act.token)
        await _show(query, act, screens.after(act.words, "snoozed"))

    @router.callback_query(Close.filter())
    async def close(query: CallbackQuery, act: Act, callback_data: Close) -> None:
        await act.desk.close(act.viewer, callback_data.id, callback_data.version, token=act.token)
        await _show(query, act, screens.after(act.words, "closed"))

    @router.callback_query()
    async def unknown(query: CallbackQuery) -> None:  # noqa: ARG001  # A handler is called with its event.
        raise Conflict("a button of an earlier release")

    return router


def _writing() -> Router:
    """What managers write, by the step that they are in."""
    router = Router(name="writing")

    @router.message(Step.reply, PASSED_ON)
    async def reply(message: Message, act: Act, state: FSMContext) -> None:
        begun = await continued(state, Step.reply, act.number)
        if begun is None:
            await _lost(message, act)
            return
        file, text = _file(message), message.text or message.caption or ""
        upload = _upload(act.line, *file) if file is not None else None
        try:
            await act.desk.say(
                act.viewer, begun["id"], kind="reply", text=text, upload=upload, seen=begun["seen"], token=act.token
            )
        except Overtaken as error:
            kept = dict(zip(("id", "name", "type"), file, strict=True)) if file is not None else None
            held = {"text": text, "file": kept, "token": act.token}
            await state.update_data(seen=error.newer[-1]["_id"], held=held)
            await act.line.say(message.chat.id, *screens.overtaken(act.words, error.newer, begun["id"]))
            return
        sent = act.words("sent", name=begun["name"])
        await act.line.say(message.chat.id, *screens.writing(act.words, sent, begun["id"]))

    @router.message(Step.note, PASSED_ON)
    async def note(message: Message, act: Act, state: FSMContext) -> None:
        begun = await continued(state, Step.note, act.number)
        if begun is None:
            await _lost(message, act)
            return
        file, text = _file(message), message.text or message.caption or ""
        upload = _upload(act.line, *file) if file is not None else None
        await act.desk.say(act.viewer, begun["id"], kind="note", text=text, upload=upload, token=act.token)
        await end(state)
        await act.line.say(message.chat.id, act.words("noted"), screens.to_open(act.words, begun["id"]))

    @router.message(Step.search, F.text)
    async def search(message: Message, act: Act, state: FSMContext) -> None:
        begun = await continued(state, Step.search, act.number)
        if begun is None:
            await _lost(message, act)
            return
        found = await act.desk.macros(act.viewer, message.text or "")
        await act.line.say(message.chat.id, *screens.macros(act.words, found, begun["id"]))

    @router.message(Step.word, F.text)
    async def word(message: Message, act: Act, state: FSMContext) -> None:
        begun = await continued(state, Step.word, act.number)
        if begun is None:
            await _lost(message, act)
            return
        await act.desk.hand_over(
            act.viewer,
            begun["id"],
            begun["kind"],
            begun["to"],
            note=message.text or "",
            version=begun["version"],
            token=act.token,
        )
        await end(state)
        await act.line.say(message.chat.id, *screens.after(act.words, "handed_over"))

    @router.message(Step.reply)
    @router.message(Step.note)
    @router.message(Step.search)
    @router.message(Step.word)
    async def not_this(message: Message, act: Act) -> None:
        await act.line.say(message.chat.id, act.words("not_this"))

    @router.message()
    async def lost(message: Message, act: Act) -> None:
        await _lost(message, act)

    return router


async def _lost(message: Message, act: Act) -> None:
    """Say that what was written went nowhere, as far as that is known, and begin anew."""
    _, rows = screens.listed(act.words, await act.desk.mine(act.viewer))
    await act.line.say(message.chat.id, act.words("interrupted" if act.repeated else "forgotten"), rows)


def _file(message: Message) -> tuple[str, str, str] | None:
    """The id, name and type of a message's file."""
    if message.photo:
        return message.photo[-1].file_id, "photo.jpg", "image/jpeg"
    for kind in ("document", "video", "audio", "voice"):
        file = getattr(message, kind)
        if file is not None:
            content_type = file.mime_type or "application/octet-stream"
            return file.file_id, getattr(file, "file_name", None) or kind, content_type
    return None


def _upload(line: ManagerLine, file_id: str, name: str, content_type: str) -> Upload:
    return Upload(name, content_type, line.fetch(file_id, CAPABILITIES.receive_max_bytes))
