"""`maskwatch up`: what can never work is told before anything is started."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskwatch.commands import up
from maskwatch.config import WorkerSettings
from maskwatch.doctor.settings import check_networks
from maskwatch.errors import MaskwatchError, ModelError
from models.mask_classifier import BUILTIN_CARD


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("[web]\npassword_hash = 'hush'", "maskwatch password"),
        ("[web]\nhost = '0.0.0.0'", "maskwatch password"),
        ("[web]\nhost = ''", "use '127.0.0.1'"),
        ("[redis]\nurl = 'http://:hush@x'", "redis.url is no address"),
        ("[redis]\njobs_url = 'http://:hush@x'", "redis.jobs_url is no address"),
        ("[redis]\nurl = 'redis://x/1'", "share one Redis database"),
        (
            "[workers]\ndetector = '/nowhere.onnx'",
            "workers.detector = '/nowhere.onnx': no such file",
        ),
        ("[workers]\nclassifier = 'mine'", "workers.classifier = 'mine'"),
        ("[workers]\ndetector = 'yunet:/nowhere.onnx'", "'yunet:/nowhere.onnx': no such file"),
    ],
)
def test_settings_that_can_never_work_end_up_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, says: str
) -> None:
    monkeypatch.setattr(up, "Supervisor", lambda *_, **__: pytest.fail("it was started"))
    file = tmp_path / "maskwatch.toml"
    file.write_text(f"data_dir = '{tmp_path / 'data'}'\n{section}\n")
    done = CliRunner().invoke(up.up, ["--config", str(file)])
    assert isinstance(done.exception, MaskwatchError)
    assert says in str(done.exception)
    assert "hush" not in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "data").exists()


def test_networks_are_checked_by_their_cards_and_files(tmp_path: Path) -> None:
    weights = BUILTIN_CARD.with_suffix(".onnx")
    card = shutil.copy(BUILTIN_CARD, tmp_path)
    mine = Path(shutil.copy(weights, tmp_path))
    check_networks(WorkerSettings())
    check_networks(WorkerSettings(classifier=str(mine)))
    with pytest.raises(ModelError, match="a face_detector is needed"):
        check_networks(WorkerSettings(detector=str(card)))
    mine.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match="cut short"):
        check_networks(WorkerSettings(classifier=str(mine)))
