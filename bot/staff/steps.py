"""What a manager has begun and not finished: for an hour, in Redis, which may lose it.

A lost step is no step: what is written then goes nowhere, and its writer is told. A step remembers which update began
it, so that an older one that is worked off again after a crash is not taken for its continuation.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import DefaultKeyBuilder, StorageKey
from aiogram.fsm.storage.redis import RedisStorage
from redis.asyncio import Redis
from redis.exceptions import RedisError

LASTS: Final = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class Step(StatesGroup):
    """What the next message of a manager is."""

    reply = State()
    note = State()
    search = State()
    word = State()


class StepStorage(RedisStorage):
    """Steps in Redis. Where it cannot be read there is none; what cannot be kept raises `RedisError`."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        super().__init__(
            redis,
            key_builder=DefaultKeyBuilder(prefix=f"skrynka:staff:{namespace}", with_bot_id=True),
            state_ttl=LASTS,
            data_ttl=LASTS,
        )

    async def get_state(self, key: StorageKey) -> str | None:
        try:
            return await super().get_state(key)
        except RedisError as error:
            _log.warning("staff_step_not_read", error=type(error).__name__)
            return None

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        try:
            return await super().get_data(key)
        except RedisError as error:
            _log.warning("staff_step_not_read", error=type(error).__name__)
            return {}

    async def close(self) -> None:
        """The client is the house's."""


async def begin(state: FSMContext, step: State, number: int, **data: Any) -> None:
    """Take what the manager writes next for this; `number` is the update that began it. Raises `RedisError`."""
    # In this order: a step without its data is none.
    await state.set_data({"step": step.state, "number": number, **data})
    await state.set_state(step)


async def continued(state: FSMContext, step: State, number: int) -> dict[str, Any] | None:
    """What was kept with a step that this update continues; None where it is lost, or was begun later."""
    data = await state.get_data()
    return data if data.get("step") == step.state and data["number"] < number else None


async def end(state: FSMContext) -> None:
    """Forget what was begun, as far as there is anybody to forget it."""
    with suppress(RedisError):
        await state.clear()
