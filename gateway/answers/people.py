"""Choose the page for a person after a refusal that only a person resolves.

A page of the dashboard asks for sign-in. An anonymous sandbox account has none, so its refusals lead to the
documentation of their code.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.answers import response_codes as codes

DASHBOARD: Final = "/dashboard"
_KEYS: Final = f"{DASHBOARD}/keys"
_PLAN: Final = f"{DASHBOARD}/plan"
# What a key's own page can't change, by the refusal's reason.
_BY_REASON: Final[Mapping[str, str]] = {
    "account_per_day": f"{DASHBOARD}/account",
    "account_suspended": DASHBOARD,
    "live_closed": DASHBOARD,
    "live_not_open": DASHBOARD,
    "owner": f"{DASHBOARD}/team",
    "password_required": f"{DASHBOARD}/confirm",
    "plan_used_up": _PLAN,
}
# By the beginning of the called path.
_BY_PATH: Final = (
    ("/approvals", f"{DASHBOARD}/approvals"),
    ("/codes", f"{DASHBOARD}/codes"),
    ("/keys", _KEYS),
    ("/orders", f"{DASHBOARD}/orders"),
    ("/recharge", f"{DASHBOARD}/recharge"),
    ("/subscriptions", _PLAN),
    ("/vouchers", f"{DASHBOARD}/vouchers"),
    ("/webhooks", f"{DASHBOARD}/webhooks"),
)
# A key's page changes what it may do.
_OF_THE_KEY: Final = frozenset({codes.CAP_EXCEEDED, codes.MISSING_SCOPE, codes.ADDRESS_NOT_ALLOWED})
_ENDED: Final = frozenset({codes.INVALID_KEY, codes.KEY_ENDED})
_ID: Final = {"/approvals": "apr_", "/orders": "ord_", "/webhooks": "we_"}


def page_of(code: int, error: Mapping[str, Any], *, path: str, key_id: str | None) -> str:
    """Return the page's path."""
    reason: str = error.get("reason") or ""
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    approval = error.get("approval")
    if approval is not None:
        return f"{DASHBOARD}/approvals/{approval['id']}"
    requester = error.get("requester_key_id")
    if requester is not None:
        return f"{_KEYS}/{requester}"
    if code in _ENDED:
        return f"{_KEYS}/new"
    if code in _OF_THE_KEY and reason != "same_lineage":
        key_id = error.get("key_id") or key_id
        return _KEYS if key_id is None else f"{_KEYS}/{key_id}"
    if code == codes.INSUFFICIENT_BALANCE:
        return f"{DASHBOARD}/buy"
    return _page_of_path(path)


def _page_of_path(path: str) -> str:
    for start, page in _BY_PATH:
        if path.startswith(start):
            last = path.removeprefix(start).strip("/").partition("/")[0]
            is_id = start in _ID and last.startswith(_ID[start]) and last.isascii()
            return f"{page}/{last}" if is_id and last.replace("_", "").isalnum() else page
    return DASHBOARD
