from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="ItemError")


@_attrs_define
class ItemError:
    """An item that is refused; code, message and error are those of a send."""

    index: int
    """ Which item, counted from 0. """
    reference: None | str
    """ Its own; null where it cannot be read. """
    code: int
    """ The code of a send that is refused so. """
    message: str
    """ What happened, in words for people. """
    error: Failure
    """ What is wrong and what to do about it; some causes add facts of their own. """
    line: int | Unset = UNSET
    """ Its line in the CSV. """
    transaction_id: str | Unset = UNSET
    """ The top-up that has its reference. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        index = self.index

        reference: None | str
        reference = self.reference

        code = self.code

        message = self.message

        error = self.error.to_dict()

        line = self.line

        transaction_id = self.transaction_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "index": index,
                "reference": reference,
                "code": code,
                "message": message,
                "error": error,
            }
        )
        if line is not UNSET:
            field_dict["line"] = line
        if transaction_id is not UNSET:
            field_dict["transaction_id"] = transaction_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        index = d.pop("index")

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        code = d.pop("code")

        message = d.pop("message")

        error = Failure.from_dict(d.pop("error"))

        line = d.pop("line", UNSET)

        transaction_id = d.pop("transaction_id", UNSET)

        item_error = cls(
            index=index,
            reference=reference,
            code=code,
            message=message,
            error=error,
            line=line,
            transaction_id=transaction_id,
        )

        item_error.additional_properties = d
        return item_error

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
