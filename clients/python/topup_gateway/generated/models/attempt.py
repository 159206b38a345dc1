from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.attempt_error_type_0 import AttemptErrorType0, check_attempt_error_type_0
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.attempt_request_headers import AttemptRequestHeaders
    from ..models.attempt_timings_ms import AttemptTimingsMs


T = TypeVar("T", bound="Attempt")


@_attrs_define
class Attempt:
    """One HTTP request to an endpoint, and what came of it.

    http_status is null when no answer came; error is null when it was taken.

    """

    id: str
    """ Its id, att_…. """
    number: int
    """ Which attempt it is, from 1. """
    started_at: datetime.datetime
    """ RFC 3339, UTC, milliseconds. """
    duration_ms: int
    """ How long it took, in milliseconds. """
    http_status: int | None
    """ What the endpoint answered; null: no answer came. """
    error: AttemptErrorType0 | None
    """ What went wrong; null: it was taken. """
    remote_address: None | str
    """ Where it was sent to, address and port; null: nowhere. """
    timings_ms: AttemptTimingsMs
    """ How long each step took, in milliseconds. """
    request_headers: AttemptRequestHeaders
    """ Signatures are redacted. """
    body_sha256: str
    """ Of the body that was sent, in hex. """
    response_body: str
    """ At most its first 4 KiB. """
    reason: None | str | Unset = UNSET
    """ Why, as only operators are told: it may name what is inside. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        number = self.number

        started_at = self.started_at.isoformat()

        duration_ms = self.duration_ms

        http_status: int | None
        http_status = self.http_status

        error: None | str
        if isinstance(self.error, str):
            error = self.error
        else:
            error = self.error

        remote_address: None | str
        remote_address = self.remote_address

        timings_ms = self.timings_ms.to_dict()

        request_headers = self.request_headers.to_dict()

        body_sha256 = self.body_sha256

        response_body = self.response_body

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "number": number,
                "started_at": started_at,
                "duration_ms": duration_ms,
                "http_status": http_status,
                "error": error,
                "remote_address": remote_address,
                "timings_ms": timings_ms,
                "request_headers": request_headers,
                "body_sha256": body_sha256,
                "response_body": response_body,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.attempt_request_headers import AttemptRequestHeaders  # noqa: PLC0415
        from ..models.attempt_timings_ms import AttemptTimingsMs  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        number = d.pop("number")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        duration_ms = d.pop("duration_ms")

        def _parse_http_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        http_status = _parse_http_status(d.pop("http_status"))

        def _parse_error(data: object) -> AttemptErrorType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                error_type_0 = check_attempt_error_type_0(data)

                return error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AttemptErrorType0 | None, data)

        error = _parse_error(d.pop("error"))

        def _parse_remote_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        remote_address = _parse_remote_address(d.pop("remote_address"))

        timings_ms = AttemptTimingsMs.from_dict(d.pop("timings_ms"))

        request_headers = AttemptRequestHeaders.from_dict(d.pop("request_headers"))

        body_sha256 = d.pop("body_sha256")

        response_body = d.pop("response_body")

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        attempt = cls(
            id=id,
            number=number,
            started_at=started_at,
            duration_ms=duration_ms,
            http_status=http_status,
            error=error,
            remote_address=remote_address,
            timings_ms=timings_ms,
            request_headers=request_headers,
            body_sha256=body_sha256,
            response_body=response_body,
            reason=reason,
        )

        attempt.additional_properties = d
        return attempt

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
