from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.endpoint_event_data_status import (
    EndpointEventDataStatus,
    check_endpoint_event_data_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.endpoint_event_data_filter_type_0 import EndpointEventDataFilterType0
    from ..models.endpoint_event_data_headers_type_0 import EndpointEventDataHeadersType0


T = TypeVar("T", bound="EndpointEventData")


@_attrs_define
class EndpointEventData:
    """A webhook endpoint. events empty: all types; the values of headers are masked."""

    id: str
    """ Its id, we_…. """
    url: str
    """ Where the events are sent. """
    events: list[str]
    """ The types that it is sent; empty: all. """
    description: str
    """ What it is, in plain text. """
    status: EndpointEventDataStatus
    """ Its state. """
    disabled_reason: None | str
    """ Why it is disabled; null: it is enabled. """
    retry_schedule_s: list[int]
    """ Entry k: the wait before attempt k, in seconds. """
    rate_limit_per_s: int | None
    """ At most so many requests in a second; null: no limit. """
    ordered: bool
    """ Events of one object are sent one after the other, by `sequence`. """
    include_codes: bool
    """ Whether bodies carry voucher_code. """
    include_approval_links: bool
    """ Whether approval.requested carries decide_url. """
    filter_: EndpointEventDataFilterType0 | None
    """ What has to stand in data for an event to be sent; null: nothing. """
    headers: EndpointEventDataHeadersType0 | None
    """ Headers of your own that are sent along; the values are masked. Null: what is stored of them is damaged, and
    nothing is sent until you set them anew. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    test: bool | Unset = UNSET
    """ There in the sample of a test ping only: nothing of it is real. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.endpoint_event_data_filter_type_0 import EndpointEventDataFilterType0  # noqa: PLC0415
        from ..models.endpoint_event_data_headers_type_0 import EndpointEventDataHeadersType0  # noqa: PLC0415

        id = self.id

        url = self.url

        events = self.events

        description = self.description

        status: str = self.status

        disabled_reason: None | str
        disabled_reason = self.disabled_reason

        retry_schedule_s = self.retry_schedule_s

        rate_limit_per_s: int | None
        rate_limit_per_s = self.rate_limit_per_s

        ordered = self.ordered

        include_codes = self.include_codes

        include_approval_links = self.include_approval_links

        filter_: dict[str, Any] | None
        if isinstance(self.filter_, EndpointEventDataFilterType0):
            filter_ = self.filter_.to_dict()
        else:
            filter_ = self.filter_

        headers: dict[str, Any] | None
        if isinstance(self.headers, EndpointEventDataHeadersType0):
            headers = self.headers.to_dict()
        else:
            headers = self.headers

        created_at = self.created_at.isoformat()

        test = self.test

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "url": url,
                "events": events,
                "description": description,
                "status": status,
                "disabled_reason": disabled_reason,
                "retry_schedule_s": retry_schedule_s,
                "rate_limit_per_s": rate_limit_per_s,
                "ordered": ordered,
                "include_codes": include_codes,
                "include_approval_links": include_approval_links,
                "filter": filter_,
                "headers": headers,
                "created_at": created_at,
            }
        )
        if test is not UNSET:
            field_dict["test"] = test

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.endpoint_event_data_filter_type_0 import EndpointEventDataFilterType0  # noqa: PLC0415
        from ..models.endpoint_event_data_headers_type_0 import EndpointEventDataHeadersType0  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        url = d.pop("url")

        events = cast(list[str], d.pop("events"))

        description = d.pop("description")

        status = check_endpoint_event_data_status(d.pop("status"))

        def _parse_disabled_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        disabled_reason = _parse_disabled_reason(d.pop("disabled_reason"))

        retry_schedule_s = cast(list[int], d.pop("retry_schedule_s"))

        def _parse_rate_limit_per_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rate_limit_per_s = _parse_rate_limit_per_s(d.pop("rate_limit_per_s"))

        ordered = d.pop("ordered")

        include_codes = d.pop("include_codes")

        include_approval_links = d.pop("include_approval_links")

        def _parse_filter_(data: object) -> EndpointEventDataFilterType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                filter_type_0 = EndpointEventDataFilterType0.from_dict(data)

                return filter_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EndpointEventDataFilterType0 | None, data)

        filter_ = _parse_filter_(d.pop("filter"))

        def _parse_headers(data: object) -> EndpointEventDataHeadersType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                headers_type_0 = EndpointEventDataHeadersType0.from_dict(data)

                return headers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EndpointEventDataHeadersType0 | None, data)

        headers = _parse_headers(d.pop("headers"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        test = d.pop("test", UNSET)

        endpoint_event_data = cls(
            id=id,
            url=url,
            events=events,
            description=description,
            status=status,
            disabled_reason=disabled_reason,
            retry_schedule_s=retry_schedule_s,
            rate_limit_per_s=rate_limit_per_s,
            ordered=ordered,
            include_codes=include_codes,
            include_approval_links=include_approval_links,
            filter_=filter_,
            headers=headers,
            created_at=created_at,
            test=test,
        )

        endpoint_event_data.additional_properties = d
        return endpoint_event_data

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
