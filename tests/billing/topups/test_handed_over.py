"""A code is delivered once, whoever hands it over, however many workers deliver at once, and under whatever
master key; what a supplier says wrongly is kept for an operator.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.credits.adjustment import new_adjustment
from billing.topups import supplier_words
from billing.topups.fulfilment import Settle
from billing.topups.plausible import DeliveryTerms
from billing.topups.rules import VoucherCodes
from billing.topups.settlement import EndedTopUp
from billing.topups.supplier_words import SupplierWord, digest_of, last_handed_over, load_words
from billing.topups.topup import Deliverable, DeliverableRefused, TopUp, checked_deliverable, load
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys.audit_log import Actor
from keys.vault import Vault
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account

CODE = Deliverable("code", "GIFT-1234-5678")


async def pending(account: FundedAccount, to: str = "user@example.com") -> str:
    """A top-up that its supplier `slow` was asked for once."""
    sent = await account.send(1000, platform="slow", to=to)
    await account.hand_over(sent.topup.id, 0)
    return sent.topup.id


async def told(
    account: FundedAccount, topup_id: str, given_: Deliverable | None = CODE, **more: Any
) -> EndedTopUp:
    """The supplier's own word."""
    fields = {"outcome": "delivered", "given": given_, "by": "slow", **more}
    return await account.engine.submit(Settle(topup_id, account.principal.tenant, **fields))


async def now(account: FundedAccount, topup_id: str) -> TopUp:
    return (await account.database.read(lambda tx: load(tx, [topup_id])))[topup_id]


async def words(account: FundedAccount, topup_id: str) -> Sequence[SupplierWord]:
    found = await account.database.read(lambda tx: load_words(tx, [topup_id]))
    return found.get(topup_id, ())


