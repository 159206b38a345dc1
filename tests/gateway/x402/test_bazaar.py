"""The entry in catalogues: whole in each 402, and posted to the facilitator as we wrote it."""

import base64
import json
import logging

import pytest
from x402.extensions.bazaar import extract_discovery_info, validate_discovery_extension_spec
from x402.extensions.bazaar.types import parse_discovery_extension
from x402.schemas import PaymentRequired

from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway
from tests.support.paying import BODY, decoded, pay

# What nginx takes of an answer's headers unless told otherwise (proxy_buffer_size).
HEADER_BYTES_MAX = 4_096

pytestmark = pytest.mark.one_database


async def test_each_402_has_an_entry_that_the_packages_own_judge_takes(gateway: Gateway) -> None:
    asked = await gateway.client.post("/x402/topup", json=BODY)

    required = decoded(asked.headers["payment-required"])
    found = required["extensions"]["bazaar"]
    judged = validate_discovery_extension_spec(found)
    assert judged.valid, judged.errors
    assert found["info"]["input"]["body"] == BODY
    resource = required["resource"]
    assert resource["url"] == f"{gateway.url}/x402/topup"
    assert resource["serviceName"] == "Topup Gateway"
    assert 1 <= len(resource["tags"]) <= 5
    assert PaymentRequired.model_validate(required).resource is not None
    assert sum(len(name) + len(value) + 4 for name, value in asked.headers.raw) < HEADER_BYTES_MAX


async def test_the_example_of_the_entry_is_a_request_that_is_priced(gateway: Gateway) -> None:
    first = await gateway.client.post("/x402/topup", json=BODY)
    entry = decoded(first.headers["payment-required"])["extensions"]["bazaar"]["info"]["input"]

    again = await gateway.client.request(entry["method"], "/x402/topup", json=entry["body"])

    assert (again.status_code, again.json()["code"]) == (402, 2013)


async def test_what_the_facilitator_says_of_the_listing_is_logged(
    live: tuple[Gateway, FacilitatorService], caplog: pytest.LogCaptureFixture
) -> None:
    gateway, facilitator = live
    caplog.set_level(logging.INFO)
    said = {"bazaar": {"status": "rejected", "rejectedReason": "no https"}}
    facilitator.headers["EXTENSION-RESPONSES"] = base64.b64encode(
        json.dumps(said).encode()
    ).decode()
    paid = await pay(gateway)
    facilitator.headers["EXTENSION-RESPONSES"] = "soup"
    other = await pay(gateway)

    assert [one.status_code for one in (paid, other)] == [200, 200]
    told = [one for one in caplog.records if one.message == "x402.listing"]
    # Of /verify and of /settle.
    assert [(vars(one)["status"], vars(one)["reason"]) for one in told] == [
        ("rejected", "no https")
    ] * 2
    posted = facilitator.posted[-1]["paymentPayload"]
    listed = extract_discovery_info(posted, facilitator.posted[-1]["paymentRequirements"])
    assert listed is not None
    assert listed.resource_url == f"{gateway.url}/x402/topup"
    assert parse_discovery_extension(posted["extensions"]["bazaar"]) is not None
