"""The intersection with the ancestors: a child never gains what one of them lacks."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from keys.principal import SCOPES, Effective, Link, Network, Refusal, effective, parse_networks

NOW = 1_000

_NETWORKS = st.sampled_from(
    [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "::/0")]
)


def a_link(
    *,
    scopes: frozenset[str] = frozenset({"topup:send"}),
    nets: tuple[Network, ...] = (),
    threshold: int | None = None,
    expires_at: int | None = None,
    revoked_at: int | None = None,
    key_id: str = "key",
) -> Link:
    return Link(key_id, scopes, nets, threshold, expires_at, revoked_at)


_LINKS = st.builds(
    a_link,
    scopes=st.frozensets(st.sampled_from(SCOPES)),
    nets=st.lists(_NETWORKS, max_size=2).map(tuple),
    threshold=st.none() | st.integers(0, 5),
    expires_at=st.none() | st.integers(NOW - 2, NOW + 5),
    revoked_at=st.none() | st.none() | st.integers(0, NOW),
)
_CHAINS = st.lists(_LINKS, min_size=2, max_size=5)


def the_end(value: int | None) -> float:
    return float("inf") if value is None else value


@pytest.mark.parametrize("admin", [False, True])
@given(chain=_CHAINS)
def test_a_child_never_gains_what_an_ancestor_lacks(*, chain: list[Link], admin: bool) -> None:
    child = effective(chain, now_us=NOW, may_administer=admin)

    for depth in range(1, len(chain)):
        ancestor = effective(chain[depth:], now_us=NOW, may_administer=admin)
        if isinstance(ancestor, Refusal):
            assert isinstance(child, Refusal)
            continue
        if isinstance(child, Refusal):
            continue
        assert child.scopes <= ancestor.scopes
        assert set(child.ip_allow_lists) >= set(ancestor.ip_allow_lists)
        assert the_end(child.expires_at) <= the_end(ancestor.expires_at)
        assert the_end(child.approval_threshold_cents) <= the_end(ancestor.approval_threshold_cents)


@given(_CHAINS)
def test_a_child_never_gains_what_it_was_not_given_itself(chain: list[Link]) -> None:
    child = effective(chain, now_us=NOW, may_administer=True)

    own = effective(chain[:1], now_us=NOW, may_administer=True)
    if isinstance(own, Refusal):
        assert isinstance(child, Refusal)
    elif isinstance(child, Effective):
        assert child.scopes <= own.scopes
        assert child.ip_allow_lists[: len(own.ip_allow_lists)] == own.ip_allow_lists
        assert the_end(child.expires_at) <= the_end(own.expires_at)


@given(_CHAINS)
def test_admin_is_never_inherited(chain: list[Link]) -> None:
    child = effective(chain, now_us=NOW, may_administer=True)

    assert isinstance(child, Refusal) or "admin" not in child.scopes


@given(_CHAINS, st.randoms())
def test_the_order_of_the_ancestors_does_not_matter(chain: list[Link], random: object) -> None:
    mixed = list(chain)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis hands out a Random

    one = effective(chain, now_us=NOW, may_administer=False)
    other = effective(mixed, now_us=NOW, may_administer=False)

    if isinstance(one, Effective) and isinstance(other, Effective):
        assert one.scopes == other.scopes
        assert sorted(map(str, one.ip_allow_lists)) == sorted(map(str, other.ip_allow_lists))
        assert one.expires_at == other.expires_at
    else:
        assert one == other


def test_a_parentless_key_of_an_operator_may_administer() -> None:
    link = a_link(scopes=frozenset({"admin", "topup:read"}))

    assert effective([link], now_us=NOW, may_administer=True) == Effective(
        frozenset({"admin", "topup:read"}), (), None, None
    )
    assert effective([link], now_us=NOW, may_administer=False) == Effective(
        frozenset({"topup:read"}), (), None, None
    )


def test_a_key_works_up_to_the_microsecond_of_its_end() -> None:
    link = a_link(expires_at=2_000)

    assert isinstance(effective([link], now_us=1_999, may_administer=False), Effective)
    assert effective([link], now_us=2_000, may_administer=False) == Refusal("expired", "key")


def test_a_revoked_grandparent_ends_the_grandchild() -> None:
    chain = [a_link(), a_link(), a_link(revoked_at=1, key_id="root")]

    # The refusal names the one that ended.
    assert effective(chain, now_us=NOW, may_administer=False) == Refusal("revoked", "root")


def test_the_tightest_threshold_and_the_earliest_end_hold() -> None:
    chain = [
        a_link(threshold=500, expires_at=9_000),
        a_link(threshold=300, expires_at=None),
        a_link(threshold=None, expires_at=8_000),
    ]

    found = effective(chain, now_us=NOW, may_administer=False)

    assert found == Effective(frozenset({"topup:send"}), (), 300, 8_000)


def test_stored_networks_are_read_back() -> None:
    assert parse_networks("") == ()
    assert parse_networks("10.0.0.0/8 2001:db8::/32") == (
        ipaddress.IPv4Network("10.0.0.0/8"),
        ipaddress.IPv6Network("2001:db8::/32"),
    )
