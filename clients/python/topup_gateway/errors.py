"""What can go wrong.

GatewayError
├── ApiError              the gateway refused: code, detail, next_action, errors, links, request_id
│   ├── CredentialError   2001, 2010: the key is wrong, expired or revoked
│   ├── NotAllowed        2009, 4002: this key may not do this
│   ├── OutOfFunds        2002, 2008, 2012, 2013: the balance, a cap or a limit is too low
│   ├── BadRequest        2003, 2004, 2005, 2007, 3003, 3010, 4004, 5002: change the request
│   ├── Conflict          2006, 2011, 3002, 3004, 3008, 3009: something that happened before forbids it
│   ├── TopUpFailed       3005: the platform refused, and the funds are back
│   └── TryLater          4001, 4003, 4005, 5000: the same call may succeed later
├── ConnectionFailed      no answer came, after all attempts
├── UnexpectedAnswer      an answer that isn't one of this API's
├── StillWaiting          wait() ended before the top-up did
└── InvalidSignature      a webhook that isn't the gateway's
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from pydantic import ValidationError

from .models import Error, Failure, FieldProblem, Link

_SHOWN_MAX = 500


class GatewayError(Exception):
    """The base of every error of this package."""

    idempotency_key: str | None = None
    """The key of the call that failed, if it had one."""


class ConnectionFailed(GatewayError):
    """No answer came, so the outcome is unknown. Repeat the call with this `idempotency_key`."""

    def __init__(self, detail: str, idempotency_key: str | None) -> None:
        super().__init__(detail)
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        if self.idempotency_key is None:
            return f"No answer came: {self.args[0]}"
        return (
            f"No answer came: {self.args[0]}\n"
            f"  next: repeat the call with idempotency_key={self.idempotency_key!r}"
        )


class UnexpectedAnswer(GatewayError):
    """An answer that isn't one of this API's, such as a proxy's page."""

    def __init__(self, response: httpx.Response, idempotency_key: str | None) -> None:
        self.status = response.status_code
        self.text = response.text
        self.request_id = _request_id(response)
        self.idempotency_key = idempotency_key
        super().__init__(f"HTTP {self.status}: {self.text[:_SHOWN_MAX]}")


class StillWaiting(GatewayError):
    """The top-up has not ended. Call wait() again with its `transaction_id`."""

    def __init__(self, transaction_id: str) -> None:
        super().__init__(f"{transaction_id} has not ended yet")
        self.transaction_id = transaction_id


class InvalidSignature(GatewayError):
    """The webhook's signature, time or body isn't the gateway's."""


class ApiError(GatewayError):
    """The gateway refused. `next_action` says what a program should do, `links` which call comes next."""

    def __init__(
        self, answer: Error, response: httpx.Response, idempotency_key: str | None
    ) -> None:
        self.answer = answer
        self.response = response
        self.status = response.status_code
        self.request_id = _request_id(response)
        self.idempotency_key = idempotency_key
        super().__init__(f"{answer.code} {answer.message}: {self.failure.detail}")

    def __str__(self) -> str:
        return "\n".join([str(self.args[0]), *self._repairs()])

    def _repairs(self) -> Iterator[str]:
        for problem in self.errors:
            meant = f" Did you mean {problem.did_you_mean!r}?" if problem.did_you_mean else ""
            yield f"  {problem.param}: {problem.detail}{meant}"
        yield f"  next: {self.next_action}"
        for link in self.links:
            yield f"  {link.rel}: {link.method} {link.href}"
        yield f"  docs: {self.failure.doc_url}"
        if self.request_id is not None:
            yield f"  request: {self.request_id}"

    @property
    def failure(self) -> Failure:
        """All that the gateway said about the refusal."""
        return self.answer.data.error

    @property
    def code(self) -> int:
        """The numeric code, such as 2002."""
        return self.answer.code

    @property
    def next_action(self) -> str:
        """fix_request, wait, poll, top_up, pay, ask_human or stop."""
        return self.failure.next_action

    @property
    def reason(self) -> str | None:
        """Which cause it is, if the code has several."""
        return self.failure.reason

    @property
    def errors(self) -> Sequence[FieldProblem]:
        """Every field that is wrong, and what would be accepted."""
        return self.failure.errors or ()

    @property
    def links(self) -> Sequence[Link]:
        """Which call comes next, the most useful first."""
        return self.failure.links or ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What this cause adds, such as max_now_cents."""
        return self.failure.model_extra or {}


class CredentialError(ApiError):
    """The key is wrong, expired or revoked."""


class NotAllowed(ApiError):
    """This key may not do this, or not from this address."""


class OutOfFunds(ApiError):
    """The balance, a cap of the key or a limit of the account is too low."""


class BadRequest(ApiError):
    """Change the request. `errors` says how."""


class Conflict(ApiError):
    """Something that happened before forbids it."""


class TopUpFailed(ApiError):
    """The platform refused, and the funds are back."""


class TryLater(ApiError):
    """The same call may succeed later, with the same idempotency key."""


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
    """Return the error of an answer that is no success."""
    try:
        answer = Error.model_validate_json(response.content)
    except ValidationError:
        return UnexpectedAnswer(response, idempotency_key)
    return _KINDS.get(answer.code, ApiError)(answer, response, idempotency_key)


def _request_id(response: httpx.Response) -> str | None:
    name: str | None = response.headers.get("x-request-id")
    return name
