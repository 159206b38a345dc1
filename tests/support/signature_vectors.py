"""Signatures that a receiver takes, and others that it must refuse."""

import time
from collections.abc import Mapping
from typing import Final

from keys.signatures.signing import (
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_S,
    public_text,
    signature_headers,
    signer_of,
)

SIGNER, PUBLIC_KEY = signer_of(b"s" * 32), public_text(b"s" * 32)
SECRET, OLDER, FOREIGN = ("whsec_" + text * 8 for text in ("QUJD", "QUJE", "QUJF"))
BODY: Final = (
    '{"id":"evt_1","type":"endpoint.test","created_at":"2026-06-13T12:00:00Z","environment":"staging",'
    '"api_version":"v1","data":{"note":"Zürich / 東京 🙂"}}'
).encode()
# The schemes: the header that is left out, and the key that is given.
CHECKS: Final = (
    (SIGNATURE_HEADER, SECRET),
    (STANDARD_HEADER, SECRET),
    (SIGNATURE_HEADER, PUBLIC_KEY),
)
# The gateway's own key signed these, too, so that by the public key they are genuine.
SECRETS_ALONE: Final = frozenset({"wrong secret", "two wrong secrets"})
Headers = Mapping[str, str]
Vector = tuple[Headers, bytes]


def signed(*secrets: str, age_s: int = 0) -> Headers:
    return signature_headers(
        secrets=secrets,
        signers=[SIGNER],
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=BODY,
    )


def dated(time_s: str, signature: str = "", *, headers: Headers | None = None) -> Headers:
    """Return the headers with another time, and in both schemes with `signature` if it is given."""
    headers = headers or signed(SECRET)
    macs = f"v1={signature}" if signature else headers[SIGNATURE_HEADER].partition(",")[2]
    standard = f"v1,{signature}" if signature else headers[STANDARD_HEADER]
    return {
        **headers,
        SIGNATURE_HEADER: f"t={time_s},{macs}",
        TIMESTAMP_HEADER: time_s,
        STANDARD_HEADER: standard,
    }


def vectors() -> dict[str, tuple[Vector, bool]]:
    genuine, now = signed(SECRET), str(int(time.time()))
    old = signed(SECRET, age_s=TOLERANCE_S + 60)
    macs = genuine[SIGNATURE_HEADER].partition(",")[2]
    return {
        "right": ((genuine, BODY), True),
        "two signatures, ours first": ((signed(SECRET, OLDER), BODY), True),
        "two signatures, ours second": ((signed(OLDER, SECRET), BODY), True),
        "four minutes old": ((signed(SECRET, age_s=TOLERANCE_S - 60), BODY), True),
        "wrong secret": ((signed(FOREIGN), BODY), False),
        "two wrong secrets": ((signed(OLDER, FOREIGN), BODY), False),
        "changed body": ((genuine, BODY + b" "), False),
        "a body that is no text": ((genuine, b"\xff" + BODY), False),
        "no body": ((genuine, b""), False),
        "stale": ((old, BODY), False),
        "stale, with the present time": ((dated(now, headers=old), BODY), False),
        "ahead": ((signed(SECRET, age_s=-TOLERANCE_S - 60), BODY), False),
        "no headers": (({}, BODY), False),
        "no time": (({**dated(""), SIGNATURE_HEADER: macs}, BODY), False),
        "an endless time": ((dated("9" * 400), BODY), False),
        "no signature": (
            ({**dated(now), SIGNATURE_HEADER: f"t={now}", STANDARD_HEADER: ""}, BODY),
            False,
        ),
        "a short signature": ((dated(now, "QUJD"), BODY), False),
        "a signature that is no base64": ((dated(now, "!é, ,;"), BODY), False),
    }
