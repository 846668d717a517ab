"""The wheel and the sdist hold what they must, and nothing else."""

import importlib.metadata
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {"ingest", "maskwatch", "models", "training", "web", "workers"}

pytest.importorskip("hatchling", reason="needs the extra [dev]")


def _build(kind: str, source: Path, into: Path) -> Path:
    """Build without a network: hatchling itself, no environment of its own."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(into)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = into.iterdir()
    return built


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def _tracked(*patterns: str) -> set[str]:
    """Files of the repository, as git knows them; skips where there is no repository."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not in a git checkout")
    return {name for name in done.stdout.decode().split("\0") if name}


def test_the_wheel_has_exactly_our_top_level_names(wheel: Path) -> None:
    top = {name.split("/")[0] for name in _names(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize(
    "pattern",
    [
        "web/templates/*.html",
        "web/static/**",
        "models/weights/*.onnx",
        "models/weights/*.json",
        "maskwatch/storage/migrations/**",
        "training/recipes/*",
    ],
)
def test_the_wheel_holds_more_than_python_files(wheel: Path, pattern: str) -> None:
    files = _tracked(f":(glob){pattern}")
    assert files, pattern
    assert files <= _names(wheel)


def test_the_wheel_holds_every_file_of_our_packages(wheel: Path) -> None:
    assert _tracked(*PACKAGES) <= _names(wheel)


def test_the_wheel_names_licence_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "maskwatch = maskwatch.cli:main" in archive.read(entry).decode()
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_the_wheel_has_the_version_that_a_checkout_shows(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_installed(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", never_installed)
    shown = runpy.run_path(str(ROOT / "maskwatch" / "__init__.py"))["__version__"]
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        assert f"Version: {shown}" in archive.read(entry).decode().splitlines()


def test_a_light_install_asks_for_no_training_library(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = archive.read(entry).decode().splitlines()
    core = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert any("onnxruntime" in line for line in core)
    for library in ("tensorflow", "keras", "torch", "matplotlib", "scikit-image"):
        assert not any(line.startswith(f"Requires-Dist: {library}") for line in core)


def test_the_sdist_holds_all_that_is_needed_to_build_and_test(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = _tracked(*PACKAGES, "tests", "docs", "deploy", "requirements", "*.md", "Makefile")
    assert wanted <= names
    assert not any(name.startswith((".venv", "runs", "maskwatch-data")) for name in names)


def test_the_wheel_built_from_the_sdist_is_the_same(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert _names(_build("wheel", source, tmp_path / "wheel")) == _names(wheel)


def test_the_lock_fits_the_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    core = project["dependencies"]
    for file, wanted in {
        "demo": core + extras["demo"],
        "server": core + extras["postgres"],
        "all": core + extras["demo"] + extras["dev"] + extras["postgres"] + extras["train"],
    }.items():
        _check_lock(ROOT / "requirements" / f"{file}.txt", wanted)


def _check_lock(path: Path, wanted: list[str]) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    locked = {}
    for line in path.read_text().splitlines():
        name, _, version = line.partition("==")
        assert version, f"{path.name}: {line!r} is no exact version"
        locked[canonicalize_name(name)] = version
    for text in wanted:
        requirement = Requirement(text)
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{path.name}: {text} against {version}"


def test_the_locks_agree_with_each_other() -> None:
    everything = set((ROOT / "requirements" / "all.txt").read_text().splitlines())
    for name in ("demo", "server"):
        assert set((ROOT / "requirements" / f"{name}.txt").read_text().splitlines()) <= everything
