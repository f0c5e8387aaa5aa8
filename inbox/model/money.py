"""Amounts of money: exact decimals, written as strings with as many digits as their currency has (ISO 4217)."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")

_CODES: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR
    MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG
    YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_DIGITS: Mapping[str, int] = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
"""How many digits after the point each currency has."""


class NoAmount(ValueError):
    """The text is no amount of this currency; says what would be."""


def checked_currency(code: str) -> str:
    """The code of a currency, in capitals. Raises `NoAmount`."""
    known = code.strip().upper()
    if known not in MINOR_DIGITS:
        raise NoAmount(f"{code[:20]!r} is no currency of ISO 4217; write its three letters, such as UAH")
    return known


def checked_amount(text: str, currency: str) -> str:
    """An amount as its currency writes it: `5` and `5.0` of UAH are `5.00`.

    Raises `NoAmount` for what is no decimal, and for one that is finer than the currency.
    """
    value = _decimal(text)
    told = _written(value, currency)
    if Decimal(told) != value:
        digits = MINOR_DIGITS[currency]
        raise NoAmount(f"{currency} has {digits or 'no'} digits after the point; {text[:30]!r} has more")
    return told


def rounded_amount(text: str, currency: str) -> str:
    """The amount nearest to a decimal that may be finer: a shop's price a piece, which is a quotient. Or `NoAmount`."""
    return _written(_decimal(text), currency)


def _decimal(text: str) -> Decimal:
    if not _PLAIN.fullmatch(text):
        raise NoAmount(f"{text[:30]!r} is no amount; write a decimal such as 1299.50")
    return Decimal(text)


def _written(value: Decimal, currency: str) -> str:
    step = Decimal(1).scaleb(-MINOR_DIGITS[currency])
    return str(value.quantize(step, ROUND_HALF_EVEN) + 0)  # Adding nothing makes -0.00 what it is: 0.00.
