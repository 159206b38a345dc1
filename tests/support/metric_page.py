"""docs/metrics.md: every metric with its meaning and its alerts, made from what a process shows.

python -m tests.support.metric_page > docs/metrics.md
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from runtime.metrics import Metrics
from runtime.processes.siblings import merged_figures

ROOT: Final = Path(__file__).parent.parent.parent
_START: Final = """\
# Metrics

This page lists every metric of a gateway and a worker. Times ending in `_timestamp_seconds` are Unix times. A histogram has `_bucket`, `_sum` and `_count`.
[operations.md](operations.md#collect-metrics) says how to scrape the metrics. `make docs` makes this page.

| metric | type | meaning | alerts |
|---|---|---|---|
"""
_LINE: Final = re.compile(r"# HELP (\w+) (.*)\n# TYPE \1 (\w+)")


def declared() -> dict[str, tuple[str, str]]:
    """Return each metric that a process shows, alone or among several, with its type and meaning."""
    text = merged_figures({"gateway-1": Metrics().render().decode()})
    return {
        name: (kind, meaning)
        for name, meaning, kind in _LINE.findall(text)
        if not name.endswith("_created")
    }


def page() -> str:
    """Return the whole page."""
    rows = "".join(
        f"| `{name}` | {kind} | {meaning} | {', '.join(_alerts_on(name))} |\n"
        for name, (kind, meaning) in declared().items()
    )
    return _START + rows


def _alerts_on(name: str) -> Iterator[str]:
    said = re.compile(rf"\b{name}(?:_bucket|_sum|_count)?\b")
    for rule in _rules():
        if said.search(rule["expr"]):
            yield f"[{rule['alert'].removeprefix('Topup')}](alerts.md#{rule['alert'].lower()})"


def _rules() -> Iterator[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text(encoding="utf-8"))
    for group in loaded["groups"]:
        yield from group["rules"]


if __name__ == "__main__":
    sys.stdout.write(page())
