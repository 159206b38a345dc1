from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FieldProblem")


@_attrs_define
class FieldProblem:
    """One field of the request that cannot be taken, and what would be."""

    param: str
    """ The field, with its place inside others. """
    detail: str
    """ A sentence for people. """
    code: int | Unset = UNSET
    """ The code of this problem alone. """
    allowed: list[Any] | Unset = UNSET
    """ Every value that is taken. """
    minimum: float | Unset = UNSET
    """ The least number. """
    maximum: float | Unset = UNSET
    """ The greatest number. """
    did_you_mean: str | Unset = UNSET
    """ The name or value that was probably meant. """
    example: Any | Unset = UNSET
    """ A value that is taken. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        param = self.param

        detail = self.detail

        code = self.code

        allowed: list[Any] | Unset = UNSET
        if not isinstance(self.allowed, Unset):
            allowed = self.allowed

        minimum = self.minimum

        maximum = self.maximum

        did_you_mean = self.did_you_mean

        example = self.example

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "param": param,
                "detail": detail,
            }
        )
        if code is not UNSET:
            field_dict["code"] = code
        if allowed is not UNSET:
            field_dict["allowed"] = allowed
        if minimum is not UNSET:
            field_dict["minimum"] = minimum
        if maximum is not UNSET:
            field_dict["maximum"] = maximum
        if did_you_mean is not UNSET:
            field_dict["did_you_mean"] = did_you_mean
        if example is not UNSET:
            field_dict["example"] = example

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        param = d.pop("param")

        detail = d.pop("detail")

        code = d.pop("code", UNSET)

        allowed = cast(list[Any], d.pop("allowed", UNSET))

        minimum = d.pop("minimum", UNSET)

        maximum = d.pop("maximum", UNSET)

        did_you_mean = d.pop("did_you_mean", UNSET)

        example = d.pop("example", UNSET)

        field_problem = cls(
            param=param,
            detail=detail,
            code=code,
            allowed=allowed,
            minimum=minimum,
            maximum=maximum,
            did_you_mean=did_you_mean,
            example=example,
        )

        field_problem.additional_properties = d
        return field_problem

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
