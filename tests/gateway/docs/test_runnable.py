"""Which samples have a button: calls of our API that the documentation's key may make, and nothing else."""

import pytest

from gateway.docs.pages import PLACEHOLDER
from gateway.docs.reference import resources
from gateway.docs.runnable import RUN_SCOPES, Runnables, is_runnable
from keys.principal import ADMIN, SCOPES
from tests.support.openapi_check import the_document

LISTED = resources(the_document(), PLACEHOLDER)
API = "https://pay.example/api/public/v1"
KEY = '-H "Authorization: Bearer $KEY"'
JSON = '-H "Content-Type: application/json"'


@pytest.mark.parametrize(
    ("text", "call"),
    [
        (
            f'curl -X POST {API}/holds \\\n  {KEY} {JSON} -H "Idempotency-Key: a" \\\n  -d \'{{"credits": 5}}\'',
            {"method": "POST", "path": "/api/public/v1/holds", "body": {"credits": 5}},
        ),
        (
            f'curl {KEY} "{API}/events?after=0&limit=200"',
            {"method": "GET", "path": "/api/public/v1/events?after=0&limit=200", "body": None},
        ),
        # Another's key, no key, keys themselves, decisions, a file, two calls, a stream, another place, no call.
        (f'curl {API}/holds -H "Authorization: Bearer $APPROVER_KEY"', None),
        (f"curl -X POST {API}/keys/sandbox", None),
        (f"curl -X POST {API}/keys {KEY} {JSON} -d '{{}}'", None),
        (f"curl -X POST {API}/approvals/apr_abc123/approve {KEY}", None),
        (f"curl -X POST {API}/topup/bulk {KEY} --data-binary @sends.csv", None),
        (f"curl {API}/packs {KEY}\ncurl {API}/packs {KEY}", None),
        (f"curl -N {KEY} {API}/events/stream", None),
        (f"curl https://pay.example/credits/balance {KEY}", None),
        (f"curl {API}/topup/balance/../../../../dashboard {KEY}", None),
        ("topup login --url https://pay.example", None),
        ("curl 'not closed", None),
    ],
)
def test_a_line_for_a_shell_is_read_as_the_call_that_it_is(text: str, call: object) -> None:
    found = Runnables(LISTED).of_text(text)

    assert (found and found.run) == call


def test_no_call_that_gives_rights_or_codes_can_be_run() -> None:
    runnable = {
        f"{one.method} {one.path}" for each in LISTED for one in each.operations if is_runnable(one)
    }

    assert "POST /api/public/v1/topup/send" in runnable
    assert not {
        one for one in runnable if "/keys" in one or "/tokens" in one or "/webhooks/{" in one
    } - {one for one in runnable if one.startswith("GET ")}
    assert not RUN_SCOPES & {
        ADMIN,
        "keys:write",
        "approvals:write",
        "vouchers:read",
        "webhooks:write",
    }
    assert set(SCOPES) >= RUN_SCOPES
