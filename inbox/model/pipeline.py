"""The stages that a shop's orders go through, and which moves between them are allowed."""

from collections.abc import Iterable, Sequence

import msgspec

from inbox.model.errors import Invalid

MAX_STAGES = 60

_VOID = frozenset({"returned", "cancelled"})
"""Statuses that say by themselves that an order came to nothing."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A status of orders: its code, what it is called (by language), and where an order may go from it."""

    code: str
    title: dict[str, str]
    next: tuple[str, ...] = ()
    notify: bool = False
    """Whether the customer is told when an order comes here."""
    macro_id: str | None = None
    """With which words; None for the ready-made ones."""
    void: bool | None = None
    """Whether an order that is here came to nothing and counts in no sum; None where its code says that."""


class Pipeline(msgspec.Struct, frozen=True):
    """All stages in the order in which people read them. The first is where an order begins whose status is unknown."""

    stages: tuple[Stage, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Every status there is."""
        return tuple(stage.code for stage in self.stages)

    def stage(self, code: str) -> Stage | None:
        """One stage; None for a code that the pipeline does not have."""
        return next((stage for stage in self.stages if stage.code == code), None)

    def allowed(self, code: str) -> tuple[str, ...]:
        """Where an order may go from this status. From one that the pipeline has lost it may go anywhere."""
        stage = self.stage(code)
        return stage.next if stage is not None else self.codes

    def place(self, code: str) -> int:
        """How far along a status is: its position, -1 for one that the pipeline does not have."""
        return self.codes.index(code) if code in self.codes else -1

    def notifies(self, code: str) -> bool:
        """Whether the customer is told of an order that comes to this status."""
        stage = self.stage(code)
        return stage is not None and stage.notify

    @property
    def void(self) -> tuple[str, ...]:
        """Statuses of orders that came to nothing: what they come to is in no sum."""
        return tuple(stage.code for stage in self.stages if (stage.code in _VOID if stage.void is None else stage.void))

    def title(self, code: str, languages: Sequence[str] = ()) -> str:
        """What a status is called, in the first of these languages that it has; its code where it is unknown."""
        stage = self.stage(code)
        titles = stage.title if stage is not None else {}
        return next((titles[language] for language in (*languages, *titles) if language in titles), code)


def check_pipeline(pipeline: Pipeline) -> None:
    """Raise `Invalid` for a pipeline that contradicts itself."""
    if not pipeline.stages:
        raise Invalid("statuses", "a pipeline has one status at the least")
    codes: list[str] = []
    for position, stage in enumerate(pipeline.stages):
        if stage.code in codes:
            raise Invalid(f"statuses.{position}.code", f"{stage.code} is there twice; give each status its own code")
        codes.append(stage.code)
    for position, stage in enumerate(pipeline.stages):
        field = f"statuses.{position}.next"
        if stage.code in stage.next:
            raise Invalid(field, f"{stage.code} leads to itself; leave it out, setting it again does nothing anyway")
        unknown = [code for code in stage.next if code not in codes]
        if unknown:
            raise Invalid(field, f"there is no status {unknown[0]}; there are: {', '.join(codes)}")


def unreachable(pipeline: Pipeline) -> list[str]:
    """Statuses that no allowed move leads to from the first one: only a shop's own push can bring an order there."""
    reached: set[str] = set()
    ahead = [pipeline.stages[0].code]
    while ahead:
        code = ahead.pop()
        if code not in reached:
            reached.add(code)
            ahead.extend(pipeline.allowed(code))
    return [code for code in pipeline.codes if code not in reached]


def vanished(before: Iterable[str], after: Pipeline) -> list[str]:
    """Which of these codes the pipeline does not have."""
    return [code for code in before if code not in after.codes]


def _stage(code: str, titles: str, following: str, *, notify: bool = False) -> Stage:
    title = dict(zip(("uk", "ru", "en", "ka"), titles.split(" | "), strict=True))
    return Stage(code=code, title=title, next=tuple(following.split()), notify=notify)


DEFAULT_PIPELINE = Pipeline(
    (
        _stage("new", "Нове | Новый | New | ახალი", "confirmed awaiting_payment paid cancelled"),
        _stage(
            "confirmed",
            "Підтверджено | Подтверждён | Confirmed | დადასტურებული",
            "awaiting_payment paid packed shipped cancelled",
            notify=True,
        ),
        _stage(
            "awaiting_payment",
            "Очікує оплати | Ожидает оплаты | Awaiting payment | გადახდის მოლოდინში",
            "confirmed paid cancelled",
        ),
        _stage("paid", "Оплачено | Оплачен | Paid | გადახდილი", "confirmed packed shipped cancelled"),
        _stage("packed", "Зібрано | Собран | Packed | შეფუთული", "shipped cancelled"),
        _stage("shipped", "Відправлено | Отправлен | Shipped | გაგზავნილი", "delivered returned", notify=True),
        _stage("delivered", "Доставлено | Доставлен | Delivered | ჩაბარებული", "returned", notify=True),
        _stage("returned", "Повернено | Возвращён | Returned | დაბრუნებული", ""),
        _stage("cancelled", "Скасовано | Отменён | Cancelled | გაუქმებული", ""),
    )
)
"""What a shop begins with."""
