"""Each type of event leads to the page of what it is about, and no order's to a top-up."""

import re

import pytest

from gateway.dashboard.surface import PAGES as SURFACES_OF_PAGES
from gateway.html.render import event_object
from gateway.http.routing import Router
from webhooks.events.catalogue import sample_data
from webhooks.events.event import EVENT_TYPES

ENDPOINT = {"id": "we_test", "url": "https://shop.example/hook"}
REFERENCE = "txn_3Kp9"
# What is about no object that has a page: the balance, a grant, an operator's stock.
WITHOUT = frozenset({"balance.low", "credit.expiring", "credit.expired", "stock.low"})
PAGES = [
    re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(resource.template)))
    for resource in Router(SURFACES_OF_PAGES)
    if "GET" in resource.routes
]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_type_leads_to_a_page_that_there_is(event_type: str) -> None:
    data = {**sample_data(event_type, ENDPOINT, now_us=0), "test": False}
    carried = REFERENCE if event_type.startswith(("topup.", "order.", "approval.")) else None

    found = event_object(event_type, carried, data)

    if event_type in WITHOUT:
        assert found is None
        return
    assert found is not None
    assert any(page.fullmatch(found.path) for page in PAGES), found.path
    is_topups = event_type.partition(".")[0] in {"topup", "voucher", "approval"}
    assert ("/topups/" in found.path) == is_topups


@pytest.mark.parametrize("event_type", ["order.paid", "order.refunded", "order.failed"])
def test_a_list_that_has_an_orders_reference_alone_finds_the_order_by_it(event_type: str) -> None:
    found = event_object(event_type, REFERENCE)

    assert found is not None
    assert found.path == "/dashboard/search?q=txn_3Kp9"


def test_a_sample_leads_nowhere() -> None:
    data = sample_data("order.paid", ENDPOINT, now_us=0)

    assert event_object("order.paid", None, data) is None