async def test_a_second_top_up_with_the_same_code_waits_for_a_person_and_names_the_first(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first, second = await pending(account), await pending(account)

    delivered = await told(account, first)
    kept = await told(account, second, cost_cents=900)
    again = await told(account, second, cost_cents=900)

    assert (delivered.objection, delivered.topup.status) == (None, "delivered")
    sentence = (
        f"The same was delivered for {first} before. One of the two gets another one, or its funds"
        " back."
    )
    assert (kept.objection, again.objection) == (sentence, sentence)
    topup = await now(account, second)
    assert (topup.status, topup.needs_review, topup.fulfilment_code) == ("pending", True, None)
    (word,) = await words(account, second)
    assert (word.why, word.word, word.hint, word.times) == ("repeated", "delivered", "5678", 2)
    assert (await account.balance())["held_cents"] == 1000
    assert await account.events() == ["topup.pending", "topup.pending", "topup.delivered"]
    assert await account.findings() == []
    # Blanks say nothing, and a key is no other value than a code.
    other = await pending(account)
    assert (await told(account, other, Deliverable("key", " GIFT-1234-5678\n"))).objection


@pytest.mark.parametrize(
    "spelt",
    [
        "GIFT-1234\u200b-5678",  # zero-width space
        "\ufeffGIFT-1234-5678",  # byte order mark
        "GIFT\u00ad-1234-5678\u2060",  # soft hyphen, word joiner
        "GIFT-1234-5678\ufe0f",  # variation selector
        "GIFT-\u20661234\u2069-5678",  # direction of writing
        "GIFT-1234\u3164-5678",  # Hangul filler
        "GIFT- 1234 -\u00a05678",
        "GIFT-\uff11\uff12\uff13\uff14-5678",  # full-width digits
    ],
)
async def test_a_code_is_no_other_for_what_nobody_sees(
    database: Database, clock: FixedClock, spelt: str
) -> None:
    account = await open_funded_account(database, clock)
    await told(account, await pending(account))

    other = await pending(account)
    with pytest.raises(InvalidInput, match="The same was delivered"):
        await account.settle(other, "delivered", given=Deliverable("code", spelt))
    assert (await told(account, other, Deliverable("code", spelt))).objection
    assert (await now(account, other)).status == "pending"


async def test_what_is_seen_as_another_code_is_another(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    for value in ("GIFT-1234-5678", "gift-1234-5678", "GIFT12345678", "GIFT-1234-567\u0668"):
        assert (
            await told(account, await pending(account), Deliverable("code", value))
        ).objection is None


@pytest.mark.parametrize("value", ["", " \n", "\u200b\u2060", "\u3164"])
def test_a_value_that_nobody_sees_is_refused(value: str) -> None:
    with pytest.raises(DeliverableRefused, match="visible characters"):
        checked_deliverable(Deliverable("code", value))


async def test_what_staging_delivered_holds_up_nothing_in_live(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await told(account, await pending(account))
    live = replace(account, principal=await account.in_live())
    credit = new_adjustment(live.principal.tenant, 10_000, "to try it", actor=Actor())
    await account.engine.submit(credit)
    topup_id = await pending(live)

    assert (await told(live, topup_id)).topup.status == "delivered"


async def test_of_two_workers_at_once_with_one_code_one_delivers(
    database: Database, clock: FixedClock
) -> None:
    one = await open_funded_account(database, clock)
    two = await open_funded_account(database, clock, email="other@example.com")
    engines = [open_engine(database, clock, one.rules) for _ in range(2)]
    for round_ in range(10):
        code = Deliverable("code", f"GIFT-0000-{round_:04}")
        pair = [(one, await pending(one)), (two, await pending(two))]

        ended = await asyncio.gather(
            *(
                engine.submit(
                    Settle(topup_id, account.principal.tenant, "delivered", given=code, by="slow")
                )
                for engine, (account, topup_id) in zip(engines, pair, strict=True)
            )
        )

        assert sorted(one_.topup.status for one_ in ended) == ["delivered", "pending"]
        assert sum(one_.objection is not None for one_ in ended) == 1
    for engine in engines:
        await engine.close()
    assert await one.findings() == []


async def test_the_same_code_in_one_batch_is_delivered_once(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    ids = [await pending(account, f"u{number}@example.com") for number in range(5)]

    ended = await asyncio.gather(*(told(account, topup_id) for topup_id in ids))

    assert sorted(one.topup.status for one in ended) == ["delivered"] + ["pending"] * 4


async def test_what_a_person_hands_over_twice_is_refused_and_changes_nothing(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first, second = await pending(account), await pending(account)
    await account.settle(first, "delivered", given=CODE)

    with pytest.raises(InvalidInput, match=first):
        await account.settle(second, "delivered", given=CODE)

    assert (await now(account, second)).status == "pending"
    await account.settle(second, "delivered", given=Deliverable("code", "GIFT-1234-9999"))
    assert (await now(account, second)).status == "delivered"


async def test_what_was_not_delivered_after_all_may_be_delivered_for_another(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first, second = await pending(account), await pending(account)
    late = Deliverable("code", "GIFT-1234-5678", expires_at=clock.now_us() - 1)
    assert (await told(account, first, late)).objection  # expired: not delivered

    assert (await told(account, second)).topup.status == "delivered"


async def test_credit_notes_and_shared_codes_may_be_the_same(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    given_ = [None, Deliverable("credit"), Deliverable("note", "Ask at the desk")]
    for one in given_:
        for _ in range(2):
            assert (await told(account, await pending(account), one)).objection is None
    for _ in range(2):
        shared = await told(account, await pending(account), terms=DeliveryTerms(is_shared=True))
        assert shared.topup.status == "delivered"


@pytest.mark.parametrize(
    ("given_", "more", "sentence"),
    [
        (CODE, {"cost_cents": 1001}, "sender paid 1000"),
        (CODE, {"cost_cents": 1001, "terms": DeliveryTerms(cost_max_percent=100)}, "at most 1000"),
        (CODE, {"doubt": "It says that this is for gpt; slow was ordered."}, "slow was ordered"),
        (Deliverable("link", "javascript:alert(1)"), {}, "https://"),
        (Deliverable("link", "https:///path"), {}, "https://"),
        (Deliverable("code", "X-1", expires_at=1_577_836_800_000_000), {}, "2020-01-01T00:00:00Z"),
    ],
)
async def test_what_cannot_be_right_waits_for_a_person_and_is_not_lost(
    database: Database,
    clock: FixedClock,
    given_: Deliverable,
    more: dict[str, Any],
    sentence: str,
) -> None:
    account = await open_funded_account(database, clock)
    topup_id = await pending(account)

    kept = await told(account, topup_id, given_, **more)

    assert sentence in (kept.objection or "")
    assert (await now(account, topup_id)).needs_review
    (word,) = await words(account, topup_id)
    assert word.why == "implausible"
    found = last_handed_over(account.rules.codes, [word])
    assert found is not None
    assert found.value == given_.value
    assert str(given_.value) not in repr(word)


async def test_a_dearer_one_is_delivered_where_the_operator_allows_it(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    dear = await told(
        account, await pending(account), cost_cents=1200, terms=DeliveryTerms(cost_max_percent=120)
    )
    assert dear.topup.status == "delivered"


async def test_late_and_contradictory_words_are_kept_and_a_repeat_is_none(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    delivered, failed = await pending(account), await pending(account)
    await told(account, delivered)
    await told(account, failed, None, outcome="failed", reason="sold out")
    balance = await account.balance()

    repeats = [
        await told(account, delivered),
        await told(account, failed, None, outcome="failed", reason="sold out"),
    ]
    second = await told(account, delivered, Deliverable("code", "GIFT-9999-0000"))
    no = await told(account, delivered, None, outcome="failed", reason="sorry")
    late = await told(account, failed, Deliverable("code", "GIFT-7777-0000"))

    assert [one.objection for one in repeats] == [None, None]
    assert second.objection is not None
    assert no.objection is not None
    assert late.objection == 'It said "delivered" when the top-up was failed already.'
    assert sorted((one.word, one.why, one.hint) for one in await words(account, delivered)) == [
        ("delivered", "second", "0000"),
        ("failed", "second", None),
    ]
    assert [(one.why, one.hint) for one in await words(account, failed)] == [("late", "0000")]
    assert await account.balance() == balance
    assert await account.findings() == []


async def test_the_words_of_one_top_up_are_bounded(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    topup_id = await pending(account)
    await told(account, topup_id)

    for number in range(55):
        await told(account, topup_id, Deliverable("code", f"GIFT-0000-{number:04}"))

    assert len(await words(account, topup_id)) == 50


async def test_the_digest_outlives_a_rotation_of_the_master_key(
    database: Database, clock: FixedClock
) -> None:
    old, new = b"o" * 32, b"n" * 32

    async def key_under(vault: Vault) -> bytes:
        return await database.transaction(
            lambda tx: vault.data_key(tx, "voucher", now_us=clock.now_us())
        )

    before = digest_of(VoucherCodes(await key_under(Vault([old]))), "GIFT-1")
    await database.transaction(Vault([new, old]).reseal_all)

    assert digest_of(VoucherCodes(await key_under(Vault([new]))), "GIFT-1") == before
    assert digest_of(VoucherCodes(b"x" * 32), "GIFT-1") != before


async def of_before(database: Database, *, end_id: str = "txn_z") -> None:
    """Make it a database whose top-ups up to that id were delivered before the table was made."""

    async def work(tx: Transaction) -> None:
        await tx.execute("DELETE FROM handed_over")
        await tx.execute("UPDATE handed_over_fill SET after_id = '' WHERE id = 1")
        await tx.execute("UPDATE handed_over_fill SET after_id = :id WHERE id = 2", id=end_id)

    await database.transaction(work)


async def test_a_new_database_has_nothing_of_before_to_enter(database: Database) -> None:
    text = "SELECT COUNT(DISTINCT after_id) AS ends, COUNT(*) AS marks FROM handed_over_fill"
    row = await database.read(lambda tx: tx.fetch_one(text))

    assert row is not None
    assert (row["ends"], row["marks"]) == (1, 2)


async def test_what_came_later_than_what_is_of_before_is_not_looked_at(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    before = await pending(account)
    await told(account, before)
    clock.advance_s(1)
    later = await pending(account)
    await told(account, later, Deliverable("code", "GIFT-LATER"))
    await of_before(database, end_id=later)

    await database.transaction(lambda tx: supplier_words.fill_step(tx, account.rules.codes))

    rows = await database.read(lambda tx: tx.fetch("SELECT transaction_id FROM handed_over"))
    assert [row["transaction_id"] for row in rows] == [before]


async def test_what_was_delivered_before_is_entered_step_by_step(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    codes = account.rules.codes
    first = await pending(account)
    await told(account, first)
    await account.send(1000)  # with a voucher of its own
    await of_before(database)

    async def fill(tx: Transaction) -> bool:
        return await supplier_words.fill_step(tx, codes)

    assert await database.transaction(fill) is False
    assert await database.transaction(fill) is False

    rows = await database.read(lambda tx: tx.fetch("SELECT * FROM handed_over"))
    assert [tuple(row) for row in rows] == [("staging", digest_of(codes, "GIFT-1234-5678"), first)]
    assert (await told(account, await pending(account))).objection


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    turns=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(["supplier", "person"])),
        max_size=12,
    )
)
async def test_whoever_hands_what_over_in_whatever_order_no_code_is_delivered_twice(
    database: Database, clock: FixedClock, turns: list[tuple[int, int, str]]
) -> None:
    account = await open_funded_account(database, clock, email=f"a{clock.now_us()}@example.com")
    clock.advance_s(1)
    ids = [await pending(account, f"u{number}@example.com") for number in range(4)]
    mark = str(clock.now_us())

    async def act(number: int, code: int, who: str) -> None:
        given_ = Deliverable("code", f"GIFT-{mark}-{code}")
        if who == "supplier":
            await told(account, ids[number], given_)
        else:
            await account.settle(ids[number], "delivered", given=given_)

    await asyncio.gather(*(act(*turn) for turn in turns), return_exceptions=True)

    delivered = [one for one in [await now(account, i) for i in ids] if one.status == "delivered"]
    values = [account.rules.codes.issued(one.id, one.fulfilment_code) for one in delivered]
    assert len(values) == len(set(values))
    # Nothing is left behind for what was not delivered.
    rows = await database.read(
        lambda tx: tx.fetch(
            "SELECT transaction_id FROM handed_over WHERE transaction_id IN :ids[text]", ids=ids
        )
    )
    assert sorted(row["transaction_id"] for row in rows) == sorted(one.id for one in delivered)
    assert await account.findings() == []
    await account.engine.close()


async def test_a_repeat_beside_it_in_one_batch_sells_no_code_again(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first, second, third = [await pending(account, f"u{one}@example.com") for one in range(3)]
    await told(account, first)

    # The first one's word is repeated, in the batch in which another one brings its code.
    repeated, kept = await asyncio.gather(told(account, first), told(account, second))

    assert (repeated.objection, repeated.topup.status) == (None, "delivered")
    assert (kept.topup.status, first in (kept.objection or "")) == ("pending", True)

    # Nor does the late word of what was refunded leave a code free to be sold.
    fresh = Deliverable("code", "GIFT-9999-0000")
    refunded = await pending(account, "u4@example.com")
    await account.settle(refunded, "failed")
    late, delivered = await asyncio.gather(
        told(account, refunded, fresh), told(account, second, fresh)
    )
    assert (late.objection is not None, delivered.topup.status) == (True, "delivered")
    again = await told(account, third, fresh)
    assert (again.topup.status, second in (again.objection or "")) == ("pending", True)
