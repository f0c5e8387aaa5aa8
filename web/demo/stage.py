"""Plays the demo's stories: customers write on real phones, webhooks and outbox carry it, routing finds who answers.

Only time is made up. A story's chat has its clock set back, so the messengers' side dates what is said in the past;
once a case is played, what the house dated by its own clock (arrivals, notes, waiting) is moved to where it belongs.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final, TypeVar

from bot.staff.accounts import Wishes
from bot.starters import GREETING
from channels.faults import Fault
from channels.props import sample_photo, sample_portrait
from channels.sandbox import Sandbox
from channels.telegram.sandbox import Chat
from inbox.managers import NewManager
from inbox.model.conversation import preview
from inbox.model.ids import identity_id, now, sort_key
from inbox.model.people import Author, Role, Status, Viewer
from inbox.model.schedule import DAYS, Schedule
from inbox.replies import Draft
from inbox.settings import opening_hours
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.macro_cases import MacroCaseStore
from inbox.storage.messages import MessageStore
from inbox.storage.numbers import NumberStore
from inbox.storage.people import PeopleStore
from routing.policy import Policy, RoutingSettings, Targets
from web.demo.cast import (
    BOT,
    INSTAGRAM,
    LANGUAGES,
    MACROS,
    MAILBOX,
    MANAGERS,
    PASSWORD,
    SHOP,
    STAFF_BOT,
    TEAMS,
    WELCOME,
    WHOLESALE_MAILBOX,
)
from web.demo.habits import learned
from web.demo.past import tell_the_past
from web.demo.phones import InstagramPhone, Mail
from web.demo.script import Act, Case, Mishap, Phone, Reply, Story
from web.demo.stories import STORIES
from web.doors.passwords import Passwords
from web.house import House

GREETED_AFTER: Final = timedelta(seconds=2)
CLOSED_AFTER: Final = timedelta(minutes=4)
PATIENCE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
THREAD: Final = 100
MILLISECOND_DIGITS: Final = 13
"""How many digits of a sort key say when; the rest is the order within that moment."""

Door = tuple[str, Callable[[Story], Phone]]
"""A channel's id, and how a story's customer comes to a phone with the shop's chat on it."""

_T = TypeVar("_T")


