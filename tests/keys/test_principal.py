"""What a principal may do."""

import ipaddress

import pytest

from keys.principal import (
    ACCOUNT_SCOPES,
    DEFAULT_SCOPES,
    SCOPES,
    AddressNotAllowed,
    Principal,
    ScopeMissing,
    check_address,
    require_scope,
)


def a_principal(
    *, scopes: tuple[str, ...] = (), nets: tuple[tuple[str, ...], ...] = ()
) -> Principal:
    return Principal(
        account_id="acc_1",
        environment="staging",
        kind="key",
        credential_id="key_1",
        key_id="key_1",
        lineage=("key_1",),
        scopes=frozenset(scopes),
        ip_allow_lists=tuple(tuple(ipaddress.ip_network(net) for net in each) for each in nets),
        expires_at=None,
        is_sandbox=False,
        approval_threshold_cents=None,
        account_email=None,
    )


def test_the_contract_names_these_scopes() -> None:
    assert SCOPES == (
        "topup:send",
        "topup:read",
        "topup:reverse",
        "webhooks:read",
        "webhooks:write",
        "billing:read",
        "billing:write",
        "usage:read",
        "usage:write",
        "vouchers:read",
        "vouchers:redeem",
        "keys:write",
        "approvals:write",
        "admin",
    )
    assert set(SCOPES) - set(ACCOUNT_SCOPES) == {"admin"}
    assert DEFAULT_SCOPES == ("topup:send", "topup:read")


def test_one_of_the_scopes_is_enough() -> None:
    require_scope(a_principal(scopes=("topup:read",)), "topup:send", "topup:read")


@pytest.mark.parametrize("asked", [(), ("topup:send",), ("admin", "keys:write")])
def test_a_missing_scope_is_refused_and_named(asked: tuple[str, ...]) -> None:
    with pytest.raises(ScopeMissing) as refused:
        require_scope(a_principal(scopes=("topup:read",)), *asked)

    assert refused.value.extra == {"required_scopes": list(asked)}


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", None, "unix", ""])
def test_without_an_allow_list_any_address_may_call(address: str | None) -> None:
    check_address(a_principal(), address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.0",
        "192.0.2.255",
        "::ffff:192.0.2.7",
        "2001:db8::1",
        ipaddress.ip_address("192.0.2.8"),
        ipaddress.ip_address("::ffff:192.0.2.8"),
    ],
)
def test_an_address_on_the_list_may_call(
    address: str | ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    check_address(a_principal(nets=(("192.0.2.0/24", "2001:db8::/32"),)), address)


@pytest.mark.parametrize(
    "address",
    ["192.0.3.0", "192.0.1.255", "2001:db9::", "::192.0.2.7", None, "", "unix", "192.0.2.1:80"],
)
def test_any_other_address_is_refused(address: str | None) -> None:
    with pytest.raises(AddressNotAllowed):
        check_address(a_principal(nets=(("192.0.2.0/24", "2001:db8::/32"),)), address)


def test_every_list_of_the_lineage_must_hold_the_address() -> None:
    principal = a_principal(nets=(("192.0.2.0/24",), ("192.0.2.0/25", "198.51.100.0/24")))

    check_address(principal, "192.0.2.127")
    with pytest.raises(AddressNotAllowed):
        check_address(principal, "192.0.2.128")
    with pytest.raises(AddressNotAllowed):
        check_address(principal, "198.51.100.1")
