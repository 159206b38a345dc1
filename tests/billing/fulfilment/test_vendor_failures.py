"""Whatever fails at a vendor, and whenever a worker dies: what lies there is what was recorded, once.

The asks go through the worker's own turn; a fault befalls any of its requests.
"""

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.fulfilment.protocol import (
    Delivered,
    NotRevoked,
    Refused,
    Request,
    Revoked,
    Supplier,
    Unknown,
)
from billing.fulfilment.suppliers import ReadySupplier
from tests.support.plain_http import http_client
from tests.support.vendor_service import (
    Fault,
    LiteLlmService,
    NewApiService,
    OpenRouterService,
    made,
)
from worker.fulfilment_runner import call_supplier

FAULTS = st.lists(
    st.sampled_from(["none", "none", "lost", "late", "html", "busy", "denied"]), max_size=5
)
CENTS = st.sampled_from([1, 10, 33, 1_000, 1_010, 99_999])
CHEAP = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Given:
    """A top-up that was recorded as delivered."""

    request: Request
    key: str | None
    value: str | None


class Failing(RuleBasedStateMachine):
    """One recipient's top-ups, one after another, as the worker asks for them."""

    kind: ClassVar[str]
    options: ClassVar[Mapping[str, Any]]
    service: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.service.faults.clear()
        self.runner = asyncio.Runner()
        self.client: httpx.AsyncClient = self._run(_client())
        self.supplier: Supplier = made(
            self.client, self.kind, base_url=self.service.url, **self.options
        )
        self.count = 0
        self.open: Request | None = None
        self.recipient_left: str | None = None
        self.given: list[Given] = []

    def teardown(self) -> None:
        self._run(self.client.aclose())
        self.runner.close()

    def _run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @precondition(lambda self: self.open is None)
    @rule(cents=CENTS)
    def is_sent(self, cents: int) -> None:
        self.count += 1
        self.open = Request(
            transaction_id=f"txn_{self.count:016d}",
            account_id="acc_1",
            environment="live",
            platform="vendor",
            amount_cents=cents,
            recipient_email="user@example.com",
            voucher_code="",
            attempt=0,
            recipient_left=self.recipient_left,
        )

    @precondition(lambda self: self.open is not None)
    @rule(faults=FAULTS, dies=st.booleans())
    def is_asked(self, faults: list[Fault], dies: bool) -> None:
        """dies: the worker ends between the vendor's word and writing it down."""
        assert self.open is not None
        self.open = replace(self.open, attempt=self.open.attempt + 1)
        self.service.faults.extend(faults)
        outcome = self._run(call_supplier(self._ready(), self.open, self._keep, until_s=math.inf))
        self.service.faults.clear()
        if dies:
            return
        if isinstance(outcome, Delivered):
            self._record(self.open, outcome)
        elif isinstance(outcome, Refused):
            self.open = None
        elif isinstance(outcome, Unknown) and outcome.needs_review:
            self._decided_by_person(self.open)

    async def _keep(self, prepared: str) -> bool:
        assert self.open is not None
        self.open = replace(self.open, prepared=prepared)
        return True

    def _ready(self) -> ReadySupplier:
        return ReadySupplier("vendor", "live", self.kind, self.supplier, asked_again="look")

    def _record(self, request: Request, outcome: Delivered) -> None:
        self.recipient_left = outcome.left or self.recipient_left
        self.given.append(Given(request, self._key_of(outcome), outcome.deliverable.value))
        self.open = None

    def _key_of(self, outcome: Delivered) -> str | None:
        return None

    def _decided_by_person(self, request: Request) -> None:
        raise AssertionError("nothing here is unclear")

    def _ask_to_the_end(self) -> None:
        """Without further faults the top-up ends."""
        if self.open is None:
            return
        for _ in range(3):
            if self.open is not None:
                self.is_asked([], False)
        assert self.open is None


