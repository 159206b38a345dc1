"""The table of failures is whole, and what it says reaches the caller unharmed."""

import importlib
import pkgutil
from collections.abc import Iterator

import billing
import gateway
import kernel
import keys
import store
import webhooks
from gateway.answers.envelope import refuse
from gateway.answers.response_codes import CODES
from gateway.http.errors import TABLE, refusal_of, row_of
from kernel.errors import DomainError, InvalidInput, NotFound, Unavailable
from keys.caps import CapExceeded
from store.errors import CommitUnknown

PACKAGES = (kernel, store, keys, webhooks, billing, gateway)


def all_domain_errors() -> Iterator[type[DomainError]]:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if "migrations" not in module.name:
                importlib.import_module(module.name)
    names = {package.__name__ for package in PACKAGES}
    waiting = [DomainError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.partition(".")[0] in names:
                yield kind


def test_every_domain_error_is_in_the_table() -> None:
    missing = [kind.__qualname__ for kind in all_domain_errors() if row_of(kind) is None]

    assert missing == []


def test_every_row_names_a_code_and_a_status_of_that_code() -> None:
    wrong = [
        kind.__qualname__
        for kind, row in TABLE.items()
        for status in (row.http_status, *(row.by_reason or {}).values())
        if status not in CODES[row.code].http_statuses
    ]

    assert wrong == []


def test_an_unexpected_error_tells_nothing_of_itself() -> None:
    refusal = refusal_of(ZeroDivisionError("the password is hunter2"))

    answer = refuse(refusal, 0)

    assert answer.status == 500
    assert b'"code":5000' in answer.body
    assert b"hunter2" not in answer.body


def test_an_error_without_a_row_is_an_internal_error() -> None:
    class Forgotten(DomainError):
        pass

    assert refusal_of(Forgotten("a detail")).code.code == 5000
    assert "a detail" not in str(refusal_of(Forgotten("a detail")).error)


def test_a_database_that_is_away_is_503_with_retry_after() -> None:
    refusal = refusal_of(CommitUnknown("08006"))

    assert refusal.http_status == 503
    assert refusal.code.code == 5000
    assert (b"retry-after", b"1") in refusal.headers
    assert refusal.error["retryable"] is True
    assert refusal.error["next_action"] == "wait"


def test_a_full_queue_says_when_to_come_back() -> None:
    refusal = refusal_of(
        Unavailable(
            "Too many requests are waiting.",
            retry_after_s=3,
        )
    )

    assert refusal.http_status == 503
    assert refusal.error["retry_after_s"] == 3
    assert (b"retry-after", b"3") in refusal.headers


def test_the_message_of_an_unknown_id_names_the_kind() -> None:
    assert refusal_of(NotFound("Webhook")).message == "Webhook not found"


def test_limits_join_the_error() -> None:
    error = CapExceeded("over", extra={"limit": 500, "remaining": 20, "resets_at": None})

    shown = refusal_of(error).error

    assert (shown["limit"], shown["remaining"], shown["resets_at"]) == (500, 20, None)


def test_a_refusal_about_a_topup_carries_its_id_and_status_in_the_envelope() -> None:
    error = DomainError("x", extra={"transaction_id": "txn_1", "status": "delivered"})
    error.__class__ = type("Known", (InvalidInput,), {})

    refusal = refusal_of(error)

    assert (refusal.transaction_id, refusal.status) == ("txn_1", "delivered")
    assert "transaction_id" not in refusal.error
