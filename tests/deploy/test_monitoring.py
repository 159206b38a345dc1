"""Rules, dashboard and pages name metrics that exist, and each metric and alert has its place in a page.

promtool checks the rules' own language: deploy/monitoring/README.md.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.alerts_check import BY_SERIES, SCENARIOS
from tests.support import metric_page

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy/monitoring"
_NAME = re.compile(r"\btopup_[a-z_]+\b")
# Of a histogram; what Prometheus adds of itself when a client's library was made.
_PARTS = re.compile(r"_(bucket|sum|count)$")
# What begins like a metric and is none: a cookie.
OTHERS = {"topup_device"}
RULE_KEYS = {"alert", "expr", "for", "labels", "annotations"}


def declared() -> dict[str, str]:
    """Return each metric that a process shows, alone or among several, and its type."""
    return {name: kind for name, (kind, _) in metric_page.declared().items()}


def named_in(text: str) -> set[str]:
    """The metrics that a text names; a histogram's parts by the histogram's name."""
    kinds = declared()
    found = set()
    for name in _NAME.findall(text):
        whole = _PARTS.sub("", name)
        found.add(whole if kinds.get(whole) == "histogram" else name)
    return found


def rules() -> list[dict[str, Any]]:
    return [*rules_of("alerts.yaml"), *rules_of("machines.yaml")]


def rules_of(file: str) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((MONITORING / file).read_text())
    assert set(loaded) == {"groups"}
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def expressions_of(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "expr")
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from expressions_of(value)


def sections() -> dict[str, str]:
    """docs/alerts.md by the title of each section of an alert."""
    parts = re.split(r"^### (\w+)$", (ROOT / "docs/alerts.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(
    "path",
    [
        "deploy/monitoring/alerts.yaml",
        "deploy/monitoring/alerts_test.yaml",
        "deploy/monitoring/dashboard.json",
        "docs/alerts.md",
        "docs/metrics.md",
    ],
)
def test_each_metric_that_is_named_is_declared(path: str) -> None:
    found = named_in((ROOT / path).read_text())

    assert found
    assert found - OTHERS - set(declared()) == set()


def test_the_page_of_metrics_is_made_from_them() -> None:
    kept = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")

    assert kept == metric_page.page(), "run `make docs`"


def test_each_metric_is_on_the_dashboard() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    shown = named_in(" ".join(expressions_of(dashboard)))

    assert set(declared()) - shown == set()


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    panels = dashboard["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert covered.isdisjoint(cells), panel["title"]
        covered |= cells
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all(target["expr"] for target in panel["targets"])


def test_each_alert_says_what_is_wrong_and_what_to_do_and_has_its_section() -> None:
    names = [rule["alert"] for rule in rules()]

    assert len(set(names)) == len(names)
    assert sorted(sections()) == sorted(names)
    for rule in rules():
        assert set(rule) <= RULE_KEYS
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"critical", "warning"}
        annotations = rule["annotations"]
        assert set(annotations) == {"summary", "action", "runbook_url"}
        assert annotations["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"


def test_the_page_lists_the_critical_ones() -> None:
    critical = {rule["alert"] for rule in rules() if rule["labels"]["severity"] == "critical"}
    [listed] = re.findall(
        r"\*\*Critical\*\*(.*)\.$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE
    )

    assert set(re.findall(r"`(\w+)`", listed)) == critical


@pytest.mark.parametrize("part", ["Means", "Check", "Fix"])
def test_each_section_says_what_it_means_what_to_check_and_how_to_fix_it(
    part: str,
) -> None:
    assert [name for name, text in sections().items() if f"**{part}.** " not in text] == []


@pytest.mark.parametrize("part", ["alerts", "machines"])
def test_each_alert_has_series_for_which_it_fires(part: str) -> None:
    fired = re.findall(r'alertname="(\w+)"', (MONITORING / f"{part}_test.yaml").read_text())

    assert set(fired) == {rule["alert"] for rule in rules_of(f"{part}.yaml")}


def test_each_rule_is_shown_by_the_real_thing_or_says_why_not() -> None:
    broken = {name for alerts, _ in SCENARIOS.values() for name in alerts}

    assert broken & set(BY_SERIES) == set()
    assert broken | set(BY_SERIES) == {rule["alert"] for rule in rules()}


def test_the_pages_loop_makes_a_rule_object_of_each_file_under_its_own_name(tmp_path: Path) -> None:
    """Under one name the second would replace the first."""
    [block] = re.findall(
        r"^```sh\n(.*?)^```", (MONITORING / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho ---\nexec cat\n")
    kubectl.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    said = subprocess.run(
        ["bash", "-c", block], cwd=MONITORING, env={"PATH": path}, capture_output=True, check=True
    )

    made = [one for one in yaml.safe_load_all(said.stdout) if one]
    assert [one["metadata"]["name"] for one in made] == ["topup-alerts", "topup-machines"]
    groups = [
        yaml.safe_load((MONITORING / f"{part}.yaml").read_text()) for part in ("alerts", "machines")
    ]
    assert [one["spec"] for one in made] == groups


def test_there_is_one_source_of_the_rules() -> None:
    """The chart ships none: a copy would drift."""
    deployed = [one for one in (ROOT / "deploy").rglob("*") if one.is_file()]
    files = {str(one.relative_to(ROOT)) for one in deployed if "- alert:" in one.read_text()}

    assert files == {f"deploy/monitoring/{name}.yaml" for name in ("alerts", "machines")}
