"""The check that a request which fits the document is accepted, for schemathesis; it loads this file itself.

It is schemathesis's own positive_data_acceptance, but for refusals that no schema can foretell: each of them stands
below by itself, with its reason. Whatever else refuses a request that fits the document fails the run.
"""

import gc
import os
import re
from typing import Any, Final, NamedTuple

import schemathesis

# What is loaded stays until the end: looking through it for garbage took an eighth of a run.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 50, 1000)

_ACCEPTED: Final = frozenset({401, 403, 404, 409, 429})


class Unforeseeable(NamedTuple):
    """A refusal of what fits the document. operations, answer: patterns of `METHOD path` and of the body."""

    operations: str
    answer: str
    why: str


UNFORESEEABLE: Final = (
    Unforeseeable(
        r".*",
        r"cursor doesn't belong to this list",
        "a cursor is what an answer of that list gave before",
    ),
    Unforeseeable(
        r".*",
        r"control characters",
        "no text takes them: said once in the document, not as a pattern at each field",
    ),
    Unforeseeable(
        r".*",
        r"expected an integer(?: or null)?, got a number",
        "in JSON Schema 184.0 is an integer; a number of cents is never converted",
    ),
    Unforeseeable(
        r".*",
        r'"code":2002',
        "what the wallet holds",
    ),
    Unforeseeable(
        r".*",
        r'"code":2003',
        "which platforms the operator offers",
    ),
    Unforeseeable(
        r".*",
        r'"code":2004',
        "an address is read by IDNA, which no pattern says",
    ),
    Unforeseeable(
        r".*",
        r'"code":2005',
        "the bounds are the platform's own, see GET /platforms",
    ),
    Unforeseeable(
        r".*",
        r'"code":5002',
        "whether the host is known and public",
    ),
    Unforeseeable(
        r".*",
        r"lies? in the (past|future)|must be in the future|hasn't begun yet",
        "what time it is",
    ),
    Unforeseeable(
        r".*",
        r"must be earlier than `to`|must be before `(until|to)`",
        "OpenAPI has no relation between query parameters; and what time it is",
    ),
    Unforeseeable(
        r".*",
        r"can(?:no|')t be given together with|is required where .* is not given|Give a pack or an amount"
        r"|is required for a subscription|Give `secret`, `public_key` or both|[Gg]ive a pack or an amount|name either a pack",
        "of two fields one is given: oneOf beside fields breaks generators of clients",
    ),
    Unforeseeable(
        r"POST .*/replay",
        r"`like` can only be combined with status failed",
        "OpenAPI has no relation between two fields",
    ),
    Unforeseeable(
        r"POST .*/resend",
        r"isn't delivered yet",
        "what has become of the top-up",
    ),
    Unforeseeable(
        r".*",
        r"the integer is beyond 64 bits",
        "in a field that nobody knows: numbers that no part of ours can read are refused wherever they stand",
    ),
    Unforeseeable(
        r"POST .*",
        r"not a URL|carries no user name|must not contain a user name",
        "of what it takes for a URL some have a bracket or a name of a user in their host",
    ),
    Unforeseeable(
        r"GET /api/public/v1/(prices|usage)|POST /api/public/v1/(usage|holds/.*)",
        r"has no price",
        "which models the operator has priced",
    ),
    Unforeseeable(
        r"GET /api/public/v1/events",
        r"Give either `after`",
        "OpenAPI has no relation between query parameters",
    ),
    Unforeseeable(
        r"GET /api/public/v1/events",
        r"This isn't a complete cursor",
        "a cursor is what an answer of that list gave before",
    ),
    Unforeseeable(
        r"GET (/credits/transactions|/orders)",
        r"Give either `offset` or `cursor`\.",
        "OpenAPI has no relation between query parameters",
    ),
    Unforeseeable(
        r"GET /api/public/v1/events",
        r"file always lists the newest",
        "OpenAPI has no relation between query parameters",
    ),
    Unforeseeable(
        r"GET /api/public/v1/topup/statement",
        r"Give either `month`",
        "OpenAPI has no relation between query parameters",
    ),
    Unforeseeable(
        r"GET /api/public/v1/usage",
        r"expected a time such as",
        "a day or a time: JSON Schema has no one format for both",
    ),
    Unforeseeable(
        r"GET /api/public/v1/usage",
        r"Sums cover|applies to the list, not to sums",
        "OpenAPI has no relation between query parameters",
    ),
    Unforeseeable(
        r"POST /api/public/v1/orders",
        r"Give a pack or an amount|Give only one of a plan",
        "of two fields one is given: oneOf beside fields breaks generators of clients",
    ),
    Unforeseeable(
        r"POST /api/public/v1/orders",
        r'"param":"provider","detail":"(The provider must be one of|No provider is set up)',
        "which providers the operator has set up",
    ),
    Unforeseeable(
        r"POST /api/public/v1/orders",
        r"Only a signed-in user can agree",
        "who calls",
    ),
    Unforeseeable(
        r"POST (/api/public/v1/orders|/subscription/portal|/payment/create-session|/api/billing/topup)",
        r"A URL may contain only visible|This isn't a valid URL|The URL has no host",
        "which texts are URLs: format uri says less, and generators of clients read it apart",
    ),
    Unforeseeable(
        r"POST /api/public/v1/topup/bulk",
        r'"code":3010.*"code":2006',
        "which references were already used",
    ),
    Unforeseeable(
        r"POST /api/public/v1/(usage|holds)",
        r"Give either `credits` or `amount_micros`",
        "of two fields one is given: oneOf beside fields breaks generators of clients",
    ),
    Unforeseeable(
        r"POST /api/public/v1/(usage|holds/.*)",
        r"is required if you give any token count|is only allowed with|At least one token count|Cached tokens can",
        "what fits together of three counts of tokens",
    ),
    Unforeseeable(
        r"POST /api/public/v1/usage",
        r'"param":"description","detail":"is required',
        "required with an amount, not with tokens",
    ),
    Unforeseeable(
        r"POST /api/public/v1/usage",
        r"source.* and .*id",
        "a CloudEvent has its reference in source and id, together as long as one",
    ),
    Unforeseeable(
        r"POST /api/public/v1/usage",
        r"unknown field",
        "a batch has nothing beside its records: oneOf beside fields breaks generators of clients",
    ),
    Unforeseeable(
        r"PUT /api/public/v1/topup/balance/threshold",
        r"Give either one threshold or a list of thresholds\.",
        "of two fields one is given: oneOf beside fields breaks generators of clients",
    ),
    Unforeseeable(
        r"(POST|PATCH) /api/public/v1/keys.*",
        r"different values",
        "a field and its older place say the same",
    ),
    Unforeseeable(
        r"POST /api/public/v1/keys/.*",
        r"The key is revoked\.",
        "a call before it ended the key",
    ),
    Unforeseeable(
        r"POST /api/public/v1/topup/send",
        r"[Tt]he quote",
        "a quote is of one send, for ten minutes",
    ),
    Unforeseeable(
        r"POST /api/public/v1/(cli/login|tokens)|(POST|PATCH) /api/public/v1/keys.*",
        r"can't be printed",
        "which characters can be printed says a table, not a pattern",
    ),
    Unforeseeable(
        r"POST /api/public/v1/cli/login/token",
        r"The device code is unknown",
        "a code is what POST /cli/login gave before",
    ),
    Unforeseeable(
        r"POST /api/public/v1/webhooks/{endpoint_id}/test",
        r"did not accept the sample",
        "what the receiver answers",
    ),
    Unforeseeable(
        r"POST /payment/create-session",
        r"channel: (is one of|The provider must be one of|No provider is set up)",
        "which providers the operator has set up",
    ),
    Unforeseeable(
        r"POST /api/user/pay",
        r"payment_method: (is one of|no payment method)",
        "which providers the operator has set up",
    ),
    Unforeseeable(
        r"POST /x402/topup",
        r'"x402Version":2',
        "the price, before it is paid",
    ),
    Unforeseeable(
        r"POST /api/billing/webhook/myfatoorah",
        r"MyFatoorah's format",
        "the provider's own words, which it specifies and signs",
    ),
    Unforeseeable(
        r"POST /api/user/epay/notify|POST /payment/webhook/epay",
        r"^fail$",
        "the provider's own words, which it specifies and signs",
    ),
)
_ROWS: Final = tuple((re.compile(one.operations), re.compile(one.answer)) for one in UNFORESEEABLE)


