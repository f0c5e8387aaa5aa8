"""All that the pages read, in the shapes of the API. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inbox.model.people import Viewer
from inbox.model.reports import By, Group, Name, Period
from web.doors.table import Session

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A conversation as the list shows it."""

    conversation: View
    customer: View
    channel: View | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: a tab, words to look for, in which order (`recent`, or `due` first), where to go on."""

    tab: str = "mine"
    q: str = ""
    sort: str = "recent"
    cursor: str | None = None
    limit: int = 40


class Desk(Protocol):
    """Reads for one viewer at a time, and only what they may see: anything else is `NotFound`."""

    async def me(self, session: Session) -> View:
        """Who is signed in, as a manager."""

    async def shop(self) -> View:
        """The shop's settings."""

    async def counts(self, viewer: Viewer) -> Mapping[str, int]:
        """How many conversations the tabs hold; a tab without a number has none."""

    async def rows(self, viewer: Viewer, wanted: Wanted) -> tuple[Sequence[Row], str | None]:
        """A page of the list and the cursor of the next."""

    async def conversation(self, viewer: Viewer, conversation_id: str) -> View:
        """One conversation."""

    async def messages(
        self, viewer: Viewer, conversation_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        """A page of a conversation's messages, newest first, and the cursor of the next (older) one."""

    async def customers(
        self, viewer: Viewer, q: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        """A page of the cards that have a word for each word of `q`, and the cursor of the next; all without `q`.

        Each with `contact_at`: when something was said last, as far as the viewer may see it, else None.
        """

    async def customer(self, customer_id: str, conversation_id: str | None = None) -> View:
        """A card, or the one that it was merged into.

        With `answers_to`: the identities that an answer in this conversation goes to, by channel.
        """

    async def orders(self, customer_id: str) -> View:
        """A card's orders as `web.pages.orders.orders_shown` puts them together."""

    async def order_statuses(self) -> View:
        """The pipeline for the screen that sets it: `{version, statuses}`, each with how many `orders` are in it."""

    async def order_sources(self) -> Sequence[View]:
        """Every shop that pushes orders."""

    def shop_kinds(self) -> Sequence[View]:
        """The kinds of shops that can be connected: `{name, title, steps, example}`."""

    async def customer_fields(self) -> Sequence[View]:
        """The shop's own fields of cards, in their order."""

    async def field_definitions(self) -> tuple[Sequence[View], int]:
        """The same, and their version."""

    async def customer_notes(self, customer_id: str) -> Sequence[View]:
        """What the card shows of its notes: the pinned ones, then the newest."""

    async def files(
        self, viewer: Viewer, customer_id: str, type_: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        """A page of a customer's files, newest first: `media` (photos and videos) or other `files`."""

    async def history(
        self, viewer: Viewer, customer_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[View], str | None]:
        """A page of everything that happened with a customer over all channels, newest first, each with its `kind`."""

    async def cases(self, viewer: Viewer, customer_id: str) -> Sequence[View]:
        """A customer's conversations, newest first."""

    async def same_person(self, customer_id: str) -> View:
        """`suggestions` of who else a customer may be, and `merges`: the cards that joined theirs."""

    async def accounts(self, viewer: Viewer) -> Sequence[View]:
        """Every channel for the screen that sets them up.

        With `waiting`, how many requests still have to go, `steps`, what is left to do at the provider, and
        `state_needs_person` where its trouble does not pass by itself.
        """

    async def channels(self, viewer: Viewer) -> Sequence[View]:
        """Every connected account, each with the `title` of its kind."""

    async def managers(self, viewer: Viewer) -> Sequence[View]:
        """Those who answer, as many as a menu shows."""

    async def everybody(self, viewer: Viewer) -> Sequence[View]:
        """Every manager, however many: for screens on which some of them are chosen."""

    async def manager(self, viewer: Viewer, manager_id: str) -> View:
        """One manager."""

    async def teams(self) -> Sequence[View]:
        """Every team."""

    async def team(self, team_id: str) -> View:
        """One team."""

    async def routing(self) -> View:
        """How conversations are given out and watched over in the whole shop."""

    async def tasks(
        self, viewer: Viewer, *, customer_id: str | None = None, mine: bool = False, done: bool = False
    ) -> Sequence[View]:
        """What is to be done, or with `done` what is: of a customer, the viewer's own, or all."""

    async def overdue(self, viewer: Viewer) -> int:
        """How many tasks of the viewer, or of nobody, should have been done by now."""

    async def parcels(self, order_ids: Sequence[str]) -> Mapping[str, View]:
        """What is known of these orders' parcels, by order id."""

    async def troubles(self, viewer: Viewer) -> Sequence[View]:
        """The carriers that admins have to look after: `{name, title, state, state_reason}`."""

    async def carriers(self) -> Sequence[View]:
        """Who carries parcels: `{name, title, setup, fields, connected}`, the last as the API shows it, or None."""

    async def macros(self, viewer: Viewer, *, archived: bool = False) -> Sequence[View]:
        """The macros this viewer can use, or those that are archived."""

    async def macro(self, viewer: Viewer, macro_id: str) -> View:
        """One macro."""

    async def field_codes(self) -> Sequence[str]:
        """The codes of the fields that the shop has added to its cards."""

    async def stages(self) -> Sequence[tuple[str, str]]:
        """Code and title of every status of orders, in their order."""

    async def staff_bot(self) -> View | None:
        """The companion's bot, where one is connected."""

    async def staff_link(self, viewer: Viewer) -> View:
        """How somebody stands with the companion."""

    async def rules(self) -> Sequence[View]:
        """What the bot does by itself, in the order of evaluation."""

    async def rule(self, rule_id: str) -> View:
        """One rule."""

    async def rule_versions(self, rule_id: str) -> Sequence[View]:
        """A rule as it is and as it was, the newest first."""

    async def rule_calls(self, rule_id: str) -> Sequence[View]:
        """What a rule told other systems last, newest first."""

    async def imports(self) -> Sequence[View]:
        """The files that were read in last, newest first."""

    async def erasures(self) -> Sequence[View]:
        """The erasures of late, newest first."""

    async def quarantine(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        """A page of events that could not be read, newest first."""

    async def audit(self, cursor: str | None) -> tuple[Sequence[View], str | None]:
        """A page of who did what, newest first."""

    async def wallboard(self, viewer: Viewer) -> View:
        """The shop at this moment."""

    async def report(self, viewer: Viewer, name: Name, period: Period, *, by: By | None, group: Group | None) -> View:
        """A report: its `items` and their `total`."""

    def kinds(self) -> Sequence[View]:
        """What can be connected: `{name, title, fields: [{name, title, secret, required, default, hint}]}`."""
