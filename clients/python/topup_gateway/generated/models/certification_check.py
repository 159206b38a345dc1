from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.certification_check_impact_type_0 import (
    CertificationCheckImpactType0,
    check_certification_check_impact_type_0,
)
from ..models.certification_check_verdict import (
    CertificationCheckVerdict,
    check_certification_check_verdict,
)

T = TypeVar("T", bound="CertificationCheck")


@_attrs_define
class CertificationCheck:
    """One check of a receiver."""

    name: str
    """ Its name, which stays. """
    title: str
    """ What it is about, in a few words. """
    verdict: CertificationCheckVerdict
    """ not_seen: nobody says what the receiver did; skipped: not reached. """
    impact: CertificationCheckImpactType0 | None
    """ What a failed check leads to: an event is lost, done twice, or believed. """
    detail: str
    """ What was seen, and what to change. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        title = self.title

        verdict: str = self.verdict

        impact: None | str
        if isinstance(self.impact, str):
            impact = self.impact
        else:
            impact = self.impact

        detail = self.detail

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "title": title,
                "verdict": verdict,
                "impact": impact,
                "detail": detail,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        title = d.pop("title")

        verdict = check_certification_check_verdict(d.pop("verdict"))

        def _parse_impact(data: object) -> CertificationCheckImpactType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                impact_type_0 = check_certification_check_impact_type_0(data)

                return impact_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CertificationCheckImpactType0 | None, data)

        impact = _parse_impact(d.pop("impact"))

        detail = d.pop("detail")

        certification_check = cls(
            name=name,
            title=title,
            verdict=verdict,
            impact=impact,
            detail=detail,
        )

        certification_check.additional_properties = d
        return certification_check

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
