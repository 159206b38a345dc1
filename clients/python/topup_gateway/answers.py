"""The forms that all answers share."""

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Model(BaseModel):
    """The base of what the gateway answers. `model_extra` has the fields that this version doesn't know."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True, protected_namespaces=())


class Answer(Model, Generic[T]):
    """A successful answer."""

    success: Literal[True]
    code: int
    """What happened, as a number: client.codes.list() explains each."""
    message: str
    """The code in words."""
    transaction_id: str | None
    """The top-up's ID if the call is about one."""
    status: str
    """The top-up's status if the call is about one, otherwise "ok"."""
    timestamp: datetime
    data: T


class Page(Model, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None
    """Pass it as `cursor` to get the next page. None: this is the last page."""
    has_more: bool