class Stage:
    """A fresh house and its sandbox, to be filled."""

    def __init__(self, house: House, sandbox: Sandbox) -> None:
        self.house = house
        self.sandbox = sandbox
        self.messages = MessageStore(house.database)
        self.conversations = ConversationStore(house.database)
        self.people = PeopleStore(house.database)
        self.managers: dict[str, Viewer] = {}
        self.teams: dict[str, str] = {}
        self.macros: dict[str, Document] = {}
        self.started = now()

    async def play(self) -> None:
        """Fill the house."""
        await self.house.settings.change({"shop_name": SHOP, "languages": list(LANGUAGES)})
        await self._hire()
        await self._write_macros()
        await self._greet()
        doors = {
            "telegram": await self._open_telegram(),
            "viber": await self._open_viber(),
            "instagram": await self._open_instagram(),
            "email": await self._open_mailbox(MAILBOX, "Email"),
            "wholesale": await self._open_mailbox(WHOLESALE_MAILBOX, "Email, гурт", posted=True),
        }
        performances = [_Performance(self, story, *doors[story.door]) for story in STORIES]
        await asyncio.gather(*(performance.play() for performance in performances))
        for performance in performances:
            await performance.mishaps()
        for manager in MANAGERS:
            await self.house.assigner.set_status(self.managers[manager.key].id, Status(manager.status))
        await asyncio.gather(*(performance.finish() for performance in performances))
        await self._remember([channel_id for channel_id, _ in doors.values()])
        await self._promise_answers()
        await self._open_companion()

    async def _open_companion(self) -> None:
        """Have a manager's own phone linked to a bot for managers: it can be looked at beside the customers'."""
        bot = self.sandbox.telegram.create_bot(STAFF_BOT)
        accounts, manager = self.house.staff_accounts, self.managers["oksana"]
        await accounts.put(Wishes(token=bot.token, api_base=self.sandbox.api_base("telegram")))
        offer = await accounts.offer(manager)
        phone = bot.chat(self.sandbox.telegram.create_customer(manager.name, language=LANGUAGES[0]))
        phone.start(offer.url.partition("?start=")[2])
        await phone.until(lambda chat: chat.texts(), seconds=PATIENCE_SECONDS)

    async def _promise_answers(self) -> None:
        """Have whoever writes from now on answered in time. Whoever looks at the demo does so at any hour."""
        always = {"timezone": "Europe/Kyiv", "open": [{"days": DAYS, "from": "00:00", "to": "24:00"}]}
        policy = Policy(targets=Targets(first_reply=15, next_reply=30), hours=Schedule.model_validate(always))
        await self.house.routing_setup.change(RoutingSettings(policy=policy))

    async def _remember(self, channels: Sequence[str]) -> None:
        """Have numbers of the weeks before, and what was learned then."""
        people = [viewer.id for viewer in self.managers.values()]
        hours = opening_hours(await self.house.settings.get())
        await tell_the_past(NumberStore(self.house.database), people, channels, hours, self.started)
        await MacroCaseStore(self.house.database).keep_many(list(learned(self.macros, self.started)))

    async def _open_telegram(self) -> Door:
        bot = self.sandbox.telegram.create_bot(BOT)
        settings = {"token": bot.token, "api_base": self.sandbox.api_base("telegram")}
        channel, _ = await self.house.channels.create("telegram", SHOP, settings)

        def phone(story: Story) -> Phone:
            customer = self.sandbox.telegram.create_customer(
                story.name, username=story.username, language=story.language, phone=story.phone
            )
            self.sandbox.telegram.portray(customer, _portrait(story))
            return bot.chat(customer)

        return channel["_id"], phone

    async def _open_viber(self) -> Door:
        bot = self.sandbox.viber.create_bot(SHOP)
        settings = {"token": bot.token, "sender_name": SHOP, "welcome": WELCOME}
        settings |= {"api_base": self.sandbox.api_base("viber")}
        channel, _ = await self.house.channels.create("viber", "Viber", settings)

        def phone(story: Story) -> Phone:
            customer = self.sandbox.viber.create_customer(story.name, language=story.language, phone=story.phone)
            self.sandbox.viber.portray(customer, _portrait(story))
            return bot.chat(customer)

        return channel["_id"], phone

    async def _open_instagram(self) -> Door:
        """The shop's account, entered in Meta's dashboard as an admin does it."""
        account = self.sandbox.instagram.create_account(INSTAGRAM)
        settings = {
            "account_id": account.id,
            "access_token": account.access_token,
            "app_secret": account.app_secret,
            "meta_app_secret": account.meta_app_secret,
            "api_base": self.sandbox.api_base("instagram"),
        }
        channel, made_up = await self.house.channels.create("instagram", "Instagram", settings)
        if not await account.set_webhook(self.house.channels.webhook_url(channel), made_up["verify_token"]):
            raise RuntimeError(account.last_error)

        def phone(story: Story) -> Phone:
            customer = self.sandbox.instagram.create_customer(story.name, username=story.username)
            self.sandbox.instagram.portray(customer, _portrait(story))
            return InstagramPhone(account.chat(customer))

        return channel["_id"], phone

    async def _open_mailbox(self, address: str, name: str, *, posted: bool = False) -> Door:
        """A mailbox of the shop's that is watched by IMAP, or whose letters a provider posts."""
        mail = self.sandbox.email
        mailbox = mail.create_mailbox(address)
        settings = {"address": mailbox.address, "from_name": SHOP, "smtp_url": mail.smtp_url(mailbox)}
        settings |= {"inbound": "postmark"} if posted else {"imap_url": mail.imap_url(mailbox)}
        channel, made_up = await self.house.channels.create("email", name, settings)
        if posted:
            mail.deliver_to(mailbox, self.house.channels.webhook_url(channel), made_up["inbound_secret"])

        def phone(story: Story) -> Phone:
            return Mail(mail.letters(mailbox, mail.create_customer(story.name, story.address, language=story.language)))

        return channel["_id"], phone

    async def _hire(self) -> None:
        hashed = await Passwords().hash(PASSWORD)
        for key, name in TEAMS.items():
            team = await self.house.teams.create(name)
            self.teams[key] = team["_id"]
        for one in MANAGERS:
            wanted = NewManager(
                email=one.email,
                name=one.name,
                password_hash=hashed,
                role=Role(one.role),
                capacity=one.capacity,
                teams=tuple(self.teams[key] for key in one.teams),
                languages=one.languages,
            )
            hired = await self.house.managers.create(wanted, by=None)
            self.managers[one.key] = Viewer(
                id=hired["_id"], name=one.name, role=wanted.role, teams=frozenset(wanted.teams)
            )

    async def _write_macros(self) -> None:
        for macro in MACROS:
            writer = self.managers[macro.owner or MANAGERS[0].key]
            self.macros[macro.key] = await self.house.macros.create(
                writer,
                name=macro.name,
                text=macro.text,
                shortcut=macro.key,
                folder=macro.folder,
                buttons=[{"title": title, "data": title["en"]} for title in macro.buttons],
                actions=macro.actions,
                shared=not macro.owner,
            )

    async def _greet(self) -> None:
        rules, _ = await self.house.rules.page(None, 100)
        for rule in rules:
            if rule["name"] == GREETING:
                await self.house.rules.change(rule["_id"], {"enabled": True})


