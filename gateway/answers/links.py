"""Choose the API calls that help to fix an error, by the error's code and reason.

If only a user can fix the error, the page for that comes first.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from gateway.answers import response_codes as codes
from kernel.words import Link

DASHBOARD: Final = "/dashboard"
_KEYS: Final = f"{DASHBOARD}/keys"
_PLAN: Final = f"{DASHBOARD}/plan"
# Pages for errors that the key's page can't resolve, by reason.
_BY_REASON: Final[Mapping[str, str]] = {
    "account_per_day": f"{DASHBOARD}/account",
    "account_suspended": DASHBOARD,
    "live_closed": DASHBOARD,
    "live_not_open": DASHBOARD,
    "owner": f"{DASHBOARD}/team",
    "password_required": f"{DASHBOARD}/confirm",
    "plan_used_up": _PLAN,
}
_BY_PATH: Final = (
    ("/approvals", f"{DASHBOARD}/approvals"),
    ("/codes", f"{DASHBOARD}/codes"),
    ("/keys", _KEYS),
    ("/orders", f"{DASHBOARD}/orders"),
    ("/portal-links", f"{DASHBOARD}/portal-links"),
    ("/recharge", f"{DASHBOARD}/recharge"),
    ("/subscriptions", _PLAN),
    ("/vouchers", f"{DASHBOARD}/vouchers"),
    ("/webhooks", f"{DASHBOARD}/webhooks"),
)
_OF_THE_KEY: Final = frozenset({codes.CAP_EXCEEDED, codes.MISSING_SCOPE, codes.ADDRESS_NOT_ALLOWED})
_ENDED: Final = frozenset({codes.INVALID_KEY, codes.KEY_ENDED})
_ID: Final = {"/approvals": "apr_", "/orders": "ord_", "/webhooks": "we_"}


def page_of(code: int, error: Mapping[str, Any], *, path: str, key_id: str | None) -> str:
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


_SEND: Final = "/topup/send"
_USAGE: Final = "/usage"
_CAPTURE: Final = "/holds/{hold_id}/capture"
# These calls show figures related to a refused amount.
_ABOUT_AMOUNT: Final[Mapping[str, tuple[str, str] | None]] = {
    "/orders": ("packs", "/packs"),
    "/sandbox/fund": ("balance", "/topup/balance"),
    "/topup/balance/threshold": ("balance", "/topup/balance"),
    _USAGE: None,
    "/holds": None,
}
# Reasons for code 2001 that concern a supplier's or payment provider's signature.
_SIGNED_BY_OTHERS: Final = frozenset({"signature", "timestamp", "supplier_replaced"})
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_PARAMETER_CHARACTERS_MAX: Final = 64
Nearest = Callable[[str, str], tuple[str, tuple[str, ...]] | None]


@dataclass(frozen=True, slots=True)
class RefusedFacts:
    """The facts about a failed request from which its links are chosen.

    - `nearest` is the path that was probably meant, and `lists` says whether that path is a list.
    - `is_open` says whether anyone may create a sandbox account.
    - `has_person` says whether someone can sign in to the account.
    - `smaller_cents` is the largest amount that the key's limits allow now.
    """

    home: str
    url: str
    api: str
    code: int
    method: str
    template: str
    path: str
    body: Mapping[str, Any]
    query: Mapping[str, str]
    error: Mapping[str, Any]
    transaction_id: str | None
    environment: str | None
    is_open: bool
    smaller_cents: int | None
    key_id: str | None
    has_person: bool
    lists: Callable[[str], bool] | None = None
    nearest: Nearest | None = None

    def get(self, rel: str, path: str) -> Link:
        return Link(rel=rel, method="GET", href=self.api + path)

    def page(self) -> Link:
        return person_link(
            self.code,
            self.error,
            home=self.home,
            path=self.path,
            key_id=self.key_id,
            has_person=self.has_person,
        )

    def post(self, rel: str, path: str, body: Mapping[str, Any] | None = None) -> Link:
        return Link(rel=rel, method="POST", href=self.api + path, body=dict(body) if body else None)


def person_link(
    code: int,
    error: Mapping[str, Any],
    *,
    home: str,
    path: str,
    key_id: str | None,
    has_person: bool,
) -> Link:
    if not has_person:
        return Link(rel="guide", method="GET", href=error["doc_url"])
    page = page_of(code, error, path=path, key_id=key_id)
    return Link(rel="page", method="GET", href=home + page)


def with_links(asked: RefusedFacts) -> dict[str, Any]:
    """Add links to data.error, most useful first, and set next_action to match."""
    error = dict(asked.error)
    own = error.get("links")
    links = list(own or _BY_CODE.get(asked.code, _no_call)(asked))
    if _is_of_other_environment(asked):
        error["next_action"] = "fix_request"
        if asked.environment != "staging":
            error.pop("errors", None)
    if error["next_action"] == "ask_human" and not own and _has_smaller(links):
        error["next_action"] = "fix_request"
        links.append(asked.page())
    elif error["next_action"] == "ask_human":
        # Without an account, the API calls are more useful than the page.
        links.insert(len(links) if own and not asked.has_person else 0, asked.page())
    elif not links and error["next_action"] != "wait" and asked.lists is not None:
        # `lists` is None for an item of a bulk request.
        links = [Link(rel="guide", method="GET", href=error["doc_url"])]
    if links:
        error["links"] = links
    return error


def _has_smaller(links: list[Link]) -> bool:
    return any(link.rel == "smaller_send" for link in links)


def _no_call(_asked: RefusedFacts) -> Iterator[Link]:
    yield from ()


def _sandbox_key(asked: RefusedFacts) -> Iterator[Link]:
    if asked.is_open:
        yield asked.post("sandbox_key", "/keys/sandbox")


def _credit(asked: RefusedFacts) -> Iterator[Link]:
    if asked.error.get("reason") == "plan_used_up":
        # This request can't use wallet credit, so adding some wouldn't help.
        yield asked.get("plan", "/subscriptions")
        return
    if asked.environment == "staging":
        yield asked.post("fund", "/sandbox/fund", {"amount_cents": _lacking_cents(asked)})
    else:
        yield asked.page()
        yield asked.get("packs", "/packs")
    yield asked.get("balance", "/topup/balance")


def _lacking_cents(asked: RefusedFacts) -> int:
    """Return how much test credit the same request needs, including what is owed. If that is unknown, return
    $10.00.
    """
    amount = asked.body.get("amount_cents")
    wanted = amount if isinstance(amount, int) and amount > 0 else 1_000
    found: int = max(asked.error.get("lacking_cents", 0), wanted)
    return found + int(asked.error.get("owed_cents", 0))


def _platforms(asked: RefusedFacts) -> Iterator[Link]:
    yield asked.get("platforms", "/platforms")


def _amount(asked: RefusedFacts) -> Iterator[Link]:
    if asked.template == _CAPTURE:
        yield asked.get("hold", quote(asked.path.removesuffix("/capture")))
        return
    shown = _ABOUT_AMOUNT.get(asked.template, ("platforms", "/platforms"))
    if shown is not None:
        yield asked.get(*shown)


def _prices(asked: RefusedFacts) -> Iterator[Link]:
    if asked.template == _USAGE and asked.error.get("param") == "model":
        yield asked.get("prices", "/prices")


def _ended(asked: RefusedFacts) -> Iterator[Link]:
    found = list(_earlier(asked))
    above = asked.template.rpartition("/")[0]
    if not found and asked.lists is not None and asked.lists(above):
        found.append(asked.get("current", quote(asked.path.rpartition("/")[0])))
    yield from found


def _redeemable(asked: RefusedFacts) -> Iterator[Link]:
    yield asked.page()


def _unsigned(asked: RefusedFacts) -> Iterator[Link]:
    if asked.error.get("reason") not in _SIGNED_BY_OTHERS:
        yield from _sandbox_key(asked)


def _earlier(asked: RefusedFacts) -> Iterator[Link]:
    # Payers without an account can't read a status by ID.
    if asked.transaction_id is not None and asked.environment is not None:
        yield asked.get("earlier", f"/topup/status/{asked.transaction_id}")
    reference = asked.body.get("reference")
    if asked.template == _USAGE and isinstance(reference, str):
        yield asked.get("earlier", f"{_USAGE}?reference={quote(reference)}")


def _reversal(asked: RefusedFacts) -> Iterator[Link]:
    yield from _earlier(asked)
    if asked.transaction_id is not None:
        path = f"/topup/{asked.transaction_id}/reverse"
        yield asked.post("reverse", path, {"reason": "no longer wanted"})


def _smaller(asked: RefusedFacts) -> Iterator[Link]:
    if asked.smaller_cents and asked.template == _SEND:
        # A quote is only valid for its own amount.
        same = {name: value for name, value in asked.body.items() if name != "quote_id"}
        body = {**same, "amount_cents": asked.smaller_cents}
        yield asked.post("smaller_send", _SEND, body)
    yield asked.get("limits", "/keys/self")


def _is_of_other_environment(asked: RefusedFacts) -> bool:
    """Return whether the request named an environment other than its key's, and a program can correct this.

    A live key's request must not reach staging unnoticed.
    """
    if asked.error.get("reason") != "environment":
        return False
    return asked.environment == "staging" or (
        asked.is_open and asked.body.get("environment") == "staging"
    )


def _own_credential(asked: RefusedFacts) -> Iterator[Link]:
    if _is_of_other_environment(asked):
        if asked.environment != "staging":
            yield from _sandbox_key(asked)
        return
    if asked.environment is not None:
        yield asked.get("limits", "/keys/self")


def _existing(asked: RefusedFacts) -> Iterator[Link]:
    template = asked.template.removesuffix("/register")
    if template and asked.lists is not None and asked.lists(template):
        yield asked.get("existing", template)


def _how_to_pay(asked: RefusedFacts) -> Iterator[Link]:
    if asked.error.get("next_action") == "pay":
        yield Link(rel="guide", method="GET", href=f"{asked.home}/docs/x402")


def _nearest(asked: RefusedFacts) -> Iterator[Link]:
    if not asked.template:
        near = asked.nearest(asked.method, asked.path) if asked.nearest is not None else None
        if near is not None:
            path, methods = near
            path = _PARAMETER.sub(lambda found: _given(asked, found[1]), path)
            for method in methods:
                yield Link(rel="nearest", method=method, href=asked.api + path)
        yield asked.get("codes", "/codes")
        if not asked.url.startswith(asked.api + "/"):
            yield Link(rel="guide", method="GET", href=f"{asked.home}/llms.txt")
    elif asked.template.startswith("/topup/"):
        yield asked.get("history", "/topup/history")
    else:
        above = asked.template.partition("/{")[0]
        if asked.lists is not None and asked.lists(above):
            yield asked.get("list", above)


def _given(asked: RefusedFacts, name: str) -> str:
    said = asked.query.get(name, asked.body.get(name))
    return (
        quote(said[:_PARAMETER_CHARACTERS_MAX], safe="")
        if isinstance(said, str) and said
        else f"{{{name}}}"
    )


def _methods(asked: RefusedFacts) -> Iterator[Link]:
    for method in asked.error.get("allow", ()):
        if method not in {"HEAD", "OPTIONS"}:
            yield Link(rel="allowed", method=method, href=asked.url)


_BY_CODE: Final[Mapping[int, Callable[[RefusedFacts], Iterator[Link]]]] = {
    codes.INVALID_KEY: _unsigned,
    codes.KEY_ENDED: _sandbox_key,
    codes.INSUFFICIENT_BALANCE: _credit,
    codes.INVALID_PLATFORM: _platforms,
    codes.AMOUNT_OUT_OF_RANGE: _amount,
    codes.MALFORMED: _prices,
    codes.DUPLICATE: _earlier,
    codes.NOT_REDEEMABLE: _redeemable,
    codes.ALREADY_DELIVERED: _reversal,
    codes.ALREADY_SETTLED: _ended,
    codes.ALREADY_USED: _earlier,
    codes.CAP_EXCEEDED: _smaller,
    codes.MISSING_SCOPE: _own_credential,
    codes.LIMIT_REACHED: _existing,
    codes.PAYMENT_REQUIRED: _how_to_pay,
    codes.NOT_FOUND: _nearest,
    codes.METHOD_NOT_ALLOWED: _methods,
}
