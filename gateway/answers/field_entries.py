"""Make the entry of errors[] for a refusal about one field that names none itself. Pure."""

from collections.abc import Mapping
from typing import Any

from gateway.answers import response_codes as codes
from gateway.answers.refusals import Refusal
from kernel.meant import address_meant
from kernel.problems import FieldEntry, most_similar


def entry_of(refusal: Refusal, body: Mapping[str, Any], *, is_compared: bool = True) -> FieldEntry:
    error = refusal.error
    param = str(error["param"])
    found: FieldEntry = {"param": param, "detail": refusal.detail, "code": refusal.code.code}
    bounds = {"minimum": error.get("min"), "maximum": error.get("max")}
    found |= {name: value for name, value in bounds.items() if value is not None}
    allowed, given = error.get("allowed"), body.get(param)
    if allowed:
        found["allowed"] = allowed
    if isinstance(given, str) and is_compared:
        is_mail = refusal.code.code == codes.INVALID_RECIPIENT
        meant = address_meant(given) if is_mail else most_similar(given, allowed or ())
        if meant is not None:
            found["did_you_mean"] = meant
    return found
