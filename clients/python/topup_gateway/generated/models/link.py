from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.link_body_type_0 import LinkBodyType0


T = TypeVar("T", bound="Link")


@_attrs_define
class Link:
    """A call that comes next, with the caller's own credential; rel `page`: an address for a person's browser."""

    rel: str
    """ What it is for, such as earlier, platforms, balance. """
    method: str
    """ The HTTP method. """
    href: str
    """ The whole address. """
    body: LinkBodyType0 | None | Unset = UNSET
    """ The JSON body to send. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.link_body_type_0 import LinkBodyType0  # noqa: PLC0415

        rel = self.rel

        method = self.method

        href = self.href

        body: dict[str, Any] | None | Unset
        if isinstance(self.body, Unset):
            body = UNSET
        elif isinstance(self.body, LinkBodyType0):
            body = self.body.to_dict()
        else:
            body = self.body

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rel": rel,
                "method": method,
                "href": href,
            }
        )
        if body is not UNSET:
            field_dict["body"] = body

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.link_body_type_0 import LinkBodyType0  # noqa: PLC0415

        d = dict(src_dict)
        rel = d.pop("rel")

        method = d.pop("method")

        href = d.pop("href")

        def _parse_body(data: object) -> LinkBodyType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                body_type_0 = LinkBodyType0.from_dict(data)

                return body_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(LinkBodyType0 | None | Unset, data)

        body = _parse_body(d.pop("body", UNSET))

        link = cls(
            rel=rel,
            method=method,
            href=href,
            body=body,
        )

        link.additional_properties = d
        return link

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
