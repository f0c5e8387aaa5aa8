"""Who works here: managers, and the teams they form."""

from collections.abc import Awaitable, Callable

from inbox.managers import Managers
from inbox.storage.database import Document
from inbox.teams import Teams
from web.house.desk import Desk
from web.house.routing import Routing
from web.house.rules import Rules
from web.house.stores import Stores


class Crew:
    """`on_deactivated` is told the id of everybody who leaves; floors above have to hear of it too."""

    def __init__(
        self,
        stores: Stores,
        desk: Desk,
        routing: Routing,
        rules: Rules,
        *,
        on_deactivated: Callable[[str], Awaitable[None]],
    ) -> None:
        async def changed(manager: Document) -> None:
            await routing.assigner.manager_changed(await routing.shifts.follow(manager))

        self.managers = Managers(
            stores.managers,
            stores.sessions,
            stores.teams,
            stores.channels,
            on_deactivated=on_deactivated,
            on_changed=changed,
        )
        self.teams = Teams(
            store=stores.teams,
            managers=stores.managers,
            macros=stores.macros,
            conversations=desk.conversations,
            conversation_store=stores.conversations,
            timers=stores.timers,
            on_member=routing.assigner.manager_changed,
            on_policy=routing.setup.changed,
            rules_naming=rules.references.naming_team,
        )
