"""Recording goes in the order of the files: the documents show answers that are recorded before them."""

import pytest

from tests.gateway.answers.test_recorded_answers import IS_RECORDING


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if IS_RECORDING:
        items.sort(key=lambda item: item.path.name)
