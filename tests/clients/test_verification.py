"""The Python client takes and refuses the same webhooks as the guide's checks, by each scheme."""

import pytest
from topup_gateway import InvalidSignature, verify

from tests.support.signature_vectors import CHECKS, PUBLIC_KEY, SECRETS_ALONE, vectors

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("name", vectors())
@pytest.mark.parametrize(("dropped", "key"), CHECKS)
def test_what_is_genuine_is_taken_and_nothing_else(name: str, dropped: str, key: str) -> None:
    (headers, body), is_genuine = vectors()[name]
    given = {header: value for header, value in headers.items() if header != dropped}

    if is_genuine or (key == PUBLIC_KEY and name in SECRETS_ALONE):
        event = verify(body, given, key)
        assert (event.id, event.type) == ("evt_1", "endpoint.test")
        return
    with pytest.raises(InvalidSignature):
        verify(body, given, key)
