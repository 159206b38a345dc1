from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="FailureSummary")


@_attrs_define
class FailureSummary:
    """Failed deliveries whose last attempt came to the same."""

    deliveries: int
    """ How many of those that were looked at. """
    http_status: int | None
    """ Null when no answer came. """
    error: None | str
    """ As in an attempt, such as timeout or http. """
    response: str
    """ The response body in one line, without numbers and IDs. """
    first_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    last_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    last_delivery_id: str
    """ The one that failed last, to be sent again first. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        deliveries = self.deliveries

        http_status: int | None
        http_status = self.http_status

        error: None | str
        error = self.error

        response = self.response

        first_at = self.first_at.isoformat()

        last_at = self.last_at.isoformat()

        last_delivery_id = self.last_delivery_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "deliveries": deliveries,
                "http_status": http_status,
                "error": error,
                "response": response,
                "first_at": first_at,
                "last_at": last_at,
                "last_delivery_id": last_delivery_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        deliveries = d.pop("deliveries")

        def _parse_http_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        http_status = _parse_http_status(d.pop("http_status"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        response = d.pop("response")

        first_at = datetime.datetime.fromisoformat(d.pop("first_at"))

        last_at = datetime.datetime.fromisoformat(d.pop("last_at"))

        last_delivery_id = d.pop("last_delivery_id")

        failure_summary = cls(
            deliveries=deliveries,
            http_status=http_status,
            error=error,
            response=response,
            first_at=first_at,
            last_at=last_at,
            last_delivery_id=last_delivery_id,
        )

        failure_summary.additional_properties = d
        return failure_summary

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
