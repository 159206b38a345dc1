"""A payer who plans again is refused before anything is charged, whichever process they meet."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings as examined, strategies as st

from billing.machine_payments.payment import REPEAT_GUARD_US
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway, running, settings_of
from tests.support.machine_payer import Wallet
from tests.support.paying import PAY_TO, again, delivered_cents, findings, pay, rows


async def age(gateway: Gateway, by_us: int) -> None:
    """As if everything had happened so much earlier."""

    async def work(tx: Any) -> None:
        await tx.execute("UPDATE machine_payments SET created_at = created_at - :by", by=by_us)

    await gateway.context.database.transaction(work)


async def test_the_same_payers_same_wish_is_refused_before_it_is_charged(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    wallet = Wallet()
    first = await pay(gateway, wallet)

    planned_again = await pay(gateway, wallet)
    replayed = await again(gateway, first, distinct=True)
    another = await pay(gateway, wallet, distinct=True)
    elsewhere = await pay(gateway, wallet, recipient_email="else@example.com")
    stranger = await pay(gateway, Wallet())

    error = planned_again.json()["data"]["error"]
    assert (planned_again.status_code, planned_again.json()["code"]) == (409, 2006)
    assert (error["reason"], error["param"]) == ("looks_repeated", "distinct")
    assert planned_again.json()["transaction_id"] == first.json()["transaction_id"]
    # The very same payment is the same top-up, whatever is said beside it.
    assert replayed.json()["transaction_id"] == first.json()["transaction_id"]
    assert [one.json()["code"] for one in (another, elsewhere, stranger)] == [1001] * 3
    assert (len(await rows(gateway)), len(facilitator.charged)) == (4, 4)
    assert await delivered_cents(gateway) == 4_000
    assert await findings(gateway) == []


async def test_after_ten_minutes_it_is_another_send(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, _ = live
    wallet = Wallet()
    await pay(gateway, wallet)
    await age(gateway, REPEAT_GUARD_US - 60_000_000)
    early = await pay(gateway, wallet)
    await age(gateway, 60_000_000)
    late = await pay(gateway, wallet)

    assert (early.json()["code"], late.json()["code"]) == (2006, 1001)


async def test_two_processes_at_once_charge_one_of_many_plans(
    database_url: str, tmp_path: Path
) -> None:
    with FacilitatorService() as facilitator:
        made = settings_of(
            database_url,
            tmp_path,
            x402_facilitator_url=facilitator.url,
            x402_pay_to=PAY_TO,
            x402_network="eip155:8453",
        )
        wallet = Wallet()
        async with running(made) as one, running(made) as other:
            answers: list[httpx.Response] = await asyncio.gather(
                *(pay(each, wallet) for _ in range(3) for each in (one, other))
            )
            assert sorted(answer.json()["code"] for answer in answers) == [1001] + [2006] * 5
            assert len(facilitator.charged) == 1
            assert await delivered_cents(one) == 1_000
            assert await findings(one) == []


# With 6 examples at most 48 requests: the door takes 60 a minute from one address.
wishes = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1000, 2000]), st.booleans()), max_size=4
)


@examined(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(wishes)
async def test_of_any_plans_each_wish_is_paid_once_but_what_is_distinct(
    live: tuple[Gateway, FacilitatorService], plans: list[tuple[int, int, bool]]
) -> None:
    gateway, facilitator = live
    wallets = (Wallet(), Wallet())
    before, seen, expected = len(facilitator.charged), set[tuple[int, int]](), 0
    for who, cents, is_distinct in plans:
        paid = await pay(gateway, wallets[who], amount_cents=cents, distinct=is_distinct)
        assert paid.json()["code"] in {1001, 2006}
        expected += is_distinct or (who, cents) not in seen
        seen.add((who, cents))

    assert len(facilitator.charged) - before == expected
    assert await findings(gateway) == []