_LONG_WAITS: Final = frozenset(map(str, range(1, 51)))
_OTHERS: Final = re.compile(r"requires admin|requires a signed-in user")
_tried: set[Any] = set()
_for_others: set[str] = set()
_OWN_KEY_ID: Final = os.environ.get("TOPUP_TEST_OWN_KEY_ID", "")


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leaves the key of the run alone: ended, paused or with other scopes it would reach nothing any more."""
    named = repr((case.path_parameters, case.query, case.body))
    is_harmless = case.method.upper() == "GET" or _OWN_KEY_ID not in named
    return is_harmless and not (
        _is_wrong_item(case) or _is_for_others(case) or _is_one_more_wrong_type(case)
    )


def _is_wrong_item(case: Any) -> bool:
    """A bulk send and a batch of usage take the call and answer for a wrong item among its items: only right
    ones are tried.
    """
    if case.meta is None or case.meta.generation.mode.is_positive:
        return False
    label, body = case.operation.label, case.body
    is_batch = isinstance(body, list) or (isinstance(body, dict) and "records" in body)
    return label == "POST /api/public/v1/topup/bulk" or (
        label == "POST /api/public/v1/usage" and is_batch
    )


def _is_for_others(case: Any) -> bool:
    """Whether the operation is a person's or the operator's: it says so whatever is sent, so the random
    requests to it are enough.
    """
    is_listed = case.meta is not None and case.meta.phase.name == "coverage"
    return is_listed and case.operation.label in _for_others


def _is_one_more_wrong_type(case: Any) -> bool:
    """Whether it is another type at a place where a wrong one was tried: one decoder reads them all."""
    data: Any = None if case.meta is None else case.meta.phase.data
    if getattr(data, "scenario", None) != "incorrect_type":
        return False
    place = (case.operation.label, data.parameter_location, data.parameter, data.location)
    if place in _tried:
        return True
    _tried.add(place)
    return False


@schemathesis.hook
def map_case(_context: Any, case: Any) -> Any:
    """Nobody changes anything meanwhile, so a long wait would end as it began."""
    if str((case.query or {}).get("wait_s", "")) in _LONG_WAITS:
        case.query["wait_s"] = "0"
    return case


@schemathesis.check
def valid_request_accepted(_ctx: Any, response: Any, case: Any) -> None:
    """Fails for a refusal of a request that fits the document and stands in no row above."""
    meta = case.meta
    status, label = response.status_code, case.operation.label
    if status in {401, 403} and _OTHERS.search(response.text):
        _for_others.add(label)
    if meta is None or not meta.generation.mode.is_positive:
        return
    if status < 400 or status >= 500 or status in _ACCEPTED:
        return
    said = response.text
    if any(where.fullmatch(label) and what.search(said) for where, what in _ROWS):
        return
    raise AssertionError(f"refused, though it fits the document: {status} {said[:300]}")
