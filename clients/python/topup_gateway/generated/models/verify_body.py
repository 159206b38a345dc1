from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.verify_body_headers import VerifyBodyHeaders


T = TypeVar("T", bound="VerifyBody")


@_attrs_define
class VerifyBody:
    """What a receiver saw: its headers, the raw body as text, and the secret it holds."""

    headers: VerifyBodyHeaders
    """ The headers as they were received. """
    body: str
    """ The raw body as text. """
    secret: str
    """ The secret that the receiver holds. """

    def to_dict(self) -> dict[str, Any]:
        headers = self.headers.to_dict()

        body = self.body

        secret = self.secret

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "headers": headers,
                "body": body,
                "secret": secret,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.verify_body_headers import VerifyBodyHeaders  # noqa: PLC0415

        d = dict(src_dict)
        headers = VerifyBodyHeaders.from_dict(d.pop("headers"))

        body = d.pop("body")

        secret = d.pop("secret")

        verify_body = cls(
            headers=headers,
            body=body,
            secret=secret,
        )

        return verify_body
