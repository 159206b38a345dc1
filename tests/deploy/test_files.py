"""The files that an operator starts from: they parse, name what exists, and agree with each other."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dotenv
import pytest
import yaml

from runtime.settings import ENV_FILE, load_settings, unknown_variables
from tests.deploy.dockerfile import stages
from tests.support.command_line import without_settings
from tests.support.installation import ROOT
from tests.test_tidy import PACKAGES

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def run_lines() -> list[str]:
    lines = [
        one.text for stage in stages(ROOT / "Dockerfile") for one in stage if one.word == "RUN"
    ]
    return [command.strip() for line in lines for command in line.split("&&")]


def test_the_settings_file_names_settings_that_exist_and_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    text = (DEPLOY / "topup.env").read_text(encoding="utf-8")
    # What stands behind # is an offer: it has to be good, too.
    offered = re.sub(r"^#(?=TOPUP_)", "", text, flags=re.MULTILINE)
    (tmp_path / ENV_FILE).write_text(offered, encoding="utf-8")

    settings = load_settings()

    assert unknown_variables() == []
    assert settings.public_url == "https://pay.example.com"
    assert [str(one) for one in settings.trusted_proxies] == ["127.0.0.1/32"]
    assert [one.id for one in settings.platforms] == ["acme"]
    # systemd, docker and a shell read such a value as it stands, too.
    for name, value in dotenv.dotenv_values(stream=None, dotenv_path=tmp_path / ENV_FILE).items():
        [line] = [line for line in offered.splitlines() if line.startswith(f"{name}=")]
        quoted = line.partition("=")[2]
        assert quoted in (value, f"'{value}'")


def test_compose_hands_down_every_setting_and_starts_in_order() -> None:
    services = compose()["services"]

    for name in ("migrate", "gateway", "worker"):
        one = services[name]
        assert one["env_file"] == [{"path": "topup.env", "required": True}]
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["volumes"] == ["data:/data"]
        assert one["logging"]["options"] == {"max-size": "50m", "max-file": "5"}
        # Only where things are in there; the rest is the file's.
        assert {*one["environment"]} <= {
            "TOPUP_DATABASE_URL",
            "TOPUP_REDIS_URL",
            "TOPUP_HOST",
            "TOPUP_PORT",
            "TOPUP_DATA_DIR",
            "TOPUP_TRUSTED_PROXIES",
            "TOPUP_WORKER_HOST",
            "TOPUP_WORKER_PORT",
        }
    for name in ("gateway", "worker"):
        first = services[name]["depends_on"]["migrate"]
        assert first == {"condition": "service_completed_successfully"}
        assert services[name]["restart"] == "unless-stopped"
    assert services["migrate"]["restart"] == "no"
    assert "8000/readyz" in services["gateway"]["healthcheck"]["test"][-1]
    assert "8001/readyz" in services["worker"]["healthcheck"]["test"][-1]
    assert services["gateway"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_image_copies_the_database_that_compose_runs() -> None:
    image = compose()["services"]["postgres"]["image"]
    [major] = re.findall(r"^postgres:(\d+)-", image)
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert f"postgresql-client-{major}" in text
    assert f"/usr/lib/postgresql/{major}/bin:" in text


def test_the_image_holds_what_is_locked_for_it_and_our_own_folders_alone() -> None:
    installs = [shlex.split(line) for line in run_lines() if " install " in line and "pip" in line]
    first, last = stages(ROOT / "Dockerfile")
    copied = {name for one in first if one.word == "COPY" for name in one.text.split()[:-1]}

    into_image = [words for words in installs if "--python" in words]
    assert [words[-1] for words in into_image] == ["requirements.lock", "dist/*.whl"]
    assert "--require-hashes" in into_image[0]
    assert "--no-deps" in into_image[1]
    # Our folders are named one by one, so that none is forgotten and no other is shipped.
    # The change log stands on a page of the documentation.
    named = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "version.txt"}
    named |= {"requirements.lock", "requirements-build.lock"}
    assert copied == {*named, *PACKAGES}
    words = {one.word: one.text for one in last}
    assert words["USER"] == "10001"
    assert words["COPY"].startswith("--from=build /opt/topup ")


def test_the_locks_are_made_for_the_oldest_python_and_agree_on_what_builds() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [oldest] = re.findall(r'^requires-python = ">=([0-9.]+)"$', project, re.MULTILINE)
    build = (ROOT / "requirements-build.lock").read_text(encoding="utf-8").partition("\n")[2]

    assert f"--universal --python-version {oldest} " in (ROOT / "Makefile").read_text("utf-8")
    assert build.startswith("setuptools==")
    assert build in (ROOT / "requirements-dev.lock").read_text("utf-8")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_topup_as_its_own_user_and_may_write_little(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]  # as systemd has them
    unit.read(path, encoding="utf-8")
    service = unit["Service"]

    assert service["User"] == service["Group"] == "topup"
    assert service["WorkingDirectory"] == "/var/lib/topup"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert service["CapabilityBoundingSet"] == ""
    if service.get("Type") != "oneshot":
        assert int(service["LimitNOFILE"]) == 65536
        assert int(service["TimeoutStopSec"]) == 45
        assert service["ExecStart"].startswith("/opt/topup/current/bin/topup ")


def jobs() -> dict[str, Any]:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    found: dict[str, Any] = workflow["jobs"]
    return found


def test_the_workflow_names_each_action_by_commit_and_leaves_no_token_behind() -> None:
    steps = [one for job in jobs().values() for one in job["steps"] if "uses" in one]

    assert steps
    for one in steps:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one["uses"])
        assert one["with"]["persist-credentials"] is False


def test_the_workflow_runs_scripts_and_targets_that_are_there() -> None:
    lines = [one.get("run", "") for job in jobs().values() for one in job["steps"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"bash (\S+)", "\n".join(lines))
    targets = re.findall(r"make ([a-z-]+)", "\n".join(lines))

    assert scripts
    assert [one for one in scripts if not (ROOT / one).exists()] == []
    assert targets
    assert [one for one in targets if f"\n{one}: " not in makefile] == []


def test_a_container_of_the_workflow_is_told_that_the_checkout_is_safe() -> None:
    """Its owner is the runner's user; git refuses it to the container's root, and then no version is known."""
    for job in jobs().values():
        before = [one.get("run", "") for one in job["steps"][:1]]
        assert ("container" in job) == any("--system --add safe.directory" in one for one in before)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    certify(tmp_path)
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    # Ports that anybody may open, and which nobody has.
    text = re.sub(r"(listen (?:\[::\]:)?)(443|80)\b", r"\g<1>58\g<2>", text)
    text = text.replace("/etc/ssl/topup", str(tmp_path))
    (tmp_path / "topup.conf").write_text(text, encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/topup.conf; }}\n",
        encoding="utf-8",
    )

    said = subprocess.run(
        ["nginx", "-t", "-q", "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy")
def test_caddy_takes_its_file() -> None:
    words = ["caddy", "adapt", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    said = subprocess.run(words, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr


def certify(folder: Path) -> None:
    name = folder / "pay.example.com"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    words = f"openssl req -x509 {key} -subj /CN=x -keyout {name}.key -out {name}.pem"
    subprocess.run(shlex.split(words), check=True, capture_output=True)
