"""What was recorded is what the OpenAPI document shows as examples; tests/gateway/openapi holds the file to it."""

from tests.gateway.answers.answer_examples import FILE, examples, written
from tests.gateway.answers.test_recorded_answers import IS_RECORDING


def test_every_recording_can_be_shown_as_an_example() -> None:
    found = examples()

    assert all(name.split()[2].startswith("2") for name in found)
    if IS_RECORDING:
        FILE.write_text(written(found), encoding="utf-8")
