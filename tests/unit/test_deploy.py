"""deploy/: what can be checked of it without Docker, systemd or a GPU."""

import configparser
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command, Context
from pydantic import BaseModel

from maskwatch.cli import COMMANDS, cli
from maskwatch.config import SeedCamera, Settings, load_settings

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name not in ("redis", "postgres")]


def _check_command(words: list[str]) -> None:
    """Have click read a maskwatch command line without running it."""
    name, *arguments = words
    assert name in COMMANDS
    command = cli.get_command(Context(cli), name)
    assert isinstance(command, Command)
    command.make_context(name, list(arguments))


def test_the_example_configuration_is_made_of_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for section in Settings.model_fields:
        monkeypatch.delenv(f"MASKWATCH_{section.upper()}", raising=False)
    assert load_settings(DEPLOY / "maskwatch.example.toml") == Settings()


def test_the_example_configuration_shows_every_setting() -> None:
    text = (DEPLOY / "maskwatch.example.toml").read_text()
    # Taking the "# " off the optional parts must leave a file that still loads.
    shown = tomllib.loads(re.sub(r"(?m)^# (?=\[\[|\w+ = )", "", text))
    for name, field in Settings.model_fields.items():
        kind = SeedCamera if name == "cameras" else field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            content = shown[name][0] if name == "cameras" else shown[name]
            assert set(content) == set(kind.model_fields), name
        else:
            assert name in shown
    Settings(**shown)


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    _check_command(SERVICES[name]["command"])


def test_every_role_has_a_service() -> None:
    commands = {SERVICES[name]["command"][0] for name in OURS}
    assert commands == {"ingest", "work", "record", "jobs", "web"}


def test_workers_run_by_profile() -> None:
    assert SERVICES["worker-cpu"]["profiles"] == ["cpu"]
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    devices = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_has_a_health_check(name: str) -> None:
    test = SERVICES[name]["healthcheck"]["test"]
    assert test[0] == "CMD"
    if test[1] == "maskwatch":
        _check_command(test[2:])


def test_what_a_service_waits_for_exists_and_has_a_health_check() -> None:
    for service in SERVICES.values():
        for wanted, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[wanted]


@pytest.mark.parametrize("name", OURS)
def test_a_services_environment_is_a_valid_configuration(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for key, value in SERVICES[name]["environment"].items():
        # ${NAME:?why} and ${NAME:-default}, as Compose fills them in
        filled = re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value)
        monkeypatch.setenv(key, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled))
    settings = load_settings()
    assert settings.redis.url.get_secret_value() == "redis://:secret@redis:6379/0"
    assert "@postgres:5432/" in settings.database_url


def test_an_upload_goes_to_a_volume_that_web_and_jobs_share() -> None:
    (folder,) = re.findall(r"MASKWATCH_DATA_DIR=(\S+)", (DEPLOY / "Dockerfile").read_text())
    for name in OURS:
        assert SERVICES[name]["volumes"] == [f"data:{folder}"]
        assert "MASKWATCH_DATA_DIR" not in SERVICES[name]["environment"]
        # The rest cannot be written, or is memory and small.
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["tmpfs"] == ["/tmp:size=64m"]
    assert "data" in COMPOSE["volumes"]


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if any(word in key for word in ("PASSWORD", "SECRET", "AUTH", "URL")):
                assert "${" in value, key


def test_the_page_is_published_on_loopback_only() -> None:
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8080:8080"]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.gpu"])
def test_a_dockerfile_runs_as_nobody_special_and_checks_its_health(name: str) -> None:
    lines = _instructions(DEPLOY / name)
    users = [words for instruction, words in lines if instruction == "USER"]
    assert users[-1] == "10001"
    (health,) = [words for instruction, words in lines if instruction == "HEALTHCHECK"]
    assert "CMD" in health
    (command,) = [words for instruction, words in lines if instruction == "CMD"]
    _check_command(yaml.safe_load(command))


