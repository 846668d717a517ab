"""The command line itself: what loads when, and how failures are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from maskwatch import cli
from maskwatch.errors import ConfigError
from maskwatch.lazy_group import Entry

HEAVY = ("av", "cv2", "flask", "keras", "numpy", "onnxruntime", "redis", "scipy", "sqlalchemy")


def _run(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "maskwatch", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_and_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from maskwatch.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    for name in cli.COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_of_the_table_exists_and_has_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert "Usage: maskwatch" in capsys.readouterr().out


def test_wrong_usage_exits_with_two() -> None:
    done = _run("up", "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr


def test_an_unknown_command_exits_with_two() -> None:
    done = _run("upp")
    assert done.returncode == 2
    assert "No such command 'upp'" in done.stderr


def test_a_failure_is_one_line_on_stderr_and_exit_code_one(tmp_path: Path) -> None:
    done = _run("up", "--config", str(tmp_path / "nowhere.toml"))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("maskwatch: configuration file")


def _with_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    (tmp_path / "sample_command.py").write_text(
        f"import click\n\n@click.command()\ndef sample():\n    {body}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sample_command", raising=False)
    monkeypatch.setitem(cli.COMMANDS, "sample", Entry("sample_command", "sample", ""))


@pytest.mark.parametrize(
    ("body", "extra"),
    [("raise ModuleNotFoundError(name='keras.layers')", "train"),
     ("raise ModuleNotFoundError(name='skimage')", "demo"),
     ("raise ModuleNotFoundError(name='torch')", "train,torch")],
)  # fmt: skip
def test_a_missing_library_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    body: str,
    extra: str,
) -> None:
    _with_command(monkeypatch, tmp_path, body)
    with pytest.raises(SystemExit) as end:
        cli.main(["sample"])
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"pip install 'maskwatch[{extra}]'" in line
    assert ("PyTorch's CPU build" in line) is ("torch" in extra)


def test_a_missing_module_of_our_own_is_a_defect_and_not_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _with_command(monkeypatch, tmp_path, "import maskwatch.no_such_module")
    with pytest.raises(ModuleNotFoundError):
        cli.main(["sample"])


def test_our_own_errors_are_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _with_command(
        monkeypatch, tmp_path,
        f"from {ConfigError.__module__} import ConfigError; raise ConfigError('the reason')",
    )  # fmt: skip
    with pytest.raises(SystemExit) as end:
        cli.main(["sample"])
    assert end.value.code == 1
    assert capsys.readouterr().err == "maskwatch: the reason\n"


def test_a_reader_that_leaves_early_causes_no_second_error() -> None:
    code = "from maskwatch.cli import main; main(['--help'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert b"Traceback" not in program.stderr.read()


def test_the_version_is_told() -> None:
    done = _run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("maskwatch, version ")
