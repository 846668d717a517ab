"""A configuration handed to a child arrives as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from maskwatch.config import RedisSettings, SeedCamera, Settings, WebSettings, load_settings
from maskwatch.supervisor.environment import child_environment, settings_environment

SETTINGS = Settings(
    data_dir=Path("/srv/mask watch"),
    log_level="DEBUG",
    web=WebSettings(port=1234, password_hash=SecretStr("hash$1")),
    redis=RedisSettings(url=SecretStr("redis://:p%40ss@h/0")),
    cameras=(SeedCamera(name="door", url="rtsp://h/", password=SecretStr('q"uo:te')),),
)


def test_the_environment_gives_the_same_settings_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_environment(SETTINGS).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == SETTINGS


def test_a_file_in_the_childs_folder_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "maskwatch.toml").write_text("[web]\nport = 9\nunknown = 1\n")
    monkeypatch.chdir(tmp_path)
    for name, value in settings_environment(SETTINGS).items():
        monkeypatch.setenv(name, value)
    assert load_settings().web.port == 1234


def test_variables_of_the_parent_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_WEB__PORT", "9999")
    environment = child_environment(SETTINGS, role="work-2")
    assert "MASKWATCH_WEB__PORT" not in environment
    assert environment["MASKWATCH_ROLE"] == "work-2"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_child_imports_our_packages_wherever_the_user_stands(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    code = "import web, maskwatch.config; print(maskwatch.config.load_settings().web.port)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=child_environment(SETTINGS, role="web"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1234\n", done.stderr
