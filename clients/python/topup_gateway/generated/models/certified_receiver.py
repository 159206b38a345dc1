from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.certification_check import CertificationCheck
    from ..models.certification_counts import CertificationCounts


T = TypeVar("T", bound="CertifiedReceiver")


@_attrs_define
class CertifiedReceiver:
    """What a receiver would lose, do twice or believe."""

    endpoint_id: str
    """ The webhook endpoint's id. """
    url: str
    """ Where the requests were sent. """
    certified: bool
    """ Nothing failed, and all of it was seen. """
    counts: CertificationCounts
    """ How many checks had each verdict. """
    checks: list[CertificationCheck]
    """ Each check, as it was done. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        endpoint_id = self.endpoint_id

        url = self.url

        certified = self.certified

        counts = self.counts.to_dict()

        checks = []
        for checks_item_data in self.checks:
            checks_item = checks_item_data.to_dict()
            checks.append(checks_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "endpoint_id": endpoint_id,
                "url": url,
                "certified": certified,
                "counts": counts,
                "checks": checks,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.certification_check import CertificationCheck  # noqa: PLC0415
        from ..models.certification_counts import CertificationCounts  # noqa: PLC0415

        d = dict(src_dict)
        endpoint_id = d.pop("endpoint_id")

        url = d.pop("url")

        certified = d.pop("certified")

        counts = CertificationCounts.from_dict(d.pop("counts"))

        checks = []
        _checks = d.pop("checks")
        for checks_item_data in _checks:
            checks_item = CertificationCheck.from_dict(checks_item_data)

            checks.append(checks_item)

        certified_receiver = cls(
            endpoint_id=endpoint_id,
            url=url,
            certified=certified,
            counts=counts,
            checks=checks,
        )

        certified_receiver.additional_properties = d
        return certified_receiver

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
