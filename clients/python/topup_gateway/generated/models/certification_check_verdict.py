from typing import Literal, cast

CertificationCheckVerdict = Literal["failed", "not_seen", "passed", "skipped", "warned"]


def check_certification_check_verdict(value: str) -> CertificationCheckVerdict:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CertificationCheckVerdict, value)
