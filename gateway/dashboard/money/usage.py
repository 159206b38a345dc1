"""Show usage by day, model and key, and list holds."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from billing.reports.key_spend import key_names
from billing.reports.usage_report import UsageWanted
from billing.usage.hold_acts import EXTEND, LIST as LIST_HOLDS, RELEASE
from billing.usage.price_acts import LIST_PRICES
from gateway.api.money.usage import USAGE
from gateway.dashboard.act import button_route
from gateway.dashboard.listing import ROWS, Paged, Summed, listing
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.dashboard.spend import DAYS, last_days, spend_of
from gateway.html.forms import Form
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.own_acts import list_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import DAY_US, parse_rfc3339, rfc3339
from kernel.fields import Fields

PATH: Final = "/dashboard/usage"
_READ: Final = ("usage:read",)
_FILTERS: Final = ("model", "key", "reference", "from", "to")
_DAYS_MAX: Final = 366
_HOLDS: Final = OwnList(
    path="/usage/holds",
    title=phrase("Holds"),
    above=Way("usage:read", PATH, phrase("Usage")),
    lead=phrase("Credit that is reserved until the price of the usage is known."),
    listed=LIST_HOLDS,
    empty=phrase("No holds in %(environment)s yet"),
    advice=phrase(
        "A program reserves credit with POST /api/public/v1/holds, and captures what it used."
    ),
    ways=(Way("usage:read", "/docs/holds", phrase("How to hold credit")),),
    template="holds.html",
)
_PRICES: Final = OwnList(
    path="/usage/prices",
    title=phrase("Prices"),
    above=Way("usage:read", PATH, phrase("Usage")),
    lead=phrase(
        "Prices of a million tokens of each model in %(environment)s. A name that ends in * covers every model"
        " with that prefix."
    ),
    listed=LIST_PRICES,
    empty=phrase("No prices in %(environment)s yet"),
    advice=phrase("Until the operator sets prices, usage is charged by amount."),
    columns=(
        "model lead break, input_micros named number, cached_micros named number, "
        "output_micros named number, changed_at"
    ),
    leads="",
)
_SPANS: Final = (
    (phrase("7 days"), 7),
    (phrase("30 days"), 30),
    (phrase("90 days"), 90),
    (phrase("A year"), 365),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, now_us = call.principal.tenant, call.now_us
    listed = await listing(call, USAGE, *_FILTERS, summed=Summed("amount_micros"))
    held = (await list_own(call, LIST_HOLDS, {"open": "true"}, rows=ROWS)).items
    wanted, is_whole = _period(listed, now_us)
    spend = await spend_of(call.context.database, tenant, wanted)
    spenders = [one.key_id for one in spend.keys.shown] + [one["key_id"] for one in listed.items]
    names = await call.context.database.read(
        lambda tx: key_names(tx, tenant, [one for one in spenders if one])
    )
    given = {name: text for name in _FILTERS if (text := listed.filters.text(name))}
    return page(
        call,
        "usage.html",
        listing=listed,
        held=held if listed.first_url is None else [],
        spend=spend,
        names=names,
        spans=[(words, _since(given, now_us, days)) for words, days in _SPANS],
        since=rfc3339(wanted.since)[:10],
        last_day=rfc3339(wanted.until - DAY_US)[:10],
        is_whole=is_whole,
        days=DAYS,
        given=given,
    )


def _period(listed: Paged, now_us: int) -> tuple[UsageWanted, bool]:
    """Return the period to sum up, and whether the sums cover everything listed.

    Sums cover whole UTC days and ignore the reference filter.
    """
    asked = listed.filters
    narrowed = {"model": asked.text("model") or None, "key_id": asked.text("key") or None}
    usual = last_days(now_us, **narrowed)
    since, until = _day(asked, "from"), _day(asked, "to")
    until = usual.until if until is None else until
    since = until - DAYS * DAY_US if since is None else since
    if listed.problem.sentence or not since < until <= since + _DAYS_MAX * DAY_US:
        return usual, False
    return UsageWanted(since=since, until=until, **narrowed), not asked.text("reference")


def _since(given: Mapping[str, str], now_us: int, days: int) -> str:
    since = rfc3339(now_us - now_us % DAY_US - (days - 1) * DAY_US)[:10]
    kept = {name: text for name, text in given.items() if name not in {"from", "to"}}
    return f"{PATH}?{urlencode({**kept, 'from': since})}"


def _day(asked: Form, name: str) -> int | None:
    try:
        return parse_rfc3339(f"{asked.text(name)[:10]}T00:00:00Z")
    except ValueError:
        return None


ROUTES = (
    page_route("GET", "/usage", show, "Usage", _READ),
    _HOLDS.route(),
    _PRICES.route(),
    button_route("/usage/holds/{hold_id}/release", RELEASE, "hold-released", then=PATH),
    button_route(
        "/usage/holds/{hold_id}/extend", EXTEND, "hold-extended", values={"ttl_s": 3600}, then=PATH
    ),
)
