"""Configuration: a TOML file, the environment over it, and errors that name key and remedy."""

from pathlib import Path

import pytest

from maskwatch.config import Settings, load_settings
from maskwatch.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for section in Settings.model_fields:
        monkeypatch.delenv(f"MASKWATCH_{section.upper()}", raising=False)
    monkeypatch.delenv("MASKWATCH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def _error(path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_without_a_file_the_defaults_are_used() -> None:
    settings = load_settings()
    assert settings.web.host == "127.0.0.1"
    assert settings.database_url.startswith("sqlite:////")
    assert settings.zone.key == "UTC"


def test_the_file_in_the_current_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "maskwatch.toml").write_text("[web]\nport = 9001\n")
    assert load_settings().web.port == 9001


def test_a_named_file_goes_before_the_one_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maskwatch.toml").write_text("[web]\nport = 9001\n")
    monkeypatch.setenv("MASKWATCH_CONFIG", str(_file(tmp_path, "[web]\nport = 9002\n")))
    assert load_settings().web.port == 9002


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, "[web]\nport = 9001\nthreads = 8\n[site]\nname = 'Mall'\n")
    monkeypatch.setenv("MASKWATCH_WEB__PORT", "9003")
    settings = load_settings(path)
    assert (settings.web.port, settings.web.threads) == (9003, 8)
    assert settings.site.name == "Mall"


def test_cameras_are_read_from_the_file(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "[[cameras]]\nname = 'door'\nurl = 'rtsp://10.0.0.5/stream'\npassword = 'p@ss:w/rd'\n",
    )
    (camera,) = load_settings(path).cameras
    assert camera.password.get_secret_value() == "p@ss:w/rd"
    assert "p@ss" not in repr(camera)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    message = _error(tmp_path / "nowhere.toml")
    assert "nowhere.toml" in message
    assert "deploy/maskwatch.example.toml" in message


def test_broken_toml_is_named_with_its_place(tmp_path: Path) -> None:
    message = _error(_file(tmp_path, "[web\nport = 1\n"))
    assert "site.toml" in message
    assert "line 1" in message


def test_a_file_that_is_no_text_is_no_valid_toml(tmp_path: Path) -> None:
    path = tmp_path / "picture.toml"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    assert "no valid TOML" in _error(path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[web]\nport = 'abc'\n", ["web.port = 'abc'", "integer"]),
        ("[web]\nport = 70000\n", ["web.port = 70000", "65535"]),
        ("[redis]\nmaxmemory_mb = 1\n", ["redis.maxmemory_mb = 1", "64"]),
        ("log_level = 'loud'\n", ["log_level = 'loud'", "'WARNING'"]),
        ("[site]\ntimezone = 'Paris'\n", ["site.timezone", "'Paris'", "Europe/Paris"]),
        ("[site]\ntimezone = 'Europe'\n", ["site.timezone", "'Europe'", "is no time zone"]),
        ("[retention]\nfootage_days = 36501\n", ["retention.footage_days = 36501", "36500"]),
        ("[retention]\npassages_days = 999999\n", ["retention.passages_days", "36500"]),
        ("[retention]\nminutes_days = 999999\n", ["retention.minutes_days", "36500"]),
        ("[ingest]\nbackoff_min_s = 99\n", ["backoff_min_s = 99", "backoff_max_s = 60"]),
        ("[workers]\ndevice = 'tpu'\n", ["workers.device = 'tpu'", "'gpu'"]),
        ("[[cameras]]\nname = 'a'\n", ["cameras.0.url", "required"]),
    ],
)
def test_a_bad_value_is_named_with_key_value_and_remedy(
    tmp_path: Path, text: str, named: list[str]
) -> None:
    message = _error(_file(tmp_path, text))
    assert "site.toml" in message
    for part in named:
        assert part in message


def test_a_misspelt_key_is_refused_and_the_right_one_proposed(tmp_path: Path) -> None:
    message = _error(_file(tmp_path, "[web]\nprot = 8080\n"))
    assert "web.prot" in message
    assert "did you mean 'port'" in message


def test_a_misspelt_camera_key_is_refused_without_its_value(tmp_path: Path) -> None:
    message = _error(
        _file(tmp_path, "[[cameras]]\nname='a'\nulr='rtsp://joe:hush@h/'\nurl='rtsp://h/'\n")
    )
    assert "did you mean 'url'" in message
    assert "hush" not in message


def test_a_bad_variable_is_named_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_WEB__PORT", "abc")
    message = _error()
    assert "environment variable MASKWATCH_WEB__PORT" in message
    assert "'abc'" in message


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_WBE__PORT", "9000")
    assert "did you mean 'web'" in _error()


def test_a_variable_that_should_be_json_is_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MASKWATCH_CAMERAS", "[{")
    assert "cameras" in _error()


@pytest.mark.parametrize(
    "text",
    [
        "[storage]\nurl = ['postgresql://u:hush@h/d']\n",
        "[redis]\nurl = ['redis://:hush@h']\n",
        "[web]\nsecret_key = ['hush']\n",
        "[[cameras]]\nname = 'a'\nurl = 'x'\npassword = ['hush']\n",
    ],
)
def test_a_secret_is_never_shown_in_an_error(tmp_path: Path, text: str) -> None:
    assert "hush" not in _error(_file(tmp_path, text))


def test_secrets_are_not_in_the_representation(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "[storage]\nurl = 'postgresql://u:hush@h/d'\n[redis]\nurl = 'redis://:hush@h'\n"
        "[web]\npassword_hash = 'hush'\nsecret_key = 'hush'\n",
    )
    settings = load_settings(path)
    assert "hush" in settings.database_url
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(_file(tmp_path, "data_dir = '~/mall'\n")).data_dir == tmp_path / "mall"
