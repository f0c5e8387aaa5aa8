"""Order status updates: each change that a customer is due to hear of becomes exactly one message, or a task.

An order's change and its entry in `due_notices` are one write. A worker makes a row of the entry and takes it off; the
row is worked under a lease. The message's id is derived from the row and the attempt, and a message is stored together
with its outbox rows: whatever crashes, and however many work at once, there is one. Only a message that failed for good
hands its row on, in one transaction, to the next channel.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from inbox.channels import Channels
from inbox.macros import Macros
from inbox.model.conversation import new_conversation, reopens
from inbox.model.errors import Conflict, Invalid
from inbox.model.hours import quiet_until
from inbox.model.ids import derived_id, now
from inbox.model.incoming import Person
from inbox.model.notice_texts import language_of, ready_made, subject_of
from inbox.model.opting import opted_out
from inbox.model.people import SYSTEM
from inbox.orders import NOTICES, Orders
from inbox.replies import Draft, Replies
from inbox.settings import ShopSettings
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.errors import is_unavailable
from inbox.storage.messages import MessageStore
from inbox.storage.notices import NoticeStore, passed_over, reasons
from inbox.storage.orders import OrderStore
from inbox.storage.people import PeopleStore, Sighting
from inbox.tasks import NewTask, Tasks
from inbox.wakeups import Wakeups

POLL_SECONDS = 1.0
WORKERS = 4
BATCH = 200

_TURN_SECONDS = 1.0
"""How long a notice waits for the one before it of the same order."""

_AGAIN_SECONDS = 10.0
"""How long it waits after a failure of our own."""

_log = structlog.get_logger(__name__)


class Notices:
    """Tells customers of their orders."""

    def __init__(
        self,
        *,
        store: NoticeStore,
        orders: Orders,
        order_store: OrderStore,
        conversations: ConversationStore,
        messages: MessageStore,
        people: PeopleStore,
        channels: Channels,
        replies: Replies,
        macros: Macros,
        tasks: Tasks,
        settings: ShopSettings,
        wakeups: Wakeups,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._orders = orders
        self._order_store = order_store
        self._conversations = conversations
        self._messages = messages
        self._people = people
        self._channels = channels
        self._replies = replies
        self._macros = macros
        self._tasks = tasks
        self._settings = settings
        self._wakeups = wakeups
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is left to its lease."""
        try:
            while True:
                notice = None
                try:
                    if len(self._running) < WORKERS:
                        notice = await self._store.claim()
                    if notice is None and await self.gather():
                        continue
                except Exception as error:
                    if not is_unavailable(error):
                        _log.exception("notices_failed")
                if notice is None:
                    await self._wakeups.wait(NOTICES, POLL_SECONDS)
                    continue
                task = asyncio.create_task(self._do(notice))
                self._running.add(task)
                task.add_done_callback(self._finished)
        finally:
            for task in self._running:
                task.cancel()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wakeups.ring_here(NOTICES)

    async def gather(self) -> bool:
        """Take in what orders are due, and hand on what failed; whether there was anything."""
        failed = await self._store.failed(BATCH)
        for message in failed:
            name = await self._name(message["channel_id"])
            tried = passed_over(message["channel_id"], name, message["error"] or "the channel refused it")
            await self._store.pass_on(message, tried)
        taken = await self._store.take_in(BATCH)
        return bool(failed or taken)

    async def work_off(self) -> None:
        """Do everything that is due now, one after the other."""
        while await self.gather():
            pass
        while (notice := await self._store.claim()) is not None:
            await self._do(notice)

    async def of_order(self, order_id: str) -> list[Document]:
        """What an order's customer was told or is due to be told, oldest first."""
        return await self._store.of_order(order_id)

    async def _do(self, notice: Document) -> None:
        with structlog.contextvars.bound_contextvars(notice_id=notice["_id"], order_id=notice["order_id"]):
            try:
                await self._settle(notice)
            except Exception as error:
                if not is_unavailable(error):
                    _log.exception("notice_failed")
                with contextlib.suppress(Exception):
                    # Where the database is away its lease brings it back.
                    await self._store.postpone(notice, now() + timedelta(seconds=_AGAIN_SECONDS))

    async def _settle(self, notice: Document) -> None:
        posted = await self._messages.get(_message_id(notice))
        if posted is not None:
            # Who posted it may have died before anybody was called to send it, or had seen it.
            await self._replies.post(posted["conversation_id"], _draft(notice, posted), author=SYSTEM)
            await self._posted(notice, posted)
            return
        if not await self._store.is_next(notice):
            await self._store.postpone(notice, now() + timedelta(seconds=_TURN_SECONDS))
            return
        order = await self._order_store.get(notice["order_id"])
        customer_id = order["customer_id"] if order is not None else None
        customer = await self._people.living(customer_id) if customer_id is not None else None
        if order is None or customer is None:
            await self._skip(notice, "no_card")
            return
        if not customer.get("notices", True) or opted_out(customer):
            await self._skip(notice, "opted_out")
            return
        settings = await self._settings.get()
        quiet = quiet_until(settings["quiet_hours"], settings["timezone"], self._clock())
        if quiet is not None:
            await self._store.postpone(notice, quiet)
            return
        await self._tell(notice, order, customer, settings)

    async def _skip(self, notice: Document, reason: str) -> None:
        await self._store.settle(notice, "skipped", reason=reason)
        _log.info("notice_skipped", reason=reason)

    async def _posted(self, notice: Document, message: Document) -> None:
        tried = message["notice"]["passed_over"]
        where = {"conversation_id": message["conversation_id"], "message_id": message["_id"]}
        await self._store.settle(notice, "posted", tried=tried, **where)

    async def _tell(self, notice: Document, order: Document, customer: Document, settings: Document) -> None:
        """Write to the customer on the first channel that takes it; where none does, give somebody a task."""
        cases = await self._cases(customer["_id"])
        said = await self._said(notice, order, customer, settings)
        tried = list(notice["tried"])
        gone = {one["channel_id"] for one in tried}
        async for channel in self._in_order(customer, cases, settings):
            if channel["_id"] in gone:
                continue
            try:
                addressee = await self._addressee(channel, customer)
                where = await self._case(customer["_id"], cases, channel["_id"])
                draft = msgspec.structs.replace(
                    said,
                    channel_id=channel["_id"],
                    identity_id=addressee["_id"],
                    notice={**(said.notice or {}), "passed_over": tried},
                )
                message, _ = await self._replies.post(where["_id"], draft, author=SYSTEM)
            except Invalid as error:
                tried.append(passed_over(channel["_id"], channel["name"], error.remedy))
            else:
                await self._posted(notice, message)
                _log.info("notice_posted", message_id=message["_id"], channel_id=channel["_id"])
                return
        await self._leave_to_somebody(notice, order, customer, cases, tried)

    async def _cases(self, customer_id: str) -> tuple[Document | None, Document | None]:
        """The customer's active conversation, and the one that was closed last."""
        active = await self._conversations.active([customer_id])
        closed = await self._conversations.last_closed([customer_id])
        return active.get(customer_id), closed.get(customer_id)

    async def _case(
        self, customer_id: str, cases: tuple[Document | None, Document | None], channel_id: str
    ) -> Document:
        """Where a notice is written: the active case, else the last one if an answer still reopens it, else a new one.

        The new one is closed: it is in nobody's way, and the customer's answer opens it.
        """
        active, closed = cases
        if active is not None:
            return active
        window = timedelta(days=(await self._settings.get())["reopen_window_days"])
        if closed is not None and reopens(closed, now(), window):
            return closed
        key = derived_id("case for notices", customer_id, closed["_id"] if closed is not None else "")
        begun = new_conversation(key, customer_id=customer_id, channel_id=channel_id, at=now(), closed=True)
        with contextlib.suppress(Conflict):  # Another notice began it at the same moment.
            await self._conversations.insert([begun], durable=True)
        return await self._conversations.get(key) or begun

    async def _in_order(
        self, customer: Document, cases: tuple[Document | None, Document | None], settings: Document
    ) -> AsyncIterator[Document]:
        """The channels on which a customer may be written to, best first.

        The one that they wrote last on, then those of the shop's wish, then the others, then mailboxes, also for an
        address that only stands on the card.
        """
        channels = {channel["_id"]: channel for channel in await self._channels.all()}
        mailboxes = [key for key, channel in channels.items() if self._writes_first(channel)]
        identities = await self._people.identities([customer["_id"]])
        known = {identity["channel_id"] for identity in identities if not identity.get("joined")}
        last = next((case["channel_id"] for case in cases if case is not None), None)
        others = [key for key in channels if key not in mailboxes]
        wanted = [key for key in settings["notice_channels"] if key in channels]
        for key in dict.fromkeys((last, *wanted, *others, *mailboxes)):
            if key in known and key in channels:
                yield channels[key]
        for key in mailboxes:
            if key not in known and customer["emails"]:
                yield channels[key]

    def _writes_first(self, channel: Document) -> bool:
        return self._channels.kind(channel["kind"]).capabilities.starts_conversations

    async def _addressee(self, channel: Document, customer: Document) -> Document:
        """Who of the customer's identities is written to on a channel; never one that joined their card unproven.

        Raises `Invalid` where the channel is passed over before anything is written.
        """
        if channel["state"] == "paused":
            raise Invalid("channel_id", f"paused: {channel['state_reason']}")
        known = await self._people.confirmed_on(customer["_id"], channel["_id"])
        if known is not None:
            return known
        # A mailbox that the customer never wrote to, and an address that stands on their card.
        addresses = [email["address"] for email in customer["emails"]]
        for address in addresses:
            sighting = Sighting(
                channel_id=channel["_id"],
                kind=channel["kind"],
                person=Person(external_id=address),
                at=now(),
                customer_id=customer["_id"],
            )
            found = (await self._people.resolve({sighting.identity_id: sighting}, ensure_cards=False)).popitem()[1]
            if found["customer_id"] == customer["_id"] and not found.get("joined"):
                return found
        raise Invalid("channel_id", f"{', '.join(addresses)} belongs to another card, or waits to be confirmed")

    async def _said(self, notice: Document, order: Document, customer: Document, settings: Document) -> Draft:
        """What is said: the macro of the pipeline's status, else ready-made words; never with a blank."""
        pipeline = await self._orders.pipeline()
        stage = pipeline.stage(notice["status"])
        told: Document = {
            "id": notice["_id"],
            "attempt": notice["attempt"],
            "order_id": order["_id"],
            "number": order["number"],
            "status": notice["status"],
            "handed_on": False,
        }
        wishes = (customer.get("language", ""), *settings["languages"])
        language = language_of(wishes)
        values = {
            "number": order["number"],
            "status": pipeline.title(notice["status"], (language, *settings["languages"])),
            "sum": f"{order['total']} {order['currency']}".strip() if order["total"] else "",
            "carrier": order["delivery"]["carrier"],
            "tracking_number": order["delivery"]["tracking_number"],
            "shop": settings["shop_name"],
        }
        macro = await self._macros.shared(stage.macro_id) if stage is not None and stage.macro_id else None
        base = Draft(
            message_id=_message_id(notice),
            client_token=_message_id(notice),
            notice=told,
            automatic=True,
            subject=subject_of(language, values),
        )
        if macro is not None:
            at_that_time = {**order, "status": notice["status"]}
            prepared = await self._macros.prepare(macro, customer=customer, order=order["_id"])
            filled = await self._macros.fill(macro, customer=customer, order=at_that_time)
            if not filled.missing:
                files = [file["_id"] for file in prepared.files]
                return msgspec.structs.replace(
                    base, text=filled.text, attachments=files, lent=frozenset(files), buttons=prepared.buttons
                )
        return msgspec.structs.replace(base, text=ready_made(notice["status"], language, values))

    async def _leave_to_somebody(
        self,
        notice: Document,
        order: Document,
        customer: Document,
        cases: tuple[Document | None, Document | None],
        tried: Sequence[Mapping[str, Any]],
    ) -> None:
        pipeline = await self._orders.pipeline()
        languages = (await self._settings.get())["languages"]
        status = pipeline.title(notice["status"], languages)
        active, _ = cases
        wanted = NewTask(
            title=f"{order['number']}: {status}. {customer['name']}".rstrip(". "),
            details=reasons(tried) or "no channel of this customer is known",
            due_at=now(),
            customer_id=customer["_id"],
            conversation_id=active["_id"] if active is not None else None,
            order_id=order["_id"],
            assignee_id=(active or {}).get("assignee_id") or customer["last_manager_id"],
            client_token=notice["_id"],
        )
        try:
            task, _ = await self._tasks.create(wanted, author=SYSTEM)
        except Invalid:  # Who answered last has left, or may not see it any more: it is for whoever takes it.
            task, _ = await self._tasks.create(msgspec.structs.replace(wanted, assignee_id=None), author=SYSTEM)
        await self._store.settle(notice, "task", tried=list(tried), task_id=task["_id"])
        _log.info("notice_left_to_somebody", task_id=task["_id"])

    async def _name(self, channel_id: str) -> str:
        channels = {channel["_id"]: channel["name"] for channel in await self._channels.known()}
        return str(channels.get(channel_id, channel_id))


def _message_id(notice: Mapping[str, Any]) -> str:
    """The id of the message of a notice's present attempt."""
    return derived_id("notice message", notice["_id"], str(notice["attempt"]))


def _draft(notice: Mapping[str, Any], posted: Mapping[str, Any]) -> Draft:
    """A draft that finds what was posted."""
    return Draft(text=posted["text"], client_token=_message_id(notice))