class _Performance:
    """One customer's story on its way from the phone into the house."""

    def __init__(self, stage: Stage, story: Story, channel_id: str, phone: Callable[[Story], Phone]) -> None:
        self._stage = stage
        self._story = story
        self._channel_id = channel_id
        self._chat = phone(story)
        self._conversation_id = ""
        self._dated: dict[str, datetime] = {}
        """When those messages were written that the messengers' side cannot date."""

    async def play(self) -> None:
        """All cases up to now, but for what goes wrong."""
        for case in self._story.cases:
            for line in case.lines:
                if isinstance(line, Act):
                    await self._act(line)
                elif isinstance(line, Reply):
                    await self._reply(line)
            await self._leave(case)
            if case.status == "closed":
                await self._date(case)
                self._conversation_id = ""
        await self._fill_card()

    async def mishaps(self) -> None:
        """What goes wrong, one at a time with nothing else under way: a fault meets whichever call is next."""
        for line in self._story.cases[-1].lines:
            if isinstance(line, Mishap):
                blocked = line.outcome == "failed"
                self._stage.sandbox.telegram.fault(
                    Fault(kind="status", status=403, method="sendMessage", times=1)
                    if blocked
                    else Fault(kind="reset_after", method="sendMessage", times=1)
                )
                await self._reply(Reply(ago=line.ago, by=line.by, text=line.text))
                if blocked and isinstance(self._chat, Chat):
                    self._chat.block()

    async def finish(self) -> None:
        """Put the last case where it belongs in time, and let the phone live in the present."""
        await self._settled()
        if self._conversation_id:
            await self._date(self._story.cases[-1])
        self._chat.clock = time.time

    async def _act(self, act: Act) -> None:
        said = len(self._chat.messages)
        self._set_clock(act.ago)
        act.do(self._chat)
        self._set_clock(act.ago - GREETED_AFTER)
        if act.silent:
            await self._settled()
            return
        expected = {self._chat.external_id(message) for message in self._chat.messages[said:]}
        arrived = await until(partial(self._arrived, expected))
        if not self._conversation_id:
            self._conversation_id = arrived["conversation_id"]
            await self._chat.until(lambda chat: chat.messages[-1].from_shop, seconds=PATIENCE_SECONDS)

    async def _arrived(self, expected: set[str]) -> Document | None:
        """A message that came, once all of them did."""
        found = await self._stage.messages.external_to_ids(self._channel_id, list(expected))
        return next(iter(found.values())) if found.keys() == expected else None

    async def _reply(self, reply: Reply) -> None:
        house, viewer = self._stage.house, self._stage.managers[reply.by]
        text, macro = reply.text, self._stage.macros.get(reply.macro)
        if macro is not None:
            conversation = await house.conversations.get(viewer, self._conversation_id)
            customer = await house.customers.get(conversation["customer_id"])
            text = (await house.macros.fill(macro, customer=customer, manager=viewer)).text
        files = [
            await house.media.store(f"фото-{variant}.png", "image/png", _whole(sample_photo(variant)), viewer.id)
            for variant in reply.photos
        ]
        self._set_clock(reply.ago)
        draft = Draft(
            text=text,
            kind="note" if reply.note else "reply",
            attachments=[file["_id"] for file in files],
            macro_id=macro["_id"] if macro is not None else None,
        )
        message, _ = await house.replies.post(self._conversation_id, draft, author=Author.of(viewer))
        self._dated[message["_id"]] = self._moment(reply.ago)
        await until(self._nothing_under_way)
        await self._chat.bot.drained(seconds=PATIENCE_SECONDS)

    async def _nothing_under_way(self) -> bool:
        thread = await self._stage.messages.thread(self._conversation_id, None, THREAD)
        return all(message["state"] not in ("queued", "sending") for message in thread)

    async def _leave(self, case: Case) -> None:
        """Leave the conversation as the story says that it stands."""
        house, owner = self._stage.house, self._stage.managers[MANAGERS[0].key]
        changes: dict[str, Any] = {"labels": case.labels, "priority": case.priority}
        if case.team:
            changes["team_id"] = self._stage.teams[case.team]
        if case.status == "snoozed":
            changes["snoozed_until"] = now() + case.snoozed_for
        elif case.status != "open":
            changes["status"] = case.status
        await house.conversations.change(self._conversation_id, changes, by=Author.of(owner))
        if case.holder:
            holder = self._stage.managers[case.holder]
            await house.assigner.hand_to(self._conversation_id, holder.id, by=Author.of(owner))

    async def _date(self, case: Case) -> None:
        """Move a case to where it belongs in time."""
        await until(self._nothing_under_way)
        conversation_id, stage = self._conversation_id, self._stage
        dates = {self._chat.external_id(message): message.date for message in self._chat.messages}
        thread = []
        for message in reversed(await stage.messages.thread(conversation_id, None, THREAD)):
            known = [dates[key] for key in message.get("external_ids") or () if key in dates]
            at = datetime.fromtimestamp(min(known), UTC) if known else self._dated[message["_id"]]
            sequence = int(message["sort"][MILLISECOND_DIGITS:])
            changes = {"sent_at": at, "received_at": at, "created_at": at, "sort": sort_key(at, sequence)}
            await stage.messages.change(message["_id"], changes)
            thread.append({**message, **changes})
        retold = partial(_retold, thread=thread)
        decided = await stage.conversations.decide({}, {conversation_id: retold})
        conversation = decided[conversation_id]
        closed = not conversation["active"]
        if case is self._story.cases[0]:
            await stage.people.change_customer(conversation["customer_id"], {"created_at": conversation["created_at"]})
        for viewer in stage.managers.values():
            if viewer.may_see(conversation) and case.read and (closed or viewer.id == conversation["assignee_id"]):
                await stage.house.conversations.mark_read(conversation_id, viewer)

    async def _fill_card(self) -> None:
        identity = await self._stage.people.identity(identity_id(self._channel_id, self._chat.user_id))
        if identity is None:
            raise RuntimeError(f"{self._story.name} never arrived")
        card: dict[str, Any] = {"tags": list(self._story.tags), "fields": self._story.fields}
        if self._story.phone:
            card["phones"] = [f"+{self._story.phone}"]
        await self._stage.house.customers.change(identity["customer_id"], card)

    async def _settled(self) -> None:
        """Wait until all that the phone did is in the house."""
        await self._chat.bot.drained(seconds=PATIENCE_SECONDS)
        await until(self._journal_is_empty)

    async def _journal_is_empty(self) -> bool:
        return await self._stage.house.journal_store.pending() == 0

    def _moment(self, before: timedelta) -> datetime:
        return self._stage.started - before

    def _set_clock(self, before: timedelta) -> None:
        moment = self._moment(before).timestamp()
        self._chat.clock = lambda: moment


