"""Groups of managers: forming them, who is in them, the policy they go by, and what becomes of their conversations."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from inbox.conversations import Conversations
from inbox.model.errors import Conflict, Invalid, NotFound
from inbox.model.ids import new_id, now
from inbox.paging import decode_cursor, page
from inbox.storage.conversations import ConversationStore
from inbox.storage.database import Document
from inbox.storage.macros import MacroStore
from inbox.storage.managers import ManagerStore
from inbox.storage.teams import TeamStore
from inbox.storage.timers import TimerStore

DISSOLVE = "team.dissolve"
_PATIENCE = timedelta(seconds=15)
"""How long whoever deletes a team has to see it through, before others look after it."""


class Teams:
    """The teams of the shop.

    `on_member` gets every manager who joined or left one, as they are now; `on_policy` is called where a team's policy
    is another one now. `rules_naming` tells what the rules are called that give conversations to a team.
    """

    def __init__(
        self,
        *,
        store: TeamStore,
        managers: ManagerStore,
        macros: MacroStore,
        conversations: Conversations,
        conversation_store: ConversationStore,
        timers: TimerStore,
        on_member: Callable[[Document], Awaitable[None]],
        on_policy: Callable[[], Awaitable[None]],
        rules_naming: Callable[[str], Awaitable[list[str]]],
    ) -> None:
        self._store = store
        self._managers = managers
        self._macros = macros
        self._conversations = conversations
        self._conversation_store = conversation_store
        self._timers = timers
        self._on_member = on_member
        self._on_policy = on_policy
        self._rules_naming = rules_naming

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Document], str | None]:
        """A page of teams, each with its `members`, and the cursor for the next."""
        after = decode_cursor(cursor, str)[0] if cursor else None
        found, following = page(await self._store.page(after, limit + 1), limit, "_id")
        return await self._with_members(found), following

    async def get(self, team_id: str) -> Document:
        """One team with its `members`."""
        found = await self._store.get(team_id)
        if found is None:
            raise NotFound("there is no such team")
        (team,) = await self._with_members([found])
        return team

    async def missing(self, team_ids: Sequence[str]) -> list[str]:
        """Which of these ids are no team's."""
        return await self._store.missing(team_ids)

    async def create(self, name: str) -> Document:
        """Form a team that nobody is in yet and that goes by the shop's policy. Raises `Taken` for a known name."""
        team = await self._store.insert({"_id": new_id(), "name": name, "policy": None, "created_at": now()})
        return {**team, "members": []}

    async def change(self, team_id: str, changes: dict[str, Any]) -> Document:
        """Set `name`, `policy` (as it is stored, or None: the shop's) or `members` (ids of active managers)."""
        fields = dict(changes)
        members = fields.pop("members", None)
        before = await self.get(team_id)
        if members is not None:
            await self._refuse_strangers(members)
        if fields and await self._store.change(team_id, fields) is None:
            raise NotFound("there is no such team")
        if "policy" in fields:
            await self._on_policy()
        if members is not None:
            await self._regroup(before, set(members))
        return await self.get(team_id)

    async def _refuse_strangers(self, manager_ids: Sequence[str]) -> None:
        active = await self._managers.active(manager_ids)
        for position, manager_id in enumerate(manager_ids):
            if manager_id not in active:
                raise Invalid(f"members.{position}", "there is no such active manager")

    async def _regroup(self, team: Document, members: set[str]) -> None:
        present = set(team["members"])
        for manager_id in sorted(present ^ members):
            changed = await self._managers.regroup(manager_id, team["_id"], joins=manager_id in members)
            if changed is not None:
                await self._on_member(changed)

    async def delete(self, team_id: str) -> None:
        """Forget a team: its members leave it, and its conversations are everybody's.

        Raises `Conflict` naming the macros and rules that give conversations to it: they would come to nothing.
        """
        await self.get(team_id)
        named = {"macros": await self._named_in(team_id), "rules": await self._rules_naming(team_id)}
        for what, names in named.items():
            if names:
                reason = f"{what} give conversations to this team; change them first: {', '.join(names)}"
                raise Conflict(reason, choices={what: names})
        timer = f"{DISSOLVE}:{team_id}"
        await self._timers.set(timer, DISSOLVE, now() + _PATIENCE, {"team_id": team_id})
        await self.dissolve({"team_id": team_id})
        await self._timers.clear(timer)

    async def _named_in(self, team_id: str) -> list[str]:
        """What the macros are called that give conversations to a team; those of managers who left do not count."""
        macros = await self._macros.that_assign_to(team_id)
        owners = await self._managers.named([macro["owner_id"] for macro in macros if macro["owner_id"] is not None])
        active = await self._managers.active(list(owners))
        return [
            macro["name"] if macro["owner_id"] is None else f"{macro['name']} ({owners[macro['owner_id']]}’s own)"
            for macro in macros
            if macro["owner_id"] is None or macro["owner_id"] in active
        ]

    async def dissolve(self, data: Document) -> None:
        """Delete a team and see what was the team's through (timer `team.dissolve`)."""
        team_id = data["team_id"]
        await self._store.delete(team_id)
        await self._on_policy()
        while found := await self._conversation_store.of_team(team_id):
            for conversation_id in found:
                with suppress(NotFound):
                    await self._conversations.change(conversation_id, {"team_id": None})
        await self._conversation_store.leave_team(team_id)
        for manager_id in await self._managers.of_team(team_id):
            changed = await self._managers.regroup(manager_id, team_id, joins=False)
            if changed is not None:
                await self._on_member(changed)

    async def _with_members(self, teams: Sequence[Document]) -> list[Document]:
        members = await self._store.members([team["_id"] for team in teams])
        return [{**team, "members": members[team["_id"]]} for team in teams]
