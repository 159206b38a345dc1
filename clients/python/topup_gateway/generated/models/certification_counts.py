from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CertificationCounts")


@_attrs_define
class CertificationCounts:
    """How many checks had each verdict."""

    passed: int
    """ As it should be. """
    warned: int
    """ Nothing is lost by it, but it is no good answer. """
    failed: int
    """ An event is lost, done twice, or a forgery believed. """
    not_seen: int
    """ Nobody says what the receiver did. """
    skipped: int
    """ Not reached. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        passed = self.passed

        warned = self.warned

        failed = self.failed

        not_seen = self.not_seen

        skipped = self.skipped

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "passed": passed,
                "warned": warned,
                "failed": failed,
                "not_seen": not_seen,
                "skipped": skipped,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        passed = d.pop("passed")

        warned = d.pop("warned")

        failed = d.pop("failed")

        not_seen = d.pop("not_seen")

        skipped = d.pop("skipped")

        certification_counts = cls(
            passed=passed,
            warned=warned,
            failed=failed,
            not_seen=not_seen,
            skipped=skipped,
        )

        certification_counts.additional_properties = d
        return certification_counts

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