def _retold(conversation: Document, thread: Sequence[Document]) -> Document:
    """What follows for a conversation from when its messages were written."""
    first, last = thread[0]["sent_at"], thread[-1]["sent_at"]
    shown = max((message for message in thread if message["direction"] != "note"), key=itemgetter("sort"))
    received = [message for message in thread if message["direction"] == "in"]
    replies = [message for message in thread if message["direction"] == "out" and not message["automatic"]]
    replied = max((message["sort"] for message in replies), default="")
    waiting = [message for message in received if message["sort"] > replied]
    closed = conversation["closed_at"] is not None
    changes: Document = {
        "created_at": first,
        "opened_at": first,
        "last_at": shown["sent_at"],
        "last_message": preview(shown),
        "last_inbound_sort": max(message["sort"] for message in received),
        "last_reply_sort": replied,
        "unanswered": [message["sort"] for message in waiting],
        "waiting_since": waiting[0]["received_at"] if waiting and not closed else None,
        "closed_at": last + CLOSED_AFTER if closed else None,
        "begun": [
            {**opening, "at": first, "sort": min(message["sort"] for message in received)}
            for opening in conversation.get("begun", ())[-1:]
        ],
    }
    if conversation["assignment"] is not None:
        by_reply = conversation["assignment"]["reason"] == "replied" and replies
        changes["assignment"] = {**conversation["assignment"], "at": replies[0]["sent_at"] if by_reply else first}
    return changes


async def until(condition: Callable[[], Awaitable[_T | None]]) -> _T:
    """Wait until something holds; returns what it returned."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await condition()):  # noqa: ASYNC110 - the house announces no such thing
            await asyncio.sleep(LOOK_SECONDS)
    return found


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _portrait(story: Story) -> bytes | None:
    """What a customer looks like, the same each time; some show no picture of themselves."""
    drawn = zlib.crc32(story.name.encode())
    return sample_portrait(drawn) if drawn % 3 else None
