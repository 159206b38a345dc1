"""The examples that the OpenAPI document shows are recorded answers, and no older ones."""

from tests.gateway.answers.answer_examples import FILE, examples, written
from tests.gateway.answers.test_recorded_answers import IS_RECORDING


def test_the_examples_are_the_recorded_answers() -> None:
    found = written(examples())

    if IS_RECORDING:
        FILE.write_text(found, encoding="utf-8")
    assert found == FILE.read_text(encoding="utf-8"), "TOPUP_RECORD=1 writes it anew"
