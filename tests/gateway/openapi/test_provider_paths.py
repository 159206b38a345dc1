"""Where providers tell us of payments stands in the document, with what they hear."""

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database


async def test_each_provider_has_its_paths_in_the_document(gateway: Gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    providers = gateway.context.payments.providers

    for registration in providers.registrations:
        for path in registration.paths:
            for method in registration.methods:
                operation = document["paths"][path][method.lower()]
                assert operation["security"] == []
                assert list(operation["responses"]["200"]["content"]) == [
                    registration.accepted.media_type
                ]
