from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.fulfilment_attempt_outcome import (
    FulfilmentAttemptOutcome,
    check_fulfilment_attempt_outcome,
)

T = TypeVar("T", bound="FulfilmentAttempt")


@_attrs_define
class FulfilmentAttempt:
    """A turn at a supplier. supplier and detail are for operators, and null for everybody else."""

    outcome: FulfilmentAttemptOutcome
    """ waiting: accepted, not done. unknown: no word to rely on; it is asked again. dropped: a person ended it.
    revoked, kept: asked to take back what it delivered. """
    requests_made: int
    """ How often it was asked in this turn. """
    requested_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    last_requested_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ended_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    supplier: None | str
    """ Who was asked; null but for operators. """
    detail: None | str
    """ What the supplier said; null but for operators. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        outcome: str = self.outcome

        requests_made = self.requests_made

        requested_at = self.requested_at.isoformat()

        last_requested_at = self.last_requested_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        supplier: None | str
        supplier = self.supplier

        detail: None | str
        detail = self.detail

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "outcome": outcome,
                "requests_made": requests_made,
                "requested_at": requested_at,
                "last_requested_at": last_requested_at,
                "ended_at": ended_at,
                "supplier": supplier,
                "detail": detail,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        outcome = check_fulfilment_attempt_outcome(d.pop("outcome"))

        requests_made = d.pop("requests_made")

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        last_requested_at = datetime.datetime.fromisoformat(d.pop("last_requested_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        def _parse_supplier(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        supplier = _parse_supplier(d.pop("supplier"))

        def _parse_detail(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        detail = _parse_detail(d.pop("detail"))

        fulfilment_attempt = cls(
            outcome=outcome,
            requests_made=requests_made,
            requested_at=requested_at,
            last_requested_at=last_requested_at,
            ended_at=ended_at,
            supplier=supplier,
            detail=detail,
        )

        fulfilment_attempt.additional_properties = d
        return fulfilment_attempt

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