def test_every_file_that_the_image_copies_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copied = []
    for instruction, words in _instructions(DEPLOY / "Dockerfile"):
        if instruction == "COPY" and not words.startswith("--from"):
            copied += [path.rstrip("/") for path in words.split()[:-1]]
    assert {"pyproject.toml", "maskwatch", "models", "requirements"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists(), path
        assert path in allowed, path


def test_the_image_holds_every_package_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    text = (DEPLOY / "Dockerfile").read_text()
    for package in packages:
        assert f"COPY {package}/ {package}/" in text


def test_the_image_installs_locked_versions() -> None:
    assert "--requirement requirements/server.txt" in (DEPLOY / "Dockerfile").read_text()
    assert (ROOT / "requirements" / "server.txt").is_file()


def test_the_systemd_unit_starts_a_command_that_exists() -> None:
    unit = _unit()
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/bin/maskwatch")
    _check_command(arguments)
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_systemd_unit_is_hardened() -> None:
    service = _unit()["Service"]
    assert service["User"] == "maskwatch"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert service["CapabilityBoundingSet"] == ""
    # The file decides: a folder set here would be unknown to the commands.
    assert "Environment" not in service


def test_the_steps_of_the_page_install_a_configuration_for_service_and_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASKWATCH_DATA_DIR", raising=False)
    service = _unit()["Service"]
    steps, commands, *_ = _systemd_blocks()
    config = tmp_path / "etc" / "maskwatch" / "maskwatch.toml"
    for step in steps:
        if step.startswith(("install ", "sed ")):
            _shell(step.replace("--group maskwatch ", "").replace(" /etc/", f" {tmp_path}/etc/"))

    assert config.stat().st_mode & 0o777 == 0o640
    # What may not be written must not be the data folder.
    assert load_settings(config).data_dir == Path("/var/lib") / service["StateDirectory"]
    program, _, *_ = shlex.split(service["ExecStart"])
    for line in commands:
        assert line.startswith(f"sudo -u {service['User']} {program} ")
        assert line.endswith(" --config /etc/maskwatch/maskwatch.toml")
        _check_command(shlex.split(line)[4:])
    assert service["ExecStart"].endswith(" --config /etc/maskwatch/maskwatch.toml")


def test_the_secrets_of_the_service_reach_a_command(tmp_path: Path) -> None:
    *_, (make, write, use) = _systemd_blocks()
    secrets = "/etc/maskwatch/secrets.env"
    assert _unit()["Service"]["EnvironmentFile"] == f"-{secrets}"
    command = tmp_path / "command"
    command.write_text(
        '#!/bin/sh\necho "$MASKWATCH_WEB__PASSWORD_HASH" "$MASKWATCH_STORAGE__URL" "$@"\n'
    )
    command.chmod(0o700)

    def here(line: str) -> str:
        line = line.replace("--group maskwatch ", "").removeprefix("sudo -u maskwatch -- ")
        line = line.replace("/opt/maskwatch/bin/maskwatch", str(command))
        return line.replace(secrets, str(tmp_path / "secrets.env"))

    _shell(here(make))
    _shell(here(write))
    with (tmp_path / "secrets.env").open("a") as file:
        file.write("MASKWATCH_WEB__PASSWORD_HASH='scrypt:32768:8:1$salt$hash'\n")
    assert _shell(here(use)).split() == [
        "scrypt:32768:8:1$salt$hash", "postgresql://user:password@host/name",
        *["camera", "list", "--config", "/etc/maskwatch/maskwatch.toml"],
    ]  # fmt: skip


def _systemd_blocks() -> list[list[str]]:
    """The lines of each block of commands below "Under systemd"."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("### Under systemd")[2].partition("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"(?ms)^```\n(.*?)^```", section)]


def _shell(line: str) -> str:
    return subprocess.run(
        ["sh", "-c", line], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def _unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd minds the case
    parser.read(DEPLOY / "systemd" / "maskwatch.service")
    return parser


def _instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text()).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(instruction, words) for instruction, words in lines]
