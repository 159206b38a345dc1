from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.code_row_next_action_type_0 import (
    CodeRowNextActionType0,
    check_code_row_next_action_type_0,
)

T = TypeVar("T", bound="CodeRow")


@_attrs_define
class CodeRow:
    """One row of the table of codes; http_status is the usual one."""

    code: int
    """ The code. """
    message: str
    """ What happened, in words for people. """
    http_status: int
    """ The usual HTTP status. """
    http_statuses: list[int]
    """ Every HTTP status that it comes with, the usual one first. """
    success: bool
    """ What success is with the usual HTTP status. """
    retryable: bool
    """ Whether the same request may succeed later. """
    next_action: CodeRowNextActionType0 | None
    """ For programs: what to do next. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        message = self.message

        http_status = self.http_status

        http_statuses = self.http_statuses

        success = self.success

        retryable = self.retryable

        next_action: None | str
        if isinstance(self.next_action, str):
            next_action = self.next_action
        else:
            next_action = self.next_action

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "message": message,
                "http_status": http_status,
                "http_statuses": http_statuses,
                "success": success,
                "retryable": retryable,
                "next_action": next_action,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        message = d.pop("message")

        http_status = d.pop("http_status")

        http_statuses = cast(list[int], d.pop("http_statuses"))

        success = d.pop("success")

        retryable = d.pop("retryable")

        def _parse_next_action(data: object) -> CodeRowNextActionType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_action_type_0 = check_code_row_next_action_type_0(data)

                return next_action_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CodeRowNextActionType0 | None, data)

        next_action = _parse_next_action(d.pop("next_action"))

        code_row = cls(
            code=code,
            message=message,
            http_status=http_status,
            http_statuses=http_statuses,
            success=success,
            retryable=retryable,
            next_action=next_action,
        )

        code_row.additional_properties = d
        return code_row

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
