"""The staff companion: connecting its bot, and linking one's own account to it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, SecretStr, StringConstraints

from bot.staff.accounts import Shows, StaffAccounts, Wishes
from inbox.model.errors import NotFound
from inbox.storage.database import Document
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Shape, WebhookUrl
from web.api.views import View
from web.doors.answers import json_answer, no_content
from web.doors.bodies import Change
from web.doors.table import Call, Route, Who

Secret = Annotated[SecretStr, Field(min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class StaffBotChange(Change):
    """The bot and what it tells. Without a `token` the one that is connected stays.

    `shows` is what is said of customers unasked: nothing, their name, or name and text. `at_desk`: those who have the
    inbox open in a browser are told as well.
    """

    audited: ClassVar = frozenset({"api_base", "shows", "at_desk"})

    token: Secret = SecretStr("")
    api_base: Address = ""
    shows: Shows = "name"
    at_desk: bool = False


class StaffBotShape(Shape):
    """The connected bot; `linked` managers use it."""

    username: str
    api_base: str
    shows: Shows
    at_desk: bool
    state: Literal["connected", "degraded", "paused"]
    state_reason: str
    linked: int
    webhook_url: WebhookUrl
    created_at: AwareDatetime


class StaffLinkShape(Shape):
    """Whether one's own account is linked; `name` is what it is called there, `bot` whose chat it is, if any."""

    linked: bool
    name: str
    linked_at: AwareDatetime | None
    bot: str | None


class StaffOfferShape(Shape):
    """A link that works once, until then."""

    url: str
    expires_at: AwareDatetime


async def staff_bot_view(accounts: StaffAccounts, bot: Document) -> View:
    """The connected bot, without its secrets."""
    fields = ("username", "api_base", "shows", "at_desk", "state", "state_reason", "created_at")
    return {
        **{field: bot[field] for field in fields},
        "linked": await accounts.links(),
        "webhook_url": {"path": accounts.webhook_path(bot), "absolute": accounts.webhook_url(bot)},
    }


async def staff_link_view(accounts: StaffAccounts, manager_id: str) -> View:
    """How a manager stands with the companion."""
    (bot, _), link = await accounts.recent(), await accounts.link_of(manager_id)
    return {
        "linked": link is not None,
        "name": link["name"] if link is not None else "",
        "linked_at": link["linked_at"] if link is not None else None,
        "bot": bot["username"] if bot is not None else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffHandlers:
    """`/staff-bot` and `/me/staff-link`."""

    accounts: StaffAccounts

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """The bot."""
        return json_answer(await staff_bot_view(self.accounts, await self.accounts.bot()))

    async def put(self, call: Call[StaffBotChange, None]) -> web.Response:
        """Connect it, or change it."""
        changes = call.body.changes()
        token = changes.pop("token", None)
        wishes = Wishes(**changes, token=token.get_secret_value() if token is not None else None)
        bot, created = await self.accounts.put(wishes)
        call.note.object_id = "staff_bot"
        return json_answer(await staff_bot_view(self.accounts, bot), status=201 if created else 200)

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Disconnect it."""
        await self.accounts.delete()
        call.note.object_id = "staff_bot"
        return no_content()

    async def link(self, call: Call[None, None]) -> web.Response:
        """How one stands with it."""
        return json_answer(await staff_link_view(self.accounts, call.viewer.id))

    async def offer(self, call: Call[None, None]) -> web.Response:
        """A link of one's own."""
        offer = await self.accounts.offer(call.viewer)
        call.note.object_id = call.viewer.id
        return json_answer({"url": offer.url, "expires_at": offer.expires_at}, status=201)

    async def unlink(self, call: Call[None, None]) -> web.Response:
        """End one's own link."""
        if not await self.accounts.unlink(call.viewer.id):
            raise NotFound("your account is not linked")
        call.note.object_id = call.viewer.id
        return no_content()


def rows(services: ApiServices) -> list[Route]:
    """The endpoints of the companion."""
    staff = StaffHandlers(accounts=services.staff_accounts)
    return [
        row("GET", "/staff-bot", Who.ADMIN)(
            handler=staff.show, summary="The bot by which managers answer from their phones", answer=StaffBotShape
        ),
        row("PUT", "/staff-bot", Who.ADMIN)(
            handler=staff.put,
            summary="Connect the staff bot, or change it; it is checked and its webhook set before this answers",
            body=StaffBotChange,
            answer=StaffBotShape,
            statuses=(200, 201),
            audit="staff_bot.put",
        ),
        row("DELETE", "/staff-bot", Who.ADMIN)(
            handler=staff.delete,
            summary="Disconnect the staff bot; every manager's link ends",
            statuses=(204,),
            audit="staff_bot.delete",
        ),
        row("GET", "/me/staff-link", Who.SIGNED_IN)(
            handler=staff.link, summary="Whether one's own account is linked to the staff bot", answer=StaffLinkShape
        ),
        row("POST", "/me/staff-link", Who.SIGNED_IN)(
            handler=staff.offer,
            summary="A link that makes whoever opens it within 15 minutes one's companion; the one before ends",
            answer=StaffOfferShape,
            statuses=(201,),
            audit="me.staff_link",
        ),
        row("DELETE", "/me/staff-link", Who.SIGNED_IN)(
            handler=staff.unlink, summary="End one's own link", statuses=(204,), audit="me.staff_unlink"
        ),
    ]
