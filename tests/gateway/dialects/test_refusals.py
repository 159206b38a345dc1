"""What goes wrong inside is told in each vendor's shape too, and nothing of it leaks."""

import json

import pytest

from billing.providers.protocol import ProviderUnavailable
from gateway.dialects import newapi, resayil
from gateway.http.errors import refusal_of
from gateway.http.rate_limit import RateLimited
from gateway.http.routing import ApiSurface
from kernel.errors import Unavailable
from tests.support.recordings import form_of, recorded

SURFACES = ((newapi.SURFACE, "newapi/failure.json"), (resayil.SURFACE, "resayil/error.json"))
FAILURES = (
    (RuntimeError("a secret of ours"), 500),
    (Unavailable("the database does not answer"), 503),
    (ProviderUnavailable("stripe did not answer in time"), 503),
    (RateLimited("too many requests", retry_after_s=3), 429),
)


@pytest.mark.parametrize(("surface", "recording"), SURFACES, ids=["newapi", "resayil"])
@pytest.mark.parametrize(("error", "status"), FAILURES, ids=str)
def test_each_failure_has_the_vendors_shape(
    surface: ApiSurface, recording: str, error: Exception, status: int
) -> None:
    refusal = refusal_of(error)

    answer = surface.refuse(refusal, 0)

    assert not callable(answer)
    assert answer.status == status
    assert form_of(answer.body.decode()) == form_of(recorded(recording))
    assert "secret" not in answer.body.decode()
    assert json.loads(answer.body)
    assert (b"retry-after" in dict(refusal.headers)) is (status in {429, 503})
