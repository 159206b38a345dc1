from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_type import EventType, check_event_type
from ..models.webhook_endpoint_status import WebhookEndpointStatus, check_webhook_endpoint_status

if TYPE_CHECKING:
    from ..models.webhook_endpoint_filter_type_0 import WebhookEndpointFilterType0
    from ..models.webhook_endpoint_headers_type_0 import WebhookEndpointHeadersType0


T = TypeVar("T", bound="WebhookEndpoint")


@_attrs_define
class WebhookEndpoint:
    """Where events are sent. The values of headers are masked."""

    id: str
    """ Its id, we_…. """
    url: str
    """ Where the events are sent. """
    events: list[EventType]
    """ Event types; empty: all. """
    description: str
    """ What it is, in plain text. """
    status: WebhookEndpointStatus
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
    filter_: None | WebhookEndpointFilterType0
    """ What has to stand in data for an event to be sent; null: nothing. """
    headers: None | WebhookEndpointHeadersType0
    """ Headers of your own that are sent along; the values are masked. Null: what is stored of them is damaged, and
    nothing is sent until you set them anew. """
    failing_since: datetime.datetime | None
    """ Since when nothing has arrived; null: it is well. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    ed25519: bool
    """ Whether it signs with a key pair of its own beside the secret. """
    public_key: None | str
    """ What its Ed25519 signatures are checked with; no secret. Null: it has none. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.webhook_endpoint_filter_type_0 import WebhookEndpointFilterType0  # noqa: PLC0415
        from ..models.webhook_endpoint_headers_type_0 import WebhookEndpointHeadersType0  # noqa: PLC0415

        id = self.id

        url = self.url

        events = []
        for events_item_data in self.events:
            events_item: str = events_item_data
            events.append(events_item)

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
        if isinstance(self.filter_, WebhookEndpointFilterType0):
            filter_ = self.filter_.to_dict()
        else:
            filter_ = self.filter_

        headers: dict[str, Any] | None
        if isinstance(self.headers, WebhookEndpointHeadersType0):
            headers = self.headers.to_dict()
        else:
            headers = self.headers

        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        created_at = self.created_at.isoformat()

        ed25519 = self.ed25519

        public_key: None | str
        public_key = self.public_key

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
                "failing_since": failing_since,
                "created_at": created_at,
                "ed25519": ed25519,
                "public_key": public_key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.webhook_endpoint_filter_type_0 import WebhookEndpointFilterType0  # noqa: PLC0415
        from ..models.webhook_endpoint_headers_type_0 import WebhookEndpointHeadersType0  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        url = d.pop("url")

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = check_event_type(events_item_data)

            events.append(events_item)

        description = d.pop("description")

        status = check_webhook_endpoint_status(d.pop("status"))

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

        def _parse_filter_(data: object) -> None | WebhookEndpointFilterType0:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                filter_type_0 = WebhookEndpointFilterType0.from_dict(data)

                return filter_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | WebhookEndpointFilterType0, data)

        filter_ = _parse_filter_(d.pop("filter"))

        def _parse_headers(data: object) -> None | WebhookEndpointHeadersType0:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                headers_type_0 = WebhookEndpointHeadersType0.from_dict(data)

                return headers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | WebhookEndpointHeadersType0, data)

        headers = _parse_headers(d.pop("headers"))

        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)

                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        ed25519 = d.pop("ed25519")

        def _parse_public_key(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        public_key = _parse_public_key(d.pop("public_key"))

        webhook_endpoint = cls(
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
            failing_since=failing_since,
            created_at=created_at,
            ed25519=ed25519,
            public_key=public_key,
        )

        webhook_endpoint.additional_properties = d
        return webhook_endpoint

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
