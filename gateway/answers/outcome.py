"""Declare a route's successful responses. The documentation and the tests use these declarations."""

from dataclasses import dataclass
from typing import Any

from gateway.answers.response_codes import SUCCESS

JSON = "application/json"
CSV = "text/csv"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A successful HTTP status of a route, with its codes.

    `data` is the type of the envelope's `data`, or of the whole body in another vendor's API. The first of
    media_types is the usual one.
    """

    http_status: int
    data: Any
    codes: tuple[int, ...] = (SUCCESS,)
    media_types: tuple[str, ...] = (JSON,)


def ok(data: Any, *codes: int) -> tuple[Outcome, ...]:
    return (Outcome(200, data, codes or (SUCCESS,)),)


def exported(data: Any) -> tuple[Outcome, ...]:
    return (Outcome(200, data, media_types=(JSON, CSV)),)


def created(data: Any) -> tuple[Outcome, ...]:
    return (Outcome(201, data),)


def begun(data: Any) -> tuple[Outcome, ...]:
    return (Outcome(202, data),)
