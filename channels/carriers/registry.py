"""Every carrier whose parcels this house can follow: one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from channels.carriers.nova_poshta import NovaPoshta
from inbox.model.carrier import Carrier


def _by_name(*carriers: Carrier) -> Mapping[str, Carrier]:
    return MappingProxyType({carrier.name: carrier for carrier in carriers})


CARRIERS: Mapping[str, Carrier] = _by_name(
    NovaPoshta(),
)
"""Carrier by name, as it stands in `/carriers/{name}`."""
