"""The Helm chart names what exists, keeps secrets out of its values, and says what is missing.

What it renders is checked where `helm` is on the PATH, as in `make deploy-check`.
"""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import SecretStr

from gateway.http.auth import PROBED
from kernel import version
from runtime.settings import Settings, load_settings, unknown_variables
from tests.support.command_line import without_settings
from tests.support.installation import ROOT

CHART = ROOT / "deploy/helm/topup-gateway"
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in CHART.glob("templates/*")}
CHOSEN = {
    "image": {"repository": "registry.example.com/topup"},
    "existingSecret": "topup",
    "settings": {
        "TOPUP_PUBLIC_URL": "https://pay.example.com",
        "TOPUP_TRUSTED_PROXIES": "10.42.7.0/24",
    },
    "ingress": {"enabled": True, "host": "pay.example.com"},
}
# What the Secret holds at least.
SECRET = {
    "TOPUP_DATABASE_URL": "postgresql://topup@db/topup",
    "TOPUP_REDIS_URL": "redis://redis:6379/0",
    "TOPUP_SECRET_KEY": "0" * 64,
}
needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="needs helm")


def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return found


def variables() -> dict[str, bool]:
    """Each setting's variable, and whether its value is a secret."""
    found = {
        f"TOPUP_{name.upper()}": isinstance(field.default, SecretStr)
        for name, field in Settings.model_fields.items()
    }
    providers = load_settings().providers.variables
    return found | {one.name: isinstance(one.value, SecretStr) for one in providers}


