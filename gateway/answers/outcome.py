"""What a route answers with where it succeeds: declared once, held against real answers by tests.

The OpenAPI document, the reference pages and the tests read these rows; the answers are made from
the same types.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from gateway.answers.response_codes import SUCCESS

JSON = "application/json"
CSV = "text/csv"

T = TypeVar("T")


class Listing(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list. Give next_cursor as cursor for the next one; null: there is none."""

    items: Annotated[list[T], Meta(description="This page's entries.")]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One HTTP status of success, with the codes that come with it.

    data: the type of the envelope's `data`; on a dialect, that of the whole body. None: any JSON
    there, no body where media_type is empty. media_types: the first is the usual one; `data` is
    that of JSON.
    """

    http_status: int
    data: Any
    codes: tuple[int, ...] = (SUCCESS,)
    media_types: tuple[str, ...] = (JSON,)


def ok(data: Any, *codes: int) -> tuple[Outcome, ...]:
    """200."""
    return (Outcome(200, data, codes or (SUCCESS,)),)


def exported(data: Any) -> tuple[Outcome, ...]:
    """200, as JSON or as CSV."""
    return (Outcome(200, data, media_types=(JSON, CSV)),)


def created(data: Any) -> tuple[Outcome, ...]:
    """201."""
    return (Outcome(201, data),)


def begun(data: Any) -> tuple[Outcome, ...]:
    """202: it goes on by itself."""
    return (Outcome(202, data),)
