"""Nova Poshta over real HTTP at its sandbox: what its answers mean, and what its errors do."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from channels.carriers.nova_poshta import NovaPoshta, NovaPoshtaSettings
from channels.carriers.nova_poshta.statuses import FINAL, STAGES, news, when
from channels.faults import Fault
from inbox.model.carrier import CarrierConnection, Parcel, Stage
from inbox.model.failures import CredentialsRejected, Refused, RetryLater


@contextlib.asynccontextmanager
async def connected(sandbox: Any, key: str = "", seconds: float = 5.0) -> AsyncIterator[CarrierConnection]:
    settings = NovaPoshtaSettings(
        api_key=key or sandbox.nova_poshta.create_key(), api_base=sandbox.api_base("nova_poshta")
    )
    connection = await NovaPoshta(answer_seconds=seconds).connect(settings)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("code", "stage"),
    [
        ("1", Stage.CREATED),
        ("5", Stage.MOVING),
        ("101", Stage.MOVING),
        ("7", Stage.ARRIVED),
        ("8", Stage.ARRIVED),
        ("9", Stage.DELIVERED),
        ("103", Stage.RETURNED),
        ("2", Stage.CANCELLED),
        ("3", Stage.UNKNOWN),
        ("987", Stage.UNKNOWN),
    ],
)
def test_a_code_is_a_stage_and_its_words_are_shown(code, stage):
    told = news({"Number": "20450000000000", "StatusCode": code, "Status": "Прибув"})
    assert (told.stage, told.text, told.code) == (stage, "Прибув", code)
    assert told.final is (code in {"2", "9", "103"})


def test_every_final_code_is_known():
    assert set(STAGES) >= FINAL


@pytest.mark.parametrize(
    ("words", "time"),
    [
        ("2026-07-01 14:00:00", datetime(2026, 7, 1, 11, 0, tzinfo=UTC)),
        ("01-12-2026 14:00:00", datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
        ("01.12.2026 14:00:00", datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
        ("01.12.2026", datetime(2026, 11, 30, 22, 0, tzinfo=UTC)),
        ("0001-01-01 00:00:00", None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        ("tomorrow", None),
    ],
)
def test_a_time_is_read_in_any_of_its_formats_by_the_clock_in_kyiv(words, time):
    assert when(words) == time


def test_what_arrived_says_where_it_waits_and_since_when():
    told = news(
        {
            "Number": "20450000000000",
            "StatusCode": 7,
            "Status": "Прибув на відділення",
            "WarehouseRecipient": "Відділення №3",
            "ActualDeliveryDate": "2026-07-01 14:00:00",
            "ScheduledDeliveryDate": "01-07-2026 23:30:00",
        }
    )
    assert told.text == "Прибув на відділення: Відділення №3"
    assert told.arrived_at == datetime(2026, 7, 1, 11, 0, tzinfo=UTC)
    assert told.expected_on == "2026-07-01"


async def test_a_hundred_parcels_are_one_request_and_nobodys_number_is_unknown(sandbox):
    parcels = [sandbox.nova_poshta.send() for _ in range(99)]
    parcels[0].move("9")
    async with connected(sandbox) as connection:
        told = await connection.look([Parcel(number=one.number) for one in parcels] + [Parcel(number="1" * 14)])
    assert sandbox.nova_poshta.seen.batches == [100]
    stages = {one.number: one.stage for one in told}
    assert (stages[parcels[0].number], stages[parcels[1].number]) == (Stage.DELIVERED, Stage.CREATED)
    assert stages["1" * 14] is Stage.UNKNOWN


async def test_who_names_the_recipients_phone_is_told_where_the_parcel_waits(sandbox):
    parcel = sandbox.nova_poshta.send(phone="380671112233")
    parcel.move("7")
    async with connected(sandbox) as connection:
        (stranger,) = await connection.look([Parcel(number=parcel.number)])
        (known,) = await connection.look([Parcel(number=parcel.number, phone="+380671112233")])
    assert parcel.branch not in stranger.text
    assert parcel.branch in known.text


async def test_a_wrong_key_is_told_from_trouble_and_never_repeated(sandbox):
    sandbox.nova_poshta.create_key()
    wrong = "0123456789abcdef0123456789abcdef"
    async with connected(sandbox, wrong) as connection:
        for ask in (connection.check, lambda: connection.look([Parcel(number="2" * 14)])):
            with pytest.raises(CredentialsRejected) as refused:
                await ask()
            assert wrong not in str(refused.value)
    async with connected(sandbox) as connection:
        await connection.check()


@pytest.mark.parametrize(
    ("fault", "failure", "after"),
    [
        (Fault(kind="status", description="To many requests"), RetryLater, 60.0),
        (Fault(kind="status", status=429), RetryLater, 60.0),
        (Fault(kind="status", status=500), RetryLater, None),
        (Fault(kind="status", status=401), CredentialsRejected, None),
        (Fault(kind="status", description="Document number is incorrect"), Refused, None),
        (Fault(kind="html"), RetryLater, None),
        (Fault(kind="garbage"), RetryLater, None),
        (Fault(kind="reset_before"), RetryLater, None),
        (Fault(kind="hang"), RetryLater, None),
    ],
)
async def test_each_error_names_what_happens_next(sandbox, fault, failure, after):
    sandbox.nova_poshta.fault(fault)
    async with connected(sandbox, seconds=0.2) as connection:
        with pytest.raises(failure) as raised:
            await connection.look([Parcel(number="2" * 14)])
    assert getattr(raised.value, "after", None) == after


async def test_an_odd_document_does_not_keep_the_news_of_the_others(sandbox):
    good, odd = sandbox.nova_poshta.send(), sandbox.nova_poshta.send()
    odd.scheduled = 5  # A provider may answer anything.
    async with connected(sandbox) as connection:
        told = await connection.look([Parcel(number=good.number), Parcel(number=odd.number)])
    assert [one.number for one in told] == [good.number]


@pytest.mark.parametrize(
    ("number", "known"),
    [
        ("20450000000000", True),
        ("RB123456789UA", True),
        ("2045", False),
        ("ABCDEFGHIJKL", False),
        ("20450 0000", False),
    ],
)
def test_which_numbers_may_be_its_own(number, known):
    assert NovaPoshta().knows(number) is known


@pytest.mark.parametrize("words", ["Nova Poshta", "nova_poshta", "Нова Пошта", "НОВА ПОШТА", "np"])
def test_an_order_may_call_it_in_many_ways(words):
    assert NovaPoshta().is_called(words)
    assert not NovaPoshta().is_called(f"{words} courier service")


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": "short"},
        {"api_key": "a" * 32, "api_base": "https://api.novaposhta.ua/v2.0/json"},
        {"api_key": "a" * 32, "api_base": "api.novaposhta.ua"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(wrong):
    with pytest.raises(ValidationError):
        NovaPoshtaSettings.model_validate(wrong)