def helm(command: str, folder: Path, chosen: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "chosen.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
    words = shlex.split(f"helm {command} --kube-version 1.31.0 -f {folder}/chosen.yaml")
    return subprocess.run([*words], capture_output=True, text=True, check=False)


def rendered(folder: Path) -> dict[tuple[str, str], Any]:
    """What is made of CHOSEN, by kind and name."""
    said = helm(f"template pay {CHART}", folder, CHOSEN)
    assert said.returncode == 0, said.stderr
    documents = (one for one in yaml.safe_load_all(said.stdout) if one)
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def test_it_is_of_this_release_and_its_values_are_as_its_schema_says() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert chart["version"] == chart["appVersion"] == version.of_source().partition(".dev")[0]
    jsonschema_rs.validate(schema, values())
    assert {*schema["properties"]} == {*values(), "global"}
    for wrong in (
        {"wroker": {"replicas": 3}},
        {"worker": {"replicas": 0}},
        # Helm would write true, and Kubernetes refuses what is no text.
        {"settings": {"TOPUP_MAIL_STAGING": True}},
        {"settings": {"PUBLIC_URL": "https://pay.example.com"}},
    ):
        assert not jsonschema_rs.is_valid(schema, wrong), wrong


def test_each_variable_exists_and_what_is_secret_is_taken_from_the_secret_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    known = variables()
    [rule] = re.findall(r'regexMatch "([^"]+)"', TEMPLATES["checks.yaml"])
    named = {name for text in TEMPLATES.values() for name in re.findall(r"\bTOPUP_[A-Z_]+\b", text)}

    assert {name for name in known if re.search(rule, name)} == {
        name for name, is_secret in known.items() if is_secret
    }
    assert {*named, *values()["settings"]} <= set(known)
    assert not any(known[name] for name in values()["settings"])


def test_probes_links_and_user_are_those_of_gateway_proxy_and_image() -> None:
    probed = {path for text in TEMPLATES.values() for path in re.findall(r"\{path: (/\w+)", text)}
    unlogged = re.findall(r'"/([a-z/-]+)/"', TEMPLATES["ingress.yaml"])
    nginx = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    masked = re.search(
        r"\(\?P<link>/\(\?:([^)]+)\)", (ROOT / "runtime/log.py").read_text(encoding="utf-8")
    )
    security = values()["podSecurityContext"]

    assert probed == {"/healthz", "/readyz"}
    # What our own log masks, no proxy's log has.
    assert masked is not None
    assert set(masked[1].split("|")) == set(unlogged)
    assert probed <= PROBED
    # A process that cannot reach its database is not killed for it.
    for name in ("gateway.yaml", "worker.yaml"):
        assert re.findall(r"(\w+)Probe:\s+httpGet: \{path: (/\w+)", TEMPLATES[name]) == [
            ("startup", "/healthz"),
            ("liveness", "/healthz"),
            ("readiness", "/readyz"),
        ]
    assert f"location ~ ^/({'|'.join(unlogged)})/ {{\n        access_log off;" in nginx
    assert security["runAsNonRoot"] is True
    assert f"--uid {security['runAsUser']} " in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@needs_helm
def test_helm_finds_no_fault_with_it_and_refuses_what_would_not_work(tmp_path: Path) -> None:
    said = helm(f"lint --strict {CHART}", tmp_path, CHOSEN)
    assert said.returncode == 0, said.stdout

    wrong = {
        "settings": {"TOPUP_SECRET_KEY": "x", "TOPUP_CLUB_API_KEY": "x", "TOPUP_PORT": "1"},
        "ingress": {"enabled": True, "host": "pay.example.com"},
    }
    said = helm(f"template pay {CHART}", tmp_path, wrong)
    assert said.returncode != 0
    lines = [line.strip() for line in said.stderr.splitlines() if line.startswith("  ")]
    assert [line.partition(":")[0] for line in lines] == [
        "image.repository",
        "existingSecret",
        "settings.TOPUP_PUBLIC_URL",
        "settings.TOPUP_CLUB_API_KEY",
        "settings.TOPUP_PORT",
        "settings.TOPUP_SECRET_KEY",
        "settings.TOPUP_TRUSTED_PROXIES",
        "ingress.host",
    ]


@needs_helm
def test_what_it_makes_runs_bounded_and_without_rights_and_migrates_first(tmp_path: Path) -> None:
    made = rendered(tmp_path)
    job = made["Job", "pay-topup-gateway-migrate"]
    gateway = made["Deployment", "pay-topup-gateway-gateway"]
    worker = made["Deployment", "pay-topup-gateway-worker"]

    for one in (job, gateway, worker):
        pod = one["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        # A Service called "topup" would set TOPUP_PORT to an address.
        assert pod["enableServiceLinks"] is False
        assert container["image"] == "registry.example.com/topup:0.1.0"
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {one["mountPath"] for one in container["volumeMounts"]} == {"/tmp", "/data"}
        assert container["resources"]["limits"] == {"memory": "1Gi"}
    hooks = job["metadata"]["annotations"]["helm.sh/hook"]
    assert hooks == "pre-install,pre-upgrade,pre-rollback"
    # It comes before all else of the release, so it uses nothing that the release makes.
    assert {kind for kind, _ in made} == {
        "Deployment",
        "Ingress",
        "Job",
        "PodDisruptionBudget",
        "Service",
    }
    assert gateway["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 10 + 45


@needs_helm
def test_each_budget_and_the_service_find_the_pods_that_they_are_for(tmp_path: Path) -> None:
    made = rendered(tmp_path)
    service = made["Service", "pay-topup-gateway"]

    for part in ("gateway", "worker"):
        deployment = made["Deployment", f"pay-topup-gateway-{part}"]["spec"]
        budget = made["PodDisruptionBudget", f"pay-topup-gateway-{part}"]["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/component"] == part
        assert deployment["selector"] == budget["selector"]
        assert deployment["selector"]["matchLabels"].items() <= labels.items()
        assert budget["maxUnavailable"] == 1
        assert (service["spec"]["selector"].items() <= labels.items()) is (part == "gateway")
    quiet = made["Ingress", "pay-topup-gateway-unlogged"]
    assert quiet["metadata"]["annotations"] == {
        "nginx.ingress.kubernetes.io/enable-access-log": "false"
    }
    backends = {
        path["backend"]["service"]["name"]
        for (kind, _), one in made.items()
        if kind == "Ingress"
        for path in one["spec"]["rules"][0]["http"]["paths"]
    }
    assert backends == {"pay-topup-gateway"}


@needs_helm
def test_the_code_takes_each_containers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    made = rendered(tmp_path)
    for (kind, _), one in made.items():
        if kind not in ("Deployment", "Job"):
            continue
        [container] = one["spec"]["template"]["spec"]["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "topup"}}]
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))
        for variable in container["env"]:
            by_reference = {"name": "topup", "key": variable["name"]}
            if variable["name"] in SECRET:
                assert variable["valueFrom"] == {"secretKeyRef": by_reference}
            value = SECRET.get(variable["name"]) or variable["value"]
            monkeypatch.setenv(variable["name"], value)
        assert set(SECRET) <= set(names)

    settings = load_settings()

    assert unknown_variables() == []
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert (settings.worker_host, settings.worker_port) == ("0.0.0.0", 8001)
    assert settings.shutdown_delay_s == 10
    assert settings.public_url == "https://pay.example.com"
