"""The code table against what was published, row by row."""

import pytest

from gateway.answers.response_codes import CODES

# Code, message, HTTP statuses.
PUBLISHED = """
1000 | Success | 200 201 202
1001 | Top-up delivered | 200
1002 | Top-up pending | 202
2001 | Invalid API key | 401
2002 | Insufficient balance | 402
2003 | Invalid platform | 422
2004 | Invalid recipient email | 422
2005 | Amount out of range | 422
2006 | Duplicate transaction | 409
2007 | Malformed request | 400 413 415 422
2008 | Spend cap exceeded | 402
2009 | Not permitted for this credential | 403
2010 | API key expired or revoked | 401
2011 | Voucher or code not redeemable | 404 409 410
2012 | Limit reached | 409
2013 | Payment required | 402
3001 | Cancelled successfully | 200
3002 | Cannot cancel — already delivered | 409
3003 | Transaction not found | 404
3004 | Not possible in its present state | 409
3005 | Top-up failed, funds refunded | 200 422
3006 | Approval required | 202
3007 | Top-up reversed | 200
3008 | Cannot reverse — already used | 409
3009 | Cannot approve — the requesting key is blocked | 409
3010 | No item accepted | 422
4001 | Rate limit exceeded | 429
4002 | IP not whitelisted | 403
4003 | Same idempotency key still in progress | 409
4004 | Method not allowed | 405
4005 | Payment provider unavailable | 503
5000 | Internal error | 500 503
5001 | Webhook delivery failed | 422
5002 | Webhook URL invalid | 422
"""
ROWS = [
    (int(code), message, {int(status) for status in statuses.split()})
    for code, message, statuses in (
        (part.strip() for part in line.split("|")) for line in PUBLISHED.strip().splitlines()
    )
]


@pytest.mark.parametrize(("code", "message", "statuses"), ROWS)
def test_a_code_has_the_contracts_message_and_statuses(
    code: int, message: str, statuses: set[int]
) -> None:
    row = CODES[code]

    assert row.message == message
    # Status calls show every top-up's code with 200.
    assert set(row.http_statuses) - {200} == statuses - {200}


def test_there_is_no_other_code() -> None:
    assert list(CODES) == [code for code, _, _ in ROWS]


def test_every_failure_says_what_to_do_next() -> None:
    without = [row.code for row in CODES.values() if not row.is_success and not row.next_action]

    assert without == []
