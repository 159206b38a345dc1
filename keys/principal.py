"""Define the authenticated caller, scopes, roles, and the combined limits of a key and its ancestors.

A child key never has a scope that one of its ancestors lacks. It never inherits `admin`.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from kernel.errors import DomainError
from kernel.tenant import Tenant

Environment = Literal["staging", "live"]
ENVIRONMENTS: tuple[Environment, ...] = ("staging", "live")
PrincipalKind = Literal[
    "key", "system_token", "operator_token", "session", "oauth", "mcp", "portal"
]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SCOPES = (
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
ADMIN = "admin"
OperatorScope = Literal["operator:read", "operator:write", "operator:money"]
OPERATOR_SCOPES: tuple[OperatorScope, ...] = ("operator:read", "operator:write", "operator:money")
SCOPE_WORDS: Mapping[str, str] = {
    "topup:send": "Send credit from your wallet, within the limits below",
    "topup:read": "See your balance and all top-ups of your account, with their recipients",
    "topup:reverse": "Take back delivered top-ups, and cancel what other keys sent",
    "webhooks:read": "Read the events of your account",
    "webhooks:write": "Register and change webhooks, and send deliveries again",
    "billing:read": "See packs, orders, receipts and credits",
    "billing:write": "Open orders for credit, which a user pays, and redeem codes for your wallet",
    "usage:read": "See what was used, and the prices of tokens",
    "usage:write": "Charge usage and hold credit, within the limits below",
    "vouchers:read": "See the codes of every top-up",
    "vouchers:redeem": "Redeem the codes that any key of your account sent",
    "keys:write": "Create, change and revoke keys",
    "approvals:write": "Approve or deny the sends of others",
    "admin": "Run this gateway",
}
ACCOUNT_SCOPES = tuple(scope for scope in SCOPES if scope != ADMIN)
SEES_CODES = "vouchers:read"
REDEEMS = "vouchers:redeem"
# Allows a caller to reverse what another key sent, whether it was delivered or not.
REVERSES = "topup:reverse"
DEFAULT_SCOPES = ("topup:send", "topup:read")

# The scopes that an MCP client can request. Such a client can't manage approvals, keys or others' codes, because a
# requester must not decide on its own request.
MCP_SCOPES = ("topup:send", "topup:read", "webhooks:read", "billing:write")
MCP_DEFAULT_SCOPES = ("topup:send", "topup:read")

# Each of these scopes includes the scopes before it. Only apps' tokens have them, and a route that requires one
# accepts no other credential.
OAuthScope = Literal["general_api_access", "advanced_access", "trusted_advanced_access"]
OAUTH_SCOPES: tuple[OAuthScope, ...] = (
    "general_api_access",
    "advanced_access",
    "trusted_advanced_access",
)
MemberRole = Literal["developer", "finance", "support", "reader"]
ROLES: Final[tuple[MemberRole, ...]] = get_args(MemberRole)
_READS: Final = frozenset({"topup:read", "webhooks:read", "billing:read", "usage:read"})
ROLE_SCOPES: Final[Mapping[MemberRole, frozenset[str]]] = {
    "developer": _READS
    | {"topup:send", "topup:reverse", "webhooks:write", "usage:write", "keys:write"},
    "finance": _READS | {"billing:write", "approvals:write"},
    "support": _READS | {"topup:reverse"},
    "reader": _READS,
}


def environment_of(text: str) -> Environment:
    return next(one for one in ENVIRONMENTS if one == text)


class CredentialEnded(DomainError):
    pass


class ScopeMissing(DomainError):
    pass


class AddressNotAllowed(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class OAuthOrigin:
    app_id: str
    owner_id: str
    grant_id: str
    scope: OAuthScope


@dataclass(frozen=True, slots=True)
class Colleague:
    person_id: str
    email: str | None
    role: str
    team: str


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, and what is allowed at this moment.

    - `lineage`: the key's ID, then its ancestors' IDs, nearest first. It is empty without a key.
    - `expires_at`: the earliest expiry of the credential, its key and its ancestors, on our clock.
    - `clock_ahead_us`: how far the account's own clock was ahead of ours.
    - `kind`: `mcp` for an MCP client's token, which acts for its key.
    - `oauth`: the app that has the token.
    - `asks_code`: whether the user confirms with a second-factor code, not with the password.
    """

    account_id: str
    environment: Environment
    kind: PrincipalKind
    credential_id: str
    key_id: str | None
    lineage: tuple[str, ...]
    scopes: frozenset[str]
    ip_allow_lists: tuple[tuple[Network, ...], ...]
    expires_at: int | None
    is_sandbox: bool
    approval_threshold_cents: int | None
    account_email: str | None
    oauth: OAuthOrigin | None = None
    is_paused: bool = False
    clock_ahead_us: int = 0
    colleague: Colleague | None = None
    asks_code: bool = False
    suspended_for: str | None = None
    staging_full_until: int | None = None
    tenant: Tenant = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tenant", Tenant(self.account_id, self.environment))

    @property
    def own_expires_at(self) -> int | None:
        return None if self.expires_at is None else self.expires_at + self.clock_ahead_us

    @property
    def person_id(self) -> str:
        return self.account_id if self.colleague is None else self.colleague.person_id

    @property
    def sender(self) -> str | None:
        """Return who is responsible for a waiting send: a session's person, or the account's own token.

        For a key, return None, because the key is checked with its ancestors.
        """
        if self.lineage:
            return None
        return self.person_id if self.kind == "session" else self.credential_id

    @property
    def key_owner(self) -> str:
        """Return who owns the caller's Idempotency-Keys within the account.

        This is the key or token itself, even after a rotation. For an app's token, it is the user's grant. For
        a session, it is the person.
        """
        if self.kind == "session":
            return "person" if self.colleague is None else self.colleague.person_id
        return self.credential_id if self.oauth is None else self.oauth.grant_id


