from typing import Literal, cast

CertificationCheckHarmType0 = Literal["forged", "lost", "twice"]


def check_certification_check_harm_type_0(value: str) -> CertificationCheckHarmType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CertificationCheckHarmType0, value)
