"""Which call comes next after a refusal: links[] of an error, by code and reason. Pure.

A link has rel (what it is for), method, href, and a body where one is known. It is a call of this API
with the caller's own credential, a page of the documentation, or (`page`) a page for a person. Promises: a refusal
that asks for a person begins with a page that a person can open; no refusal is without a link but one that only asks
to wait.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from gateway.answers import response_codes as codes
from gateway.answers.people import page_of
from gateway.answers.refused import Link

_SEND: Final = "/topup/send"
_USAGE: Final = "/usage"
_CAPTURE: Final = "/holds/{hold_id}/capture"
# Of other amounts than a send's: which call shows what they are about. Where none does, their bounds say it all.
_ABOUT_AMOUNT: Final[Mapping[str, tuple[str, str] | None]] = {
    "/orders": ("packs", "/packs"),
    "/sandbox/fund": ("balance", "/topup/balance"),
    "/topup/balance/threshold": ("balance", "/topup/balance"),
    _USAGE: None,
    "/holds": None,
}
# Reasons of 2001 that are about the signature of a supplier or a payment provider.
_SIGNED_BY_OTHERS: Final = frozenset({"signature", "timestamp", "supplier_replaced"})
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_PARAMETER_CHARACTERS_MAX: Final = 64
Nearest = Callable[[str, str], tuple[str, tuple[str, ...]] | None]


@dataclass(frozen=True, slots=True)
class RefusedFacts:
    """What was refused. home: the gateway's address. url: what was called, without its query. api: the address below which the API lies.
    template: the route's path below it, empty for an unknown path. body: the request's fields, empty where there were none. query: its parameters. error: data.error
    so far. is_open: whether anybody may make a sandbox account. smaller_cents: the amount of a send that the
    key's limits admit now; null: none. key_id: the caller's own. has_person: whether somebody can sign in to the
    account. lists: whether that path is a list. nearest: the path that was
    probably meant. An item of a call has a known path, so it needs neither.
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
        """What a person opens."""
        if not self.has_person:
            return Link(rel="guide", method="GET", href=self.error["doc_url"])
        page = page_of(self.code, self.error, path=self.path, key_id=self.key_id)
        return Link(rel="page", method="GET", href=self.home + page)

    def post(self, rel: str, path: str, body: Mapping[str, Any] | None = None) -> Link:
        return Link(rel=rel, method="POST", href=self.api + path, body=dict(body) if body else None)


def with_links(asked: RefusedFacts) -> dict[str, Any]:
    """data.error with its links[], the most useful first, and next_action as they have it."""
    error = dict(asked.error)
    # What the refusal itself names comes first; the others say the way if it names none.
    own = error.get("links")
    links = list(own or _BY_CODE.get(asked.code, _no_call)(asked))
    if _is_of_other_environment(asked):
        error["next_action"] = "fix_request"
        if asked.environment != "staging":
            # Without the word the live key would pay.
            error.pop("errors", None)
    if error["next_action"] == "ask_human" and not own and _has_smaller(links):
        # The limit admits less at once, and nobody has to be asked.
        error["next_action"] = "fix_request"
        links.append(asked.page())
    elif error["next_action"] == "ask_human":
        # Of an anonymous account the calls that the refusal names are worth more than the guide.
        links.insert(len(links) if own and not asked.has_person else 0, asked.page())
    elif not links and error["next_action"] != "wait" and asked.lists is not None:
        # An item of a call, which has no lists, says no more than its doc_url does.
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
        # More credit in the wallet would not be used.
        yield asked.get("plan", "/subscriptions")
        return
    if asked.environment == "staging":
        yield asked.post("fund", "/sandbox/fund", {"amount_cents": _lacking_cents(asked)})
    else:
        yield asked.page()
        yield asked.get("packs", "/packs")
    yield asked.get("balance", "/topup/balance")


def _lacking_cents(asked: RefusedFacts) -> int:
    """As much test credit as lets the same call pass, or $10.00 more than is owed if that isn't known."""
    amount = asked.body.get("amount_cents")
    wanted = amount if isinstance(amount, int) and amount > 0 else 1_000
    found: int = max(asked.error.get("lacking_cents", 0), wanted)
    return found + int(asked.error.get("owed_cents", 0))


def _platforms(asked: RefusedFacts) -> Iterator[Link]:
    yield asked.get("platforms", "/platforms")


def _amount(asked: RefusedFacts) -> Iterator[Link]:
    """What bounds the amount: of a send its platform, of a capture its hold."""
    if asked.template == _CAPTURE:
        yield asked.get("hold", quote(asked.path.removesuffix("/capture")))
        return
    shown = _ABOUT_AMOUNT.get(asked.template, ("platforms", "/platforms"))
    if shown is not None:
        yield asked.get(*shown)


def _prices(asked: RefusedFacts) -> Iterator[Link]:
    """Which models have a price, where that was the matter."""
    if asked.template == _USAGE and asked.error.get("param") == "model":
        yield asked.get("prices", "/prices")


def _ended(asked: RefusedFacts) -> Iterator[Link]:
    """What it came to: the top-up, or the object that was called."""
    found = list(_earlier(asked))
    above = asked.template.rpartition("/")[0]
    if not found and asked.lists is not None and asked.lists(above):
        found.append(asked.get("current", quote(asked.path.rpartition("/")[0])))
    yield from found


def _redeemable(asked: RefusedFacts) -> Iterator[Link]:
    yield asked.page()


def _unsigned(asked: RefusedFacts) -> Iterator[Link]:
    """A new account's key, unless it was no key that was refused."""
    if asked.error.get("reason") not in _SIGNED_BY_OTHERS:
        yield from _sandbox_key(asked)


def _earlier(asked: RefusedFacts) -> Iterator[Link]:
    # A payer without an account reads no status by its id.
    if asked.transaction_id is not None and asked.environment is not None:
        yield asked.get("earlier", f"/topup/status/{asked.transaction_id}")
    reference = asked.body.get("reference")
    if asked.template == _USAGE and isinstance(reference, str):
        yield asked.get("earlier", f"{_USAGE}?reference={quote(reference)}")


def _reversal(asked: RefusedFacts) -> Iterator[Link]:
    """What was delivered and not used can be taken back instead."""
    yield from _earlier(asked)
    if asked.transaction_id is not None:
        path = f"/topup/{asked.transaction_id}/reverse"
        yield asked.post("reverse", path, {"reason": "no longer wanted"})


def _smaller(asked: RefusedFacts) -> Iterator[Link]:
    """The same send with what the limits leave, where that can be sent."""
    if asked.smaller_cents and asked.template == _SEND:
        # A quote is of its own amount, and would be refused with this one.
        same = {name: value for name, value in asked.body.items() if name != "quote_id"}
        body = {**same, "amount_cents": asked.smaller_cents}
        yield asked.post("smaller_send", _SEND, body)
    yield asked.get("limits", "/keys/self")


def _is_of_other_environment(asked: RefusedFacts) -> bool:
    """Whether the request named an environment that its key is not of, and can go on without a person.

    A staging key may send it in staging, where nothing is spent. What a live key was to try in staging is never
    sent in live: a sandbox key does that, where anybody may make one.
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
    # Whoever came without a credential has no limits to look at.
    if asked.environment is not None:
        yield asked.get("limits", "/keys/self")


def _existing(asked: RefusedFacts) -> Iterator[Link]:
    """The list of what there are too many of."""
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
    """The parameter of a path as the request said it elsewhere; else its name as it is."""
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
