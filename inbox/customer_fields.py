"""The fields that a shop adds to its cards: defined by an admin, checked wherever a card is written."""

from collections.abc import Mapping, Sequence

import msgspec

from inbox.model.customer_fields import CustomerField, FieldType, check_fields, checked_values
from inbox.model.errors import Conflict, Invalid
from inbox.storage.customer_fields import CustomerFieldStore

_SHOWN = 3
"""How many wrong values a refusal shows."""


class CustomerFields:
    """Reads and changes the definitions."""

    def __init__(self, store: CustomerFieldStore) -> None:
        self._store = store

    async def all(self) -> list[CustomerField]:
        """The definitions in the order in which cards show them."""
        return (await self.versioned())[0]

    async def versioned(self) -> tuple[list[CustomerField], int]:
        """The definitions, and how often they were changed."""
        found = await self._store.read()
        return msgspec.convert(found["fields"], list[CustomerField]), found["version"]

    async def checked(self, values: Mapping[str, str | None]) -> dict[str, str | None]:
        """Values of a card as it keeps them (see `checked_values`)."""
        return checked_values(await self.all(), values)

    async def change(self, fields: Sequence[CustomerField], *, version: int | None = None) -> None:
        """Set the definitions, in their order.

        Titles, order and archiving are free. Raises `Invalid` for a type or choices that what stands on cards does not
        fit, and for a field left out that cards have: archive that one. `Conflict` where they are no longer at
        `version`.
        """
        check_fields(fields)
        before, current = await self.versioned()
        if version not in (None, current):
            raise Conflict("somebody else has changed the fields; look at them again", current=current)
        rewritten = await self._refitted(before, fields)
        rows = [msgspec.to_builtins(field) for field in fields]
        if not await self._store.write(rows, version=current):
            raise Conflict("somebody else has changed the fields; look at them again", current=current + 1)
        for code, values in rewritten.items():
            await self._store.rewrite(code, values)

    async def _refitted(
        self, before: Sequence[CustomerField], after: Sequence[CustomerField]
    ) -> dict[str, dict[str, str]]:
        """What has to be written anew on cards, by code, from the value as it stands."""
        known = {field.code: field for field in before}
        for code in known.keys() - {field.code for field in after}:
            cards = sum([count async for _, count in self._store.values(code)])
            if cards:
                raise Invalid("fields", f"{code} stands on cards ({cards}): archive it instead of leaving it out")
        rewritten: dict[str, dict[str, str]] = {}
        for position, field in enumerate(after):
            was = known.get(field.code, CustomerField(code=field.code, title="", type=FieldType.TEXT))
            if (was.type, was.choices) != (field.type, field.choices):
                rewritten[field.code] = await self._refit(position, field)
        return rewritten

    async def _refit(self, position: int, field: CustomerField) -> dict[str, str]:
        fitted: dict[str, str] = {}
        wrong: list[str] = []
        async for value, _ in self._store.values(field.code):
            try:
                fitted[value] = field.normalised(value)
            except ValueError:
                wrong.append(value)
        if wrong:
            place = "choices" if field.type is FieldType.CHOICE else "type"
            shown = ", ".join(repr(value[:40]) for value in sorted(wrong)[:_SHOWN])
            raise Invalid(
                f"fields.{position}.{place}", f"cards have values that do not fit: {shown}; change them first"
            )
        return {value: kept for value, kept in fitted.items() if kept != value}
