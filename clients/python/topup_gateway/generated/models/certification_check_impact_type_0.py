from typing import Literal, cast

CertificationCheckImpactType0 = Literal["forged", "lost", "twice"]


def check_certification_check_impact_type_0(value: str) -> CertificationCheckImpactType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CertificationCheckImpactType0, value)
