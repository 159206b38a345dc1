"""The events' schemas: valid, complete, and fitted by what is published."""

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, ValidationError, meta

from webhooks.events.catalogue import catalogue, event_example, event_schema
from webhooks.events.event import EVENT_TYPES
from webhooks.events.schemas import TYPES


def test_every_type_has_a_schema_and_no_other() -> None:
    assert tuple(TYPES) == EVENT_TYPES
    assert tuple(catalogue("http://gateway.example")["types"]) == EVENT_TYPES


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_schema_is_one_and_its_example_fits(event_type: str) -> None:
    schema = event_schema(event_type, id_=f"http://gateway.example/docs/events/{event_type}")

    meta.validate(schema)
    Draft202012Validator(schema, validate_formats=True).validate(event_example(event_type))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_schema_declares_the_mark_of_a_sample(event_type: str) -> None:
    assert event_example(event_type)["data"]["test"] is True
    Draft202012Validator(event_schema(event_type)).validate(changed(event_type, test=True))
    with pytest.raises(ValidationError):
        Draft202012Validator(event_schema(event_type)).validate(changed(event_type, test=False))


def changed(event_type: str, **fields: Any) -> dict[str, Any]:
    event = event_example(event_type)
    event["data"] = {**event["data"], **fields}
    return event


@pytest.mark.parametrize(
    "event",
    [
        changed("topup.delivered", deliverable=None),
        changed("topup.delivered", deliverable={"kind": "gold"}),
        changed("topup.delivered", status="pending"),
        changed("topup.delivered", amount_cents=10.5),
        changed("topup.delivered", amount_cents="1000"),
        changed("topup.delivered", transaction_id="dlv_1"),
        changed("topup.delivered", metadata={"order": 7}),
        changed("balance.low", currency="EUR"),
        {**event_example("topup.delivered"), "environment": "production"},
        {**event_example("topup.delivered"), "created_at": "2026-06-13 12:00:00"},
        {**event_example("topup.delivered"), "api_version": "v2"},
    ],
    ids=lambda event: str(event["type"]),
)
def test_what_no_event_may_look_like_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(event_schema(event["type"])).validate(event)


def test_a_field_that_a_later_version_adds_is_let_through() -> None:
    Draft202012Validator(event_schema("topup.delivered")).validate(
        changed("topup.delivered", voucher_expires_at=None)
    )
