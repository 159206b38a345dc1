"""Decide who may have webhooks carry voucher codes, and links that decide on approvals.

Deliveries that carry them, even old ones that are sent again, must not go where their reader never agreed. So
changing the address of such an endpoint needs the same right as the choice itself.
"""

from dataclasses import dataclass

from msgspec import UNSET

from keys.principal import SEES_CODES, Principal, ScopeMissing
from webhooks.endpoints.fields import EndpointChanges, NewEndpoint


@dataclass(frozen=True, slots=True)
class EndpointRights:
    """The rights of the caller of an endpoint's change.

    sees_codes: the caller has vouchers:read. is_person: the caller is a signed-in person who decides on
    sends, or the command line; a key must not receive the decision on its own sends. who: the signed-in
    person or the key; null for the command line.
    """

    sees_codes: bool = False
    is_person: bool = False
    who: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "EndpointRights":
        who = principal.lineage[0] if principal.lineage else principal.person_id
        return cls(SEES_CODES in principal.scopes, _decides(principal), who)


def _decides(principal: Principal) -> bool:
    return principal.kind == "session" and "approvals:write" in principal.scopes


def check_new(new: NewEndpoint, rights: EndpointRights) -> None:
    """Raise ScopeMissing if the new endpoint needs more than its caller's rights."""
    if new.include_codes and not rights.sees_codes:
        raise _codes_refused()
    if new.include_approval_links and not rights.is_person:
        raise _links_refused()


def check_changes(
    changes: EndpointChanges,
    rights: EndpointRights,
    *,
    is_moved: bool,
    had_codes: bool,
    had_links: bool,
) -> None:
    """Raise ScopeMissing if the changes need more than the caller's rights.

    is_moved: the address changes. had_codes, had_links: events published before may carry them.
    """
    if not rights.sees_codes and (changes.include_codes is True or (had_codes and is_moved)):
        raise _codes_refused()
    is_told = changes.include_approval_links is True
    if not rights.is_person and (is_told or (had_links and is_moved)):
        raise _links_refused()


def told_columns(changes: EndpointChanges) -> dict[str, int]:
    columns: dict[str, int] = {}
    for name in ("codes", "approval_links"):
        value = getattr(changes, f"include_{name}")
        if value is UNSET:
            continue
        columns[f"include_{name}"] = int(value)
        if value:
            columns[f"had_{name}"] = 1
    return columns


def _codes_refused() -> ScopeMissing:
    return ScopeMissing(
        f"Sending bodies with codes requires {SEES_CODES}, which the credential lacks.",
        reason="scope",
        extra={"required_scopes": [SEES_CODES]},
    )


def _links_refused() -> ScopeMissing:
    return ScopeMissing(
        "Only a signed-in user can have approval links sent to an address, or to another one.",
        reason="person_only",
    )
