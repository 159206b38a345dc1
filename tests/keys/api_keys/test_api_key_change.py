"""API keys: change, revocation, the principal, rotation. Times are microseconds."""

import asyncio

import pytest

from kernel.clock import SECOND_US, FixedClock
from kernel.errors import InvalidInput
from keys import token_format
from keys.account_access import close_live, open_live
from keys.api_keys import api_key, lookup as key_principal
from keys.api_keys.lookup import KeyState, load_key_states
from keys.principal import (
    ACCOUNT_SCOPES,
    Principal,
    Refusal,
    ScopeMissing,
)
from store.database import Database, Transaction
from tests.support.key_owner import ALL, KeyOwner, open_key_owner


async def test_what_is_not_named_stays(key_owner: KeyOwner) -> None:
    key, _ = await key_owner.mint("before", per_day_cents=5, ip_allow_list=["192.0.2.1"])

    patched = await key_owner.patch(key.id, name="after", per_day_cents=None, ip_allow_list=[])
    unchanged = await key_owner.patch(key.id)

    assert (patched.name, patched.per_day_cents, patched.ip_allow_list) == ("after", None, ())
    assert patched.scopes == key.scopes
    assert unchanged == patched


async def test_a_key_changes_its_descendants_only(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    child, by_child = await key_owner.minted("child", by=by_root, scopes=ALL)
    sibling, _ = await key_owner.minted("sibling", by=by_root, scopes=ALL)
    grandchild, _ = await key_owner.minted("grandchild", by=by_child, scopes=ALL)
    stranger, _ = await key_owner.minted("stranger", scopes=ALL)

    for key in (child, sibling, root, stranger):
        with pytest.raises(ScopeMissing):
            await key_owner.patch(key.id, by=by_child, name="mine")
        with pytest.raises(ScopeMissing):
            await key_owner.rotate(key.id, by=by_child)
        with pytest.raises(ScopeMissing):
            await key_owner.revoke(key.id, by=by_child)

    assert (await key_owner.patch(grandchild.id, by=by_root, name="ours")).name == "ours"
    assert (await key_owner.rotate(grandchild.id, by=by_child))[0].id == grandchild.id
    assert (await key_owner.revoke(child.id, by=by_root)).revoked_at == key_owner.clock.now_us()


async def test_a_key_adds_no_scope_that_it_lacks(key_owner: KeyOwner) -> None:
    _, by_root = await key_owner.minted("root", scopes=["keys:write", "topup:read"])
    child, _ = await key_owner.minted("child", by=by_root, scopes=["topup:read"])

    with pytest.raises(ScopeMissing):
        await key_owner.patch(child.id, by=by_root, scopes=["topup:read", "topup:send"])

    assert (await key_owner.patch(child.id, by=by_root, scopes=["keys:write"])).scopes == (
        "keys:write",
    )


async def test_what_a_parent_loses_its_child_loses(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    _, secret = await key_owner.mint("child", by=by_root, scopes=["topup:send", "topup:read"])

    await key_owner.patch(
        root.id,
        scopes=["topup:read", "keys:write"],
        ip_allow_list=["192.0.2.0/24"],
        approval_threshold_cents=70,
    )
    child = await key_owner.principal(secret)

    assert child.scopes == {"topup:read"}
    assert [[str(net) for net in nets] for nets in child.ip_allow_lists] == [["192.0.2.0/24"]]
    assert child.approval_threshold_cents == 70


async def test_a_revoked_key_is_not_changed(key_owner: KeyOwner) -> None:
    key, _ = await key_owner.mint()
    await key_owner.revoke(key.id)

    with pytest.raises(InvalidInput):
        await key_owner.patch(key.id, name="again")
    with pytest.raises(InvalidInput):
        await key_owner.rotate(key.id)


async def test_a_key_that_ended_gets_no_secret_that_would_not_work(key_owner: KeyOwner) -> None:
    ends_at = key_owner.clock.now_us() + 60 * SECOND_US
    key, _ = await key_owner.mint(expires_at=ends_at)
    _, parent = await key_owner.minted(expires_at=ends_at)
    child, _ = await key_owner.mint(by=parent)
    stopped, by_stopped = await key_owner.minted()
    orphan, _ = await key_owner.mint(by=by_stopped)
    await key_owner.revoke(stopped.id)
    key_owner.clock.advance_s(60)

    for ended in (key, child, stopped, orphan):
        with pytest.raises(InvalidInput) as refused:
            await key_owner.rotate(ended.id)
        assert refused.value.param == "id"
    await key_owner.patch(key.id, expires_at=key_owner.clock.now_us() + SECOND_US)
    _, secret = await key_owner.rotate(key.id)
    assert (await key_owner.principal(secret)).key_id == key.id


# Revoking and ending


async def test_a_revoked_key_stays_revoked_since_the_first_time(key_owner: KeyOwner) -> None:
    key, secret = await key_owner.mint()
    first = key_owner.clock.now_us()

    await key_owner.revoke(key.id)
    key_owner.clock.advance_s(5)
    again = await key_owner.revoke(key.id)

    assert again.revoked_at == first
    assert await key_owner.look_up(secret) == Refusal("revoked", key.id)


async def test_revoking_a_grandparent_stops_the_grandchild(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    _, by_child = await key_owner.minted("child", by=by_root, scopes=ALL)
    _, secret = await key_owner.mint("grandchild", by=by_child, scopes=ALL)
    _, other = await key_owner.mint("other", scopes=ALL)

    await key_owner.revoke(root.id)

    assert await key_owner.look_up(secret) == Refusal("revoked", root.id)
    await key_owner.principal(other)


async def test_a_key_whose_ancestor_is_missing_works_no_longer(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    _, secret = await key_owner.mint("child", by=by_root, scopes=ALL)

    async def lose(tx: Transaction) -> None:
        await tx.execute("DELETE FROM api_keys WHERE id = :id", id=root.id)

    await key_owner.database.transaction(lose)

    assert await key_owner.look_up(secret) == Refusal("revoked")


async def test_a_parents_end_is_its_childs_end(key_owner: KeyOwner) -> None:
    end = key_owner.clock.now_us() + 2_000_000
    root, by_root = await key_owner.minted("root", scopes=ALL, expires_at=end)
    _, secret = await key_owner.mint("child", by=by_root, expires_at=end + 9)

    key_owner.clock.advance_s(1.999999)
    assert (await key_owner.principal(secret)).expires_at == end
    key_owner.clock.advance_s(0.000001)
    assert await key_owner.look_up(secret) == Refusal("expired", root.id)


async def test_an_expired_key_works_again_with_a_later_end(key_owner: KeyOwner) -> None:
    now_us = key_owner.clock.now_us()
    key, secret = await key_owner.mint(expires_at=now_us + 2_000_000)
    key_owner.clock.advance_s(2)
    assert await key_owner.look_up(secret) == Refusal("expired", key.id)

    await key_owner.patch(key.id, expires_at=now_us + 9_000_000)

    assert (await key_owner.principal(secret)).expires_at == now_us + 9_000_000


@pytest.mark.one_database
async def test_each_look_up_tells_what_is_so_then(database: Database, clock: FixedClock) -> None:
    owner = await open_key_owner(database, clock)
    owner.environment, now_us = "live", clock.now_us()
    account_id, end = owner.account_id, now_us + 2_000_000
    await database.transaction(lambda tx: open_live(tx, account_id, now_us=now_us))
    key, secret = await owner.mint(expires_at=end)
    found = [await owner.look_up(secret)]

    await database.transaction(lambda tx: close_live(tx, account_id, now_us=now_us))
    found.append(await owner.look_up(secret))
    clock.advance_s(1.999999)
    await database.transaction(lambda tx: open_live(tx, account_id, now_us=now_us))
    found.append(await owner.look_up(secret))
    clock.advance_s(0.000001)
    found.append(await owner.look_up(secret))
    await database.transaction(lambda tx: close_live(tx, account_id, now_us=now_us))
    found.append(await owner.look_up(secret))

    expired = Refusal("expired", key.id)
    assert found[1:] == [Refusal("live_closed", key.id), found[0], expired, expired]
    assert isinstance(found[0], Principal)


async def test_an_unknown_digest_is_left_out(key_owner: KeyOwner) -> None:
    assert await key_owner.look_up(token_format.new_api_key("staging")) is None


async def test_a_principal_carries_its_account(database: Database, clock: FixedClock) -> None:
    sandbox = await open_key_owner(database, clock, is_sandbox=True)
    key_owner = await open_key_owner(database, clock)
    key, in_sandbox = await sandbox.minted()
    _, in_shop = await key_owner.minted()

    assert in_sandbox == Principal(
        account_id=sandbox.account_id,
        environment="staging",
        kind="key",
        credential_id=key.id,
        key_id=key.id,
        lineage=(key.id,),
        scopes=frozenset(ACCOUNT_SCOPES),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=True,
        approval_threshold_cents=None,
        account_email=None,
    )
    assert in_shop.account_email == f"{clock.now_us()}@example.com"
    assert in_shop.tenant == (key_owner.account_id, "staging")


async def test_loading_is_two_statements_for_any_number_of_keys(key_owner: KeyOwner) -> None:
    _, by_root = await key_owner.minted("root", scopes=ALL)
    secrets = [(await key_owner.mint(by=by_root))[1] for _ in range(30)]
    digests = [token_format.digest(secret) for secret in secrets]

    async def load(wanted: list[str]) -> int:
        before = key_owner.database.statements_run
        await key_owner.database.read(
            lambda tx: key_principal.load_principals(tx, wanted, now_us=key_owner.clock.now_us())
        )
        return key_owner.database.statements_run - before

    assert await load(digests[:1]) == await load(digests) == await load([]) + 2


# Rotation


async def test_rotation_keeps_the_key_and_ends_the_old_secret(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    key, old = await key_owner.mint("key", by=by_root, per_day_cents=5)

    rotated, new = await key_owner.rotate(key.id)

    assert (rotated.id, rotated.lineage, rotated.per_day_cents) == (key.id, (root.id,), 5)
    assert (rotated.prefix, rotated.last4) == (new[:16], new[-4:])
    assert await key_owner.look_up(old) == Refusal("expired", key.id)
    assert (await key_owner.principal(new)).key_id == key.id


async def test_an_overlap_ends_at_its_exact_microsecond(key_owner: KeyOwner) -> None:
    key, old = await key_owner.mint()
    end = key_owner.clock.now_us() + 60_000_000

    _, new = await key_owner.rotate(key.id, overlap_s=60)

    assert (await key_owner.principal(old)).expires_at == end
    key_owner.clock.advance_s(59.999999)
    assert (await key_owner.principal(old)).expires_at == end
    key_owner.clock.advance_s(0.000001)
    assert key_owner.clock.now_us() == end
    assert await key_owner.look_up(old) == Refusal("expired", key.id)
    assert (await key_owner.principal(new)).expires_at is None


async def test_the_earlier_of_overlap_and_expiry_ends_the_old_secret(key_owner: KeyOwner) -> None:
    end = key_owner.clock.now_us() + 30_000_000
    key, old = await key_owner.mint(expires_at=end)

    _, new = await key_owner.rotate(key.id, overlap_s=60)

    assert (await key_owner.principal(old)).expires_at == end
    assert (await key_owner.principal(new)).expires_at == end


async def test_a_second_rotation_leaves_two_secrets_at_most(key_owner: KeyOwner) -> None:
    key, first = await key_owner.mint()
    _, second = await key_owner.rotate(key.id, overlap_s=3600)
    _, third = await key_owner.rotate(key.id, overlap_s=60)

    assert await key_owner.look_up(first) is None
    assert (await key_owner.principal(second)).expires_at == key_owner.clock.now_us() + 60_000_000
    await key_owner.principal(third)


async def test_an_emergency_rotation_ends_every_older_secret(key_owner: KeyOwner) -> None:
    key, first = await key_owner.mint()
    _, second = await key_owner.rotate(key.id, overlap_s=3600)

    _, third = await key_owner.rotate(key.id)

    assert not isinstance(await key_owner.look_up(first), Principal)
    assert not isinstance(await key_owner.look_up(second), Principal)
    await key_owner.principal(third)


@pytest.mark.parametrize("overlap_s", [-1, 30 * 86_400 + 1, 2**63])
async def test_an_overlap_outside_thirty_days_is_refused(
    key_owner: KeyOwner, overlap_s: int
) -> None:
    key, secret = await key_owner.mint()

    with pytest.raises(InvalidInput) as refused:
        await key_owner.rotate(key.id, overlap_s=overlap_s)

    assert refused.value.param == "overlap_s"
    await key_owner.principal(secret)


async def test_rotations_at_once_leave_one_newest_secret(key_owner: KeyOwner) -> None:
    key, first = await key_owner.mint()

    rotated = await asyncio.gather(*(key_owner.rotate(key.id) for _ in range(8)))

    secrets = [first, *(secret for _, secret in rotated)]
    found = [await key_owner.look_up(secret) for secret in secrets]
    working = [s for s, each in zip(secrets, found, strict=True) if isinstance(each, Principal)]
    stored = await key_owner.database.read(lambda tx: api_key.get(tx, key_owner.tenant, key.id))
    assert len(working) == 1
    assert stored.last4 == working[0][-4:]


# States and use


async def test_states_of_a_lineage_are_one_statement(key_owner: KeyOwner) -> None:
    end = key_owner.clock.now_us() + 1
    root, by_root = await key_owner.minted("root", scopes=ALL, per_month_cents=7, expires_at=end)
    child, _ = await key_owner.mint("child", by=by_root, per_call_cents=1, per_day_cents=2)

    before = key_owner.database.statements_run
    states = await key_owner.database.read(
        lambda tx: load_key_states(tx, [child.id, root.id, "key_none"])
    )

    assert key_owner.database.statements_run - before == 3  # BEGIN, the statement, the end
    assert states == {
        child.id: KeyState(child.id, *key_owner.tenant, None, None, 1, 2, None, None, name="child"),
        root.id: KeyState(root.id, *key_owner.tenant, None, end, None, None, 7, None, name="root"),
    }
    assert await key_owner.database.read(lambda tx: load_key_states(tx, [])) == {}
    assert states[root.id].is_usable(end - 1)
    assert not states[root.id].is_usable(end)
    assert not KeyState("k", "a", "live", 1, None, None, None, None, None).is_usable(0)


async def test_use_is_noted_by_the_minute(key_owner: KeyOwner) -> None:
    key, _ = await key_owner.mint()
    noon = key_owner.clock.now_us()

    async def mark() -> int:
        return await key_owner.database.transaction(
            lambda tx: api_key.mark_used(tx, [key.id, "key_none"], now_us=key_owner.clock.now_us())
        )

    key_owner.clock.advance_s(59)
    assert await mark() == 1
    assert await mark() == 0
    stored = await key_owner.database.read(lambda tx: api_key.get(tx, key_owner.tenant, key.id))
    assert stored.last_used_at == noon
    key_owner.clock.advance_s(1)
    assert await mark() == 1
