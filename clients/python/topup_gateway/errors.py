"""What can go wrong.

GatewayError
├── ApiError              the gateway refused: code, detail, next_action, links, errors
│   ├── CredentialError   2001, 2010: the key is wrong or has ended
│   ├── NotAllowed        2009, 4002: this key may not do this
│   ├── OutOfFunds        2002, 2008, 2012, 2013: balance, cap or limit
│   ├── BadRequest        2003, 2004, 2005, 2007, 3003, 3010, 4004: the request has to change
│   ├── Conflict          2006, 2011, 3002, 3004, 3008, 3009: what happened before forbids it
│   ├── TopUpFailed       3005: the platform refused; the funds are back
│   └── TryLater          4001, 4003, 4005, 5000: the same call may succeed later
├── ConnectionFailed      no answer came, after all retries
├── UnexpectedAnswer      an answer that is none of this API's
├── StillWaiting          wait() ended before the top-up did
└── InvalidSignature      a webhook that is not from the gateway
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from .generated.models import Error, Failure, FieldProblem, Link
from .generated.types import Unset


class GatewayError(Exception):
    """The base of every error of this package."""


class ConnectionFailed(GatewayError):
    """No answer came. Whether the call took effect is unknown: repeat it with the same idempotency key.

    idempotency_key: the one that was sent; None where the call takes none.
    """

    def __init__(self, detail: str, idempotency_key: str | None) -> None:
        super().__init__(detail)
        self.idempotency_key = idempotency_key


class UnexpectedAnswer(GatewayError):
    """An answer that is none of this API's, such as a proxy's page; text is its beginning."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


class StillWaiting(GatewayError):
    """The top-up has not ended; ask again by its transaction_id."""

    def __init__(self, transaction_id: str) -> None:
        super().__init__(f"{transaction_id} has not ended yet")
        self.transaction_id = transaction_id


class InvalidSignature(GatewayError):
    """The webhook's signature, time or body is not what the gateway sends."""


class ApiError(GatewayError):
    """The gateway refused. next_action says what to do, for programs; links which call comes next."""

    def __init__(self, answer: Error, status: int, idempotency_key: str | None) -> None:
        self.answer = answer
        self.status = status
        self.idempotency_key = idempotency_key
        super().__init__(f"{answer.code} {answer.message}: {self.failure.detail}")

    @property
    def failure(self) -> Failure:
        """All that the gateway said of it; facts of some causes lie in additional_properties."""
        return self.answer.data.error

    @property
    def code(self) -> int:
        """The numeric code, such as 2002."""
        return self.answer.code

    @property
    def next_action(self) -> str:
        """fix_request, wait, poll, top_up, ask_human or stop."""
        return self.failure.next_action

    @property
    def reason(self) -> str | None:
        """Which cause, where a code has several."""
        return None if isinstance(self.failure.reason, Unset) else self.failure.reason

    @property
    def errors(self) -> Sequence[FieldProblem]:
        """All that is wrong with the request, with what would be taken."""
        return () if isinstance(self.failure.errors, Unset) else self.failure.errors

    @property
    def links(self) -> Sequence[Link]:
        """Which call comes next, the most useful first."""
        return () if isinstance(self.failure.links, Unset) else self.failure.links

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a cause adds of its own, such as max_now_cents."""
        return self.failure.additional_properties


class CredentialError(ApiError):
    """The key is wrong, expired or revoked."""


class NotAllowed(ApiError):
    """This key may not do this, or not from here."""


class OutOfFunds(ApiError):
    """The balance, a cap of the key or a limit of the account does not reach."""


class BadRequest(ApiError):
    """The request has to change; errors says how."""


class Conflict(ApiError):
    """What happened before forbids it."""


class TopUpFailed(ApiError):
    """The platform refused; the funds are back."""


class TryLater(ApiError):
    """The same call may succeed later, under the same idempotency key."""


_KINDS: Mapping[int, type[ApiError]] = {
    code: kind
    for kind, codes in (
        (CredentialError, (2001, 2010)),
        (NotAllowed, (2009, 4002)),
        (OutOfFunds, (2002, 2008, 2012, 2013)),
        (BadRequest, (2003, 2004, 2005, 2007, 3003, 3010, 4004, 5002)),
        (Conflict, (2006, 2011, 3002, 3004, 3008, 3009)),
        (TopUpFailed, (3005,)),
        (TryLater, (4001, 4003, 4005, 5000)),
    )
    for code in codes
}


def error_of(response: httpx.Response, idempotency_key: str | None) -> GatewayError:
    """The error of an answer that is no success."""
    try:
        answer = Error.from_dict(response.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        return UnexpectedAnswer(response.status_code, response.text[:500])
    return _KINDS.get(answer.code, ApiError)(answer, response.status_code, idempotency_key)
