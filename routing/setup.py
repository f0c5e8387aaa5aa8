"""Changing what routing goes by: what an admin sends is checked whole, and counts in this process at once."""

from collections.abc import Awaitable, Callable, Collection, Iterable

from inbox.channels import Channels
from inbox.model.errors import Invalid
from inbox.settings import ShopSettings
from inbox.storage.database import Document
from inbox.storage.managers import ManagerStore
from routing.policies import Policies
from routing.policy import Policy, RoutingSettings

_UNKNOWN = "there is no channel {}"


class RoutingSetup:
    """What admins do to the shop's routing and to teams' policies. `kinds` are the channel kinds there are.

    `drain` gives out the queue, which another policy may let go on. Everything wrong is refused as `Invalid` under its
    field's name, such as `policy.leads.0`.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        settings: ShopSettings,
        channels: Channels,
        managers: ManagerStore,
        kinds: Collection[str],
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        self._policies = policies
        self._settings = settings
        self._channels = channels
        self._managers = managers
        self._kinds = frozenset(kinds)
        self._drain = drain

    async def present(self) -> RoutingSettings:
        """What holds for the shop now, whichever process changed it last."""
        self._policies.forget()
        return await self._policies.shop()

    async def change(self, wanted: RoutingSettings) -> RoutingSettings:
        """Have the whole shop go by this."""
        channels = await self._channel_ids()
        await self._check_policy(wanted.policy, channels, "policy")
        known = channels | self._kinds
        for place, rule in enumerate(wanted.priorities):
            _refuse_unknown(rule.channels, known, f"priorities.{place}.channels")
        for name in wanted.weights:
            _refuse_unknown_key(name, known, "weights")
        await self._settings.change({"routing": wanted.model_dump(mode="json", by_alias=True)})
        await self.changed()
        return wanted

    async def changed(self) -> None:
        """A policy is another one now: have it count at once, also for what waits."""
        self._policies.forget()
        await self._drain()

    async def checked(self, policy: Policy, field: str) -> Document:
        """A team's policy as its row keeps it."""
        await self._check_policy(policy, await self._channel_ids(), field)
        return policy.model_dump(mode="json", by_alias=True)

    async def _check_policy(self, policy: Policy, channels: Collection[str], field: str) -> None:
        for channel_id in policy.channel_targets:
            _refuse_unknown_key(channel_id, channels, f"{field}.channel_targets")
        active = await self._managers.active(policy.leads)
        for place, manager_id in enumerate(policy.leads):
            if manager_id not in active:
                raise Invalid(f"{field}.leads.{place}", "there is no such active manager")

    async def _channel_ids(self) -> frozenset[str]:
        return frozenset(channel["_id"] for channel in await self._channels.all())


def _refuse_unknown(names: Iterable[str], known: Collection[str], field: str) -> None:
    for place, name in enumerate(names):
        if name not in known:
            raise Invalid(f"{field}.{place}", _UNKNOWN.format(name))


def _refuse_unknown_key(name: str, known: Collection[str], field: str) -> None:
    if name not in known:
        raise Invalid(f"{field}.{name}", _UNKNOWN.format(name))
