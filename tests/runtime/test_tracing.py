"""Tracing is opened as the variables say, or a start says what is wrong with them."""

import sys
from pathlib import Path

import pytest

from cli.server.doctor_checks import tracing as looked_at
from runtime.context import open_context
from runtime.settings import SettingsError, load_settings
from runtime.traces.open import MISSING, sdk_variables


async def test_a_start_without_the_packages_of_the_extra_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    settings = load_settings(tracing=True, data_dir=tmp_path, secret_key="5a" * 32)

    with pytest.raises(SettingsError) as refused:
        async with open_context(settings, is_process=True):
            pass

    assert str(refused.value) == MISSING
    assert "pip install 'topup-gateway[tracing]'" in MISSING
    found = looked_at(settings)
    assert (found.is_well, found.detail) == (False, MISSING)


async def test_a_variable_that_the_sdk_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    settings = load_settings(tracing=True, data_dir=tmp_path, secret_key="5a" * 32)

    with pytest.raises(SettingsError) as refused:
        async with open_context(settings, is_process=True):
            pass

    # A batch has 512 unless it is told otherwise.
    assert str(refused.value) == (
        "OpenTelemetry's OTEL_… variables: max_export_batch_size must be less than or equal to"
        " max_queue_size."
    )


def test_the_doctor_says_where_spans_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off, on = load_settings(), load_settings(tracing=True)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    monkeypatch.chdir(tmp_path)

    assert (looked_at(off).is_well, looked_at(off).detail) == (True, "is off")
    assert looked_at(on).is_well is None
    assert "port 4318 of this machine" in looked_at(on).detail

    # The file of our own settings may have the SDK's, too.
    Path(".env").write_text(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://in-file:4318\nOTEL_SERVICE_NAME=a\n"
    )
    monkeypatch.setenv("OTEL_SERVICE_NAME", "b")
    assert sdk_variables() == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://in-file:4318",
        "OTEL_SERVICE_NAME": "b",
    }
    assert looked_at(on).is_well is True
    assert "in-file" not in looked_at(on).detail