class FailingKeys(Failing):
    """Keys with a limit: raised by others too, used, deleted, taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.service.keys.clear()
        self.by_hand: dict[str, Decimal] = {}

    @precondition(lambda self: self.open is None and self.given and self._live())
    @rule(cents=CENTS)
    def somebody_raises(self, cents: int) -> None:
        key = self._live()
        assert key is not None
        self.service.raise_by_hand(key, cents / 100)
        self.by_hand[key] = self.by_hand.get(key, Decimal(0)) + Decimal(cents) / 100

    @precondition(lambda self: self.open is not None and self._live())
    @rule()
    def somebody_raises_meanwhile(self) -> None:
        """By an amount that no top-up has, so that it cannot be taken for one."""
        key = self._live()
        assert key is not None
        self.service.raise_by_hand(key, 7.77)
        self.by_hand[key] = self.by_hand.get(key, Decimal(0)) + Decimal("7.77")

    @precondition(lambda self: self._live())
    @rule()
    def key_is_deleted(self) -> None:
        key = self._live()
        assert key is not None
        del self.service.keys[key]
        self.given = [one for one in self.given if one.key != key]

    @precondition(lambda self: self.open is None and self._live())
    @rule()
    def a_cent_is_used(self) -> None:
        key = self._live()
        assert key is not None
        self.service.spend(key, 0.01)

    @precondition(lambda self: self.open is None and self.given)
    @rule(faults=FAULTS)
    def is_taken_back(self, faults: list[Fault]) -> None:
        last = self.given[-1]
        request = replace(last.request, recipient_left=self.recipient_left)
        self.service.faults.extend(faults)
        for _ in range(4):
            outcome = self._run(self.supplier.revoke(request, last.value))
            self.service.faults.clear()
            if not isinstance(outcome, Unknown):
                break
        assert isinstance(outcome, Revoked | NotRevoked)
        if isinstance(outcome, Revoked):
            self.given.pop()

    @invariant()
    def vendor_holds_what_was_recorded(self) -> None:
        if self.open is not None:
            return
        expected = dict(self.by_hand)
        for one in self.given:
            assert one.key is not None
            amount = Decimal(one.request.amount_cents) / 100
            expected[one.key] = expected.get(one.key, Decimal(0)) + amount
        for key in self.service.keys:
            value = self.service.value_of(key)
            if value or any(one.key == key for one in self.given):
                assert round(value, 6) == float(expected.get(key, 0)), self.service.keys[key]
        assert {one.key for one in self.given} <= set(self.service.keys)

    def teardown(self) -> None:
        self._ask_to_the_end()
        self.vendor_holds_what_was_recorded()
        super().teardown()

    def _live(self) -> str | None:
        """The key that the recipient has."""
        key = self.given[-1].key if self.given else None
        return key if key is not None and self.service.value_of(key) else None

    def _key_of(self, outcome: Delivered) -> str | None:
        assert outcome.left is not None
        return str(json.loads(outcome.left)["key"])

    def _decided_by_person(self, request: Request) -> None:
        raise AssertionError(f"unclear: {request}")


class FailingCodes(Failing):
    """Redemption codes, one for each top-up, some of them taken back."""

    kind = "new_api"
    options = MappingProxyType({"access_token": "token", "user_id": 1})

    def __init__(self) -> None:
        super().__init__()
        self.service.codes.clear()

    @precondition(lambda self: self.open is None and self.given)
    @rule(faults=FAULTS)
    def is_taken_back(self, faults: list[Fault]) -> None:
        last = self.given[-1]
        self.service.faults.extend(faults)
        while isinstance(
            outcome := self._run(self.supplier.revoke(last.request, last.value)), Unknown
        ):
            self.service.faults.clear()
        self.service.faults.clear()
        assert outcome == Revoked()
        self.given.pop()

    @invariant()
    def vendor_holds_what_was_recorded(self) -> None:
        if self.open is not None:
            return
        found = {one["key"]: one["quota"] for one in self.service.codes if one["status"] == 1}
        assert found == {one.value: one.request.amount_cents * 5_000 for one in self.given}

    def teardown(self) -> None:
        self._ask_to_the_end()
        self.vendor_holds_what_was_recorded()
        super().teardown()


class FailingQuota(Failing):
    """Quota of a user who uses it; a person decides by the figures what is unclear."""

    kind = "new_api"
    options = MappingProxyType({"access_token": "token", "user_id": 1, "delivers": "quota"})

    def __init__(self) -> None:
        super().__init__()
        self.service.users.clear()
        self.user = self.service.add_user("user@example.com", quota=1_000_000)

    @rule()
    def some_is_used(self) -> None:
        row = self.service.users[self.user]
        row["quota"] -= 1_000
        row["used_quota"] += 1_000

    @invariant()
    def vendor_holds_what_was_recorded(self) -> None:
        if self.open is None:
            assert self._granted() == 1_000_000 + self._recorded()

    def teardown(self) -> None:
        self._ask_to_the_end()
        self.vendor_holds_what_was_recorded()
        super().teardown()

    def _granted(self) -> int:
        row = self.service.users[self.user]
        return int(row["quota"] + row["used_quota"])

    def _recorded(self) -> int:
        return sum(one.request.amount_cents * 5_000 for one in self.given)

    def _decided_by_person(self, request: Request) -> None:
        if self._granted() != 1_000_000 + self._recorded():
            self.given.append(Given(request, None, None))
        self.open = None


def test_openrouter_holds_what_was_recorded() -> None:
    with OpenRouterService() as opened:

        class Machine(FailingKeys):
            kind = "openrouter"
            options = MappingProxyType({"management_key": "sk-or-v1-management"})
            service = opened

        run_state_machine_as_test(Machine, settings=CHEAP)


def test_litellm_holds_what_was_recorded() -> None:
    with LiteLlmService() as opened:

        class Machine(FailingKeys):
            kind = "litellm"
            options = MappingProxyType({"admin_key": "sk-master"})
            service = opened

        run_state_machine_as_test(Machine, settings=CHEAP)


@pytest.mark.parametrize("base", [FailingCodes, FailingQuota])
def test_new_api_holds_what_was_recorded(base: type[Failing]) -> None:
    with NewApiService() as opened:

        class Machine(base):  # type: ignore[misc, valid-type]
            service = opened

        run_state_machine_as_test(Machine, settings=CHEAP)


async def _client() -> httpx.AsyncClient:
    return http_client()
