"""Samples of accounts by operators; see samples.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kernel.ids import new_id
from tests.acts.sample import Sample
from tests.support.gateway import Gateway


async def account(gateway: Gateway, _account_id: str, _token: str) -> str:
    """An account that signs in with an address of its own."""
    return await gateway.account(email=f"{new_id('acc')}@example.com")


MAKERS: Final = {"accounts": account}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "accounts.create": (
        Sample({"name": "Of {door}", "email": "of-{door}@example.com"}),
        Sample({"name": "Nobody's"}),
    ),
    "accounts.list": (Sample({"matching": "merchant"}), Sample({"limit": 1})),
    "accounts.show": (Sample(),),
    "accounts.set": (Sample({"time_zone": "Asia/Kuwait"}, is_again=True),),
    "accounts.suspend": (Sample({"reason": "fraud"}, is_again=True),),
    "accounts.resume": (
        Sample(is_again=True, after="accounts.suspend", first={"reason": "fraud"}),
    ),
    "accounts.open-live": (Sample(is_again=True, after="accounts.close-live"),),
    "accounts.close-live": (Sample(is_again=True),),
    "accounts.verify-email": (Sample(is_again=True),),
    "accounts.members": (Sample(),),
    "accounts.notifications": (Sample(),),
    "accounts.limits": (Sample(),),
    "accounts.limit": (
        Sample({"per_day_cents": 5_000}, is_again=True),
        Sample({"per_day_cents": None}),
    ),
    "accounts.log": (Sample({"limit": 1}),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "accounts.create": (
        {"name": ""},
        {"name": "Two", "email": "nobody"},
        {"name": "Two", "email": "MERCHANT@example.com"},
    ),
    "accounts.list": ({"cursor": "key_1"},),
    "accounts.set": ({"time_zone": "Mars/Base"},),
    "accounts.suspend": ({"reason": " "}, {"reason": "x" * 201}),
    "accounts.limit": ({"per_day_cents": -1}, {"per_day_cents": 10**14}),
    "accounts.log": ({"cursor": "key_1"},),
}
