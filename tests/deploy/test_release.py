"""`make release` in a copy of this tree, as docs/releasing.md has it."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from kernel import version
from tests.support.installation import ROOT

pytestmark = pytest.mark.long


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words], cwd=folder, capture_output=True, text=True, check=False)


def git(folder: Path, *words: str) -> str:
    done = run(folder, "git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def release(folder: Path, number: str) -> subprocess.CompletedProcess[str]:
    # An annotated tag has a tagger.
    names = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
    return run(
        folder,
        "env",
        *(f"{k}={v}" for k, v in names.items()),
        sys.executable,
        ".ci/release",
        number,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with this tree as its only commit, its change log ready for 0.1.0."""
    folder = tmp_path / "source"
    folder.mkdir()
    tracked = run(ROOT, "git", "ls-files", "-z").stdout.split("\0")
    names = [name for name in tracked if name and not name.startswith(("tests/", "clients/"))]
    there = "\0".join(name for name in names if (ROOT / name).exists())
    subprocess.run(
        ["cp", "--parents", "--target-directory", folder, *there.split("\0")], cwd=ROOT, check=True
    )
    (folder / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-11-25\n\n- It sends.\n\n## 0.0.1\n\n- Not this.\n",
        encoding="utf-8",
    )
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.mark.sampled(2, of="packages")
def test_a_release_is_tagged_and_each_of_its_files_names_it(source: Path, tmp_path: Path) -> None:
    done = release(source, "0.1.0")

    assert done.returncode == 0, done.stderr
    dist = source / "dist"
    assert git(source, "tag", "--points-at", "HEAD") == "v0.1.0"
    assert (dist / "notes.md").read_text(encoding="utf-8") == "- It sends.\n"
    lines = (dist / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in lines] == [
        "notes.md",
        "sbom.json",
        "topup-gateway-0.1.0.tar.gz",
        "topup-gateway-chart-0.1.0.tgz",
        "topup_gateway-0.1.0-py3-none-any.whl",
    ]
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(dist / "topup_gateway-0.1.0-py3-none-any.whl") as wheel:
        facts = wheel.read("topup_gateway-0.1.0.dist-info/METADATA").decode()
    assert "\nVersion: 0.1.0\n" in facts
    subprocess.run(["tar", "-xf", dist / "topup-gateway-0.1.0.tar.gz", "-C", tmp_path], check=True)
    assert version.of_source(tmp_path / "topup-gateway-0.1.0") == "0.1.0"
    with tarfile.open(dist / "topup-gateway-chart-0.1.0.tgz") as chart:
        names = chart.getnames()
        facts = yaml.safe_load(chart.extractfile("topup-gateway/Chart.yaml"))
    assert "topup-gateway/templates/gateway.yaml" in names
    assert (facts["version"], facts["appVersion"]) == ("0.1.0", "0.1.0")


def test_what_is_not_ready_is_refused_with_every_reason_and_nothing_is_made(source: Path) -> None:
    (source / "README.md").write_text("changed", encoding="utf-8")
    changes = source / "CHANGELOG.md"
    text = changes.read_text(encoding="utf-8")
    changes.write_text(
        text.replace("## Unreleased\n", "## Unreleased\n\n## [unreleased] \n\n- Left behind.\n"),
        "utf-8",
    )

    done = release(source, "0.2.0")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Nothing was made.",
        "version.txt has another base version. Write `base: 0.2.0` and commit it.",
        "deploy/helm/topup-gateway/Chart.yaml has another version. Set both to 0.2.0.",
        "CHANGELOG.md has no section `## 0.2.0 - YYYY-MM-DD` with text. Write it first.",
        "CHANGELOG.md has text under *Unreleased*. Move it to the section of 0.2.0.",
        "The tree has changes that are not committed. Commit or remove them.",
    ]
    assert git(source, "tag") == ""
    assert not (source / "dist").exists()


def test_a_release_is_never_made_twice(source: Path) -> None:
    git(source, "tag", "v0.1.0")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "more")

    done = release(source, "0.1.0")

    assert done.returncode == 1
    assert "The tag v0.1.0 exists." in done.stderr
    assert git(source, "rev-parse", "v0.1.0") != git(source, "rev-parse", "HEAD")


def test_the_tag_goes_again_when_a_step_fails(source: Path) -> None:
    pyproject = source / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text(encoding="utf-8").replace(
            "kernel.version.of_source", "kernel.version.missing"
        ),
        encoding="utf-8",
    )
    git(source, "commit", "--quiet", "--all", "--message", "broken")

    done = release(source, "0.1.0")

    assert done.returncode == 1
    assert "failed:" in done.stderr
    assert git(source, "tag") == ""
