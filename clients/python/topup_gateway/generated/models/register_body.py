from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.event_type import EventType, check_event_type
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.register_body_filter_type_0 import RegisterBodyFilterType0
    from ..models.register_body_headers import RegisterBodyHeaders


T = TypeVar("T", bound="RegisterBody")


@_attrs_define
class RegisterBody:
    """A new webhook endpoint."""

    url: str
    """ https in live, http too in staging; its host is public. """
    events: list[EventType] | Unset = UNSET
    """ Event types; empty: all. """
    description: str | Unset = UNSET
    """ What it is, in plain text. """
    headers: RegisterBodyHeaders | Unset = UNSET
    """ Sent along; masked when shown. """
    retry_schedule_s: list[int] | Unset = UNSET
    """ Entry k: the wait before attempt k, in seconds. """
    rate_limit_per_s: int | None | Unset = UNSET
    """ At most so many requests a second; null: no limit. """
    ordered: bool | Unset = UNSET
    """ Whether events of one object (a top-up, an order, a subscription) are sent one after the other, by
    `sequence`: one that fails holds up those after it until it has ended. Default: false. """
    include_codes: bool | Unset = UNSET
    """ Whether bodies carry voucher_code; needs vouchers:read. Else its hint only. Default: false. """
    include_approval_links: bool | Unset = UNSET
    """ Whether approval.requested carries decide_url, a page that decides; set by a person who is signed in, by no
    key. Default: false. """
    filter_: None | RegisterBodyFilterType0 | Unset = UNSET
    """ Only events whose data matches are sent: by path, the values that it may have, or bounds, such as
    {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null: all. """
    ed25519: bool | Unset = UNSET
    """ Whether webhook-signature has an Ed25519 signature (v1a) beside the HMAC: a receiver then needs no secret
    but public_key. Off ends the key pair at once; on again makes a new one. Default: true. """

    def to_dict(self) -> dict[str, Any]:
        from ..models.register_body_filter_type_0 import RegisterBodyFilterType0  # noqa: PLC0415

        url = self.url

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = []
            for events_item_data in self.events:
                events_item: str = events_item_data
                events.append(events_item)

        description = self.description

        headers: dict[str, Any] | Unset = UNSET
        if not isinstance(self.headers, Unset):
            headers = self.headers.to_dict()

        retry_schedule_s: list[int] | Unset = UNSET
        if not isinstance(self.retry_schedule_s, Unset):
            retry_schedule_s = self.retry_schedule_s

        rate_limit_per_s: int | None | Unset
        if isinstance(self.rate_limit_per_s, Unset):
            rate_limit_per_s = UNSET
        else:
            rate_limit_per_s = self.rate_limit_per_s

        ordered = self.ordered

        include_codes = self.include_codes

        include_approval_links = self.include_approval_links

        filter_: dict[str, Any] | None | Unset
        if isinstance(self.filter_, Unset):
            filter_ = UNSET
        elif isinstance(self.filter_, RegisterBodyFilterType0):
            filter_ = self.filter_.to_dict()
        else:
            filter_ = self.filter_

        ed25519 = self.ed25519

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "url": url,
            }
        )
        if events is not UNSET:
            field_dict["events"] = events
        if description is not UNSET:
            field_dict["description"] = description
        if headers is not UNSET:
            field_dict["headers"] = headers
        if retry_schedule_s is not UNSET:
            field_dict["retry_schedule_s"] = retry_schedule_s
        if rate_limit_per_s is not UNSET:
            field_dict["rate_limit_per_s"] = rate_limit_per_s
        if ordered is not UNSET:
            field_dict["ordered"] = ordered
        if include_codes is not UNSET:
            field_dict["include_codes"] = include_codes
        if include_approval_links is not UNSET:
            field_dict["include_approval_links"] = include_approval_links
        if filter_ is not UNSET:
            field_dict["filter"] = filter_
        if ed25519 is not UNSET:
            field_dict["ed25519"] = ed25519

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.register_body_filter_type_0 import RegisterBodyFilterType0  # noqa: PLC0415
        from ..models.register_body_headers import RegisterBodyHeaders  # noqa: PLC0415

        d = dict(src_dict)
        url = d.pop("url")

        _events = d.pop("events", UNSET)
        events: list[EventType] | Unset = UNSET
        if _events is not UNSET:
            events = []
            for events_item_data in _events:
                events_item = check_event_type(events_item_data)

                events.append(events_item)

        description = d.pop("description", UNSET)

        _headers = d.pop("headers", UNSET)
        headers: RegisterBodyHeaders | Unset
        if isinstance(_headers, Unset):
            headers = UNSET
        else:
            headers = RegisterBodyHeaders.from_dict(_headers)

        retry_schedule_s = cast(list[int], d.pop("retry_schedule_s", UNSET))

        def _parse_rate_limit_per_s(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        rate_limit_per_s = _parse_rate_limit_per_s(d.pop("rate_limit_per_s", UNSET))

        ordered = d.pop("ordered", UNSET)

        include_codes = d.pop("include_codes", UNSET)

        include_approval_links = d.pop("include_approval_links", UNSET)

        def _parse_filter_(data: object) -> None | RegisterBodyFilterType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                filter_type_0 = RegisterBodyFilterType0.from_dict(data)

                return filter_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RegisterBodyFilterType0 | Unset, data)

        filter_ = _parse_filter_(d.pop("filter", UNSET))

        ed25519 = d.pop("ed25519", UNSET)

        register_body = cls(
            url=url,
            events=events,
            description=description,
            headers=headers,
            retry_schedule_s=retry_schedule_s,
            rate_limit_per_s=rate_limit_per_s,
            ordered=ordered,
            include_codes=include_codes,
            include_approval_links=include_approval_links,
            filter_=filter_,
            ed25519=ed25519,
        )

        return register_body