def require_scope(principal: Principal, *scopes: str) -> None:
    if principal.scopes.isdisjoint(scopes):
        listed = " or ".join(scopes) or "any scope"
        raise ScopeMissing(
            f"This call requires {listed}, which the credential lacks.",
            reason="scope",
            extra={"required_scopes": list(scopes)},
        )


def require_owner(principal: Principal) -> None:
    if principal.colleague is not None:
        raise ScopeMissing("Only the account's owner can do this.", reason="owner")


def key_bound_to_own(principal: Principal) -> str | None:
    """Return the key if the caller may reverse only sends by that key and its descendants. Otherwise, return None."""
    return None if REVERSES in principal.scopes else principal.key_id


def check_sender(key_id: str | None, spent_by: Collection[str]) -> None:
    """Raise ScopeMissing unless the key or one of its descendants sent the top-up.

    `spent_by` has the sender's key and its ancestors. It is empty if a person sent the top-up.
    """
    if key_id is not None and key_id not in spent_by:
        raise ScopeMissing(
            f"Another key sent this top-up. Reversing it requires {REVERSES}, which the "
            "credential lacks.",
            reason="scope",
            extra={"required_scopes": [REVERSES]},
        )


def check_address(principal: Principal, address: Address | str | None) -> None:
    """Raise AddressNotAllowed unless all allow-lists contain the caller's address.

    A missing or unreadable address is in no list. An IPv4 address in IPv6 format is treated as IPv4.
    """
    if not principal.ip_allow_lists:
        return
    found = _address(address)
    if found is None or not all(_holds(nets, found) for nets in principal.ip_allow_lists):
        seen = "" if found is None else f" {found}"
        raise AddressNotAllowed(
            f"The caller's IP address{seen} isn't on the key's allow-list.",
            extra={} if found is None else {"address": str(found)},
        )


def _holds(networks: Iterable[Network], address: Address) -> bool:
    return any(network.version == address.version and address in network for network in networks)


def _address(address: Address | str | None) -> Address | None:
    if address is None:
        return None
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


assert all(scopes < frozenset(ACCOUNT_SCOPES) for scopes in ROLE_SCOPES.values())


@dataclass(frozen=True, slots=True)
class Link:
    """A stored key or ancestor, with its expiry converted to our clock."""

    id: str
    scopes: frozenset[str]
    ip_allow_list: tuple[Network, ...]
    approval_threshold_cents: int | None
    expires_at: int | None
    revoked_at: int | None
    paused_at: int | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What a key can do. The caller's address must be in all `ip_allow_lists`: the key's and its ancestors'."""

    scopes: frozenset[str]
    ip_allow_lists: tuple[tuple[Network, ...], ...]
    approval_threshold_cents: int | None
    expires_at: int | None
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Literal["revoked", "expired", "live_closed"]
    key_id: str | None = None


def effective(links: Sequence[Link], *, now_us: int, may_administer: bool) -> Effective | Refusal:
    """Return what the first key can do. The other keys are its ancestors, nearest first."""
    assert links, "a lineage begins with the key itself"
    for link in links:
        if link.revoked_at is not None:
            return Refusal("revoked", link.id)
    for link in links:
        if link.expires_at is not None and link.expires_at <= now_us:
            return Refusal("expired", link.id)
    scopes = frozenset.intersection(*(link.scopes for link in links))
    if not (may_administer and len(links) == 1):
        scopes -= {ADMIN}
    return Effective(
        scopes=scopes,
        ip_allow_lists=tuple(link.ip_allow_list for link in links if link.ip_allow_list),
        approval_threshold_cents=_least([link.approval_threshold_cents for link in links]),
        expires_at=_least([link.expires_at for link in links]),
        is_paused=any(link.paused_at is not None for link in links),
    )


def parse_networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in text.split())


def _least(values: Sequence[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)
