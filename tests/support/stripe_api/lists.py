"""Lists with their filters and pages, and what an answer may be asked to expand."""

import copy
from typing import Any

from tests.support.stripe_api.account import Json, StripeAccount
from tests.support.stripe_api.params import Params

LIMIT, LIMIT_MAX = 10, 100
_PAGING = frozenset({"limit", "starting_after", "ending_before", "expand", "created"})
_BOUNDS = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


def listed(account: StripeAccount, kind: str, url: str, params: Params, **fields: Any) -> Json:
    """A page of what the form's filters let through, the newest first."""
    wanted = {name: one for name, one in params.fields.items() if name not in _PAGING}
    # A subscription that ended is listed only where it is asked for.
    if kind == "subscription" and wanted.get("status") in {None, "all"}:
        is_all = wanted.pop("status", None) == "all"
        rows = [x for x in account.every(kind, **fields) if is_all or x["status"] != "canceled"]
    else:
        rows = account.every(kind, **fields)
    rows = [one for one in reversed(rows) if _is_wanted(one, wanted) and _is_of_time(one, params)]
    ids = [one["id"] for one in rows]
    after, before = params.text("starting_after"), params.text("ending_before")
    limit = min(params.whole("limit") or LIMIT, LIMIT_MAX)
    if before is not None:
        first = ids.index(before)
        page, has_more = rows[max(0, first - limit) : first], first > limit
    else:
        start = 0 if after is None else ids.index(after) + 1
        page, has_more = rows[start : start + limit], len(rows) > start + limit
    return {"object": "list", "url": url, "has_more": has_more, "data": page}


def expanded(account: StripeAccount, answer: Json, params: Params) -> Json:
    """A copy of the answer with the objects that `expand` names in the place of their ids."""
    made = copy.deepcopy(answer)
    for path in params.texts("expand"):
        _expand(account, made, path.split("."))
    return made


def _expand(account: StripeAccount, one: Any, path: list[str]) -> None:
    if isinstance(one, list):
        for each in one:
            _expand(account, each, path)
        return
    if not path or not isinstance(one, dict):
        return
    name, *rest = path
    if name == "payments" and one.get("object") == "invoice":
        paid = account.every("invoice_payment", invoice=one["id"])
        one[name] = {"object": "list", "has_more": False, "data": copy.deepcopy(paid)}
    found = one.get(name)
    known = account.known(found)
    if known is not None:
        one[name] = found = copy.deepcopy(known)
    _expand(account, found, rest)


def _is_wanted(one: Json, wanted: Json) -> bool:
    """Whether the fields are these; an object's id stands for it."""
    for name, value in wanted.items():
        found = one.get(name)
        if isinstance(value, dict):
            if not isinstance(found, dict) or not _is_wanted(found, value):
                return False
        elif str(found).lower() != str(value).lower():
            return False
    return True


def _is_of_time(one: Json, params: Params) -> bool:
    bounds = params.inner("created")
    return all(
        is_kept(one["created"], limit)
        for name, is_kept in _BOUNDS.items()
        if (limit := bounds.whole(name)) is not None
    )
