from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.outcome_body_outcome import OutcomeBodyOutcome, check_outcome_body_outcome

T = TypeVar("T", bound="OutcomeBody")


@_attrs_define
class OutcomeBody:
    """How the pending top-up ends."""

    outcome: OutcomeBodyOutcome
    """ How it ends. """

    def to_dict(self) -> dict[str, Any]:
        outcome: str = self.outcome

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "outcome": outcome,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        outcome = check_outcome_body_outcome(d.pop("outcome"))

        outcome_body = cls(
            outcome=outcome,
        )

        return outcome_body
