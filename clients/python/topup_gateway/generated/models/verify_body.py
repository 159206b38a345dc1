from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.verify_body_headers import VerifyBodyHeaders


T = TypeVar("T", bound="VerifyBody")


@_attrs_define
class VerifyBody:
    """What a receiver saw: its headers, the raw body as text, and the secret or the public key it holds."""

    headers: VerifyBodyHeaders
    """ The headers as they were received. """
    body: str
    """ The raw body as text. """
    secret: None | str | Unset = UNSET
    """ The secret that the receiver holds, if any. """
    public_key: None | str | Unset = UNSET
    """ The public key (whpk_…) that the receiver holds, if any: the Ed25519 signature is checked by it. """

    def to_dict(self) -> dict[str, Any]:
        headers = self.headers.to_dict()

        body = self.body

        secret: None | str | Unset
        if isinstance(self.secret, Unset):
            secret = UNSET
        else:
            secret = self.secret

        public_key: None | str | Unset
        if isinstance(self.public_key, Unset):
            public_key = UNSET
        else:
            public_key = self.public_key

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "headers": headers,
                "body": body,
            }
        )
        if secret is not UNSET:
            field_dict["secret"] = secret
        if public_key is not UNSET:
            field_dict["public_key"] = public_key

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.verify_body_headers import VerifyBodyHeaders  # noqa: PLC0415

        d = dict(src_dict)
        headers = VerifyBodyHeaders.from_dict(d.pop("headers"))

        body = d.pop("body")

        def _parse_secret(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        secret = _parse_secret(d.pop("secret", UNSET))

        def _parse_public_key(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        public_key = _parse_public_key(d.pop("public_key", UNSET))

        verify_body = cls(
            headers=headers,
            body=body,
            secret=secret,
            public_key=public_key,
        )

        return verify_body
