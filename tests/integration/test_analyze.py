"""`maskwatch analyze` as a user runs it: real files, the built-in networks."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from maskwatch.cli import main
from maskwatch.config import load_settings
from maskwatch.storage import open_database
from maskwatch.storage.jobs import JobStore
from tests.support.pictures import smooth, write_sound, write_video

CLIPS = Path(__file__).parents[3] / "shared" / "clips"
KEYS = {"source", "frame", "time_s", "width", "height", "faces"}


@pytest.fixture(autouse=True)
def _plain_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKWATCH_DATA_DIR", str(tmp_path / "data"))


@dataclass(frozen=True)
class Done:
    """How the command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs `maskwatch analyze` with these arguments."""

    def __call__(self, *arguments: str) -> Done: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["analyze", *arguments])
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return call


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _portrait() -> Image.Image:
    """A face of the public domain that ships inside a package."""
    data = pytest.importorskip("skimage.data")
    return Image.fromarray(data.astronaut())


@pytest.fixture
def portrait() -> Image.Image:
    return _portrait()


def _save_all_kinds(portrait: Image.Image) -> list[str]:
    """The same picture as every kind of file; returns the names."""
    deep = np.asarray(portrait.convert("L")).astype(np.uint16) * 257
    cv2.imwrite("deep.png", deep)
    portrait.save("plain.jpg", quality=95)
    portrait.save("plain.webp", quality=90)
    portrait.save("plain.bmp")
    portrait.save("plain.tiff")
    portrait.save("plain.gif")
    portrait.convert("L").save("grey.png")
    portrait.convert("RGBA").save("alpha.png")
    portrait.convert("CMYK").save("cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    portrait.transpose(Image.Transpose.ROTATE_90).save("turned.jpg", quality=95, exif=exif)
    return sorted(path.name for path in Path().iterdir() if path.suffix)


def test_every_kind_of_picture_gives_the_same_face(portrait: Image.Image, run: Run) -> None:
    names = _save_all_kinds(portrait)
    done = run(*names, "--json", "-")
    assert done.returncode == 0, done.stderr
    lines = _lines(done.stdout)
    assert [line["source"] for line in lines] == names
    assert len(names) == 10
    for line in lines:
        assert set(line) == KEYS
        assert (line["width"], line["height"], line["frame"]) == (512, 512, 0)
        (face,) = line["faces"]
        assert set(face) == {"box", "score", "label", "probabilities"}
        assert face["box"] == pytest.approx([182, 58, 275, 174], abs=12)
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert set(face["probabilities"]) == {"mask", "no_mask", "incorrect"}


def test_small_huge_and_faceless_pictures_are_no_failure(run: Run) -> None:
    Image.new("RGB", (16, 16), "white").save("tiny.png")
    Image.fromarray(cv2.resize(smooth(), (7680, 4320))).save("8k.jpg", quality=80)
    done = run("tiny.png", "8k.jpg", "--json", "-")
    assert done.returncode == 0, done.stderr
    sizes = [(line["width"], line["height"]) for line in _lines(done.stdout)]
    assert sizes == [(16, 16), (7680, 4320)]


def test_bad_files_are_named_and_passed_over(portrait: Image.Image, run: Run) -> None:
    whole = io.BytesIO()
    portrait.save(whole, "JPEG")
    Path("cut.jpg").write_bytes(whole.getvalue()[:5000])
    Path("empty.png").write_bytes(b"")
    Path("words.mp4").write_text("no video at all\n" * 100)
    write_sound(Path("sound.m4a"))
    portrait.save("good.jpg")
    bad = ["missing.jpg", "cut.jpg", "empty.png", "words.mp4", "sound.m4a"]
    done = run(*bad, "good.jpg", "--json", "out.jsonl")
    assert done.returncode == 1
    told = done.stderr.splitlines()
    for name in bad:
        assert sum(name in line for line in told) == 1, (name, told)
    assert all(line.startswith("maskwatch: ") for line in told)
    assert [line["source"] for line in _lines(Path("out.jsonl").read_text())] == ["good.jpg"]
    assert "5 files failed" in done.stdout


def test_json_on_stdout_is_nothing_but_json(portrait: Image.Image, run: Run) -> None:
    portrait.save("a.jpg")
    done = run("a.jpg", "--json", "-")
    assert len(_lines(done.stdout)) == 1
    assert "1 picture: 1 face" in done.stderr


def test_a_low_threshold_gives_every_candidate(portrait: Image.Image, run: Run) -> None:
    portrait.save("a.jpg")
    few, many = (
        _lines(run("a.jpg", "--json", "-", "--min-score", score).stdout)[0]["faces"]
        for score in ("0.9", "0.02")
    )
    assert len(few) <= 1 < len(many)
    scores = [face["score"] for face in many]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) < 0.3


def test_a_picture_is_looked_at_several_times_unless_quick(portrait: Image.Image, run: Run) -> None:
    portrait.save("one.png")
    careful, quick = (
        json.loads(run("one.png", "--json", "-", *more).stdout)["faces"]
        for more in ([], ["--quick"])
    )
    assert len(careful) == len(quick) == 1
    assert careful[0]["score"] != quick[0]["score"]
    assert careful[0]["box"] == pytest.approx(quick[0]["box"], abs=8)


def test_a_video_is_thinned_and_ends_with_its_totals(run: Run) -> None:
    write_video(Path("v.mp4"), seconds=2.0, fps=25)
    done = run("v.mp4", "--json", "-", "--fps", "5")
    assert done.returncode == 0, done.stderr
    *frames, summary = _lines(done.stdout)
    assert [frame["frame"] for frame in frames] == list(range(0, 50, 5))
    assert [frame["time_s"] for frame in frames] == pytest.approx([n / 5 for n in range(10)])
    assert all(set(frame) == KEYS for frame in frames)
    assert summary == {
        "source": "v.mp4",
        "passages": [],
        "totals": {"mask": 0, "no_mask": 0, "incorrect": 0, "unreadable": 0},
    }


def test_a_person_in_a_video_is_one_passage(portrait: Image.Image, run: Run) -> None:
    face = np.asarray(portrait)[..., ::-1]
    with av.open("walk.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 1024, 512, "yuv420p"
        for n in range(20):
            scene = np.full((512, 1024, 3), 60, np.uint8)
            scene[:, 20 * n : 20 * n + 512] = face
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene, format="bgr24")))
        container.mux(stream.encode(None))
    summary = _lines(run("walk.mp4", "--json", "-").stdout)[-1]
    (passage,) = summary["passages"]
    assert set(passage) == {"start_s", "end_s", "verdict", "looks"}
    assert passage["looks"] >= 15
    assert passage["start_s"] <= 0.3 < 1.5 <= passage["end_s"]
    assert sum(summary["totals"].values()) == summary["totals"][passage["verdict"]] == 1


def test_a_video_that_is_cut_off_fails_and_keeps_what_could_be_read(run: Run) -> None:
    write_video(Path("whole.ts"), seconds=4.0)
    write_video(Path("whole.mkv"), seconds=4.0)
    data = Path("whole.mkv").read_bytes()
    Path("cut.mkv").write_bytes(data[: len(data) // 2])
    done = run("cut.mkv", "--json", "-")
    assert done.returncode == 1
    assert "cut.mkv" in done.stderr
    lines = _lines(done.stdout)
    assert len(lines) > 5
    assert "totals" in lines[-1]


def test_annotated_copies_keep_their_kind_and_never_replace_the_original(
    portrait: Image.Image, run: Run
) -> None:
    Path("in/deep").mkdir(parents=True)
    portrait.save("in/a.png")
    portrait.save("in/deep/a.png")
    write_video(Path("in/v.mkv"), seconds=1.0)
    before = Path("in/a.png").read_bytes()
    done = run("in", "--out", "copies")
    assert done.returncode == 0, done.stderr
    copies = sorted(str(p.relative_to("copies")) for p in Path("copies").rglob("*.*"))
    assert copies == ["in/a.png", "in/deep/a.png", "in/v.mp4"]
    drawn = np.asarray(Image.open("copies/in/a.png"))
    assert drawn.shape == (512, 512, 3)
    assert (drawn != np.asarray(portrait)).any()
    with av.open("copies/in/v.mp4") as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in video.decode(video=0)) == 10
    again = run("in/a.png", "--out", "in")
    assert again.returncode == 1
    assert "would replace it" in again.stderr
    assert Path("in/a.png").read_bytes() == before


def test_two_files_of_one_name_get_two_copies(portrait: Image.Image, run: Run) -> None:
    for folder in ("one", "two"):
        Path(folder).mkdir()
        portrait.save(f"{folder}/a.jpg")
    assert run("one/a.jpg", "two/a.jpg", "--out", "copies").returncode == 0
    assert sorted(p.name for p in Path("copies").iterdir()) == ["a-2.jpg", "a.jpg"]


def test_an_output_that_cannot_be_written_is_one_line(portrait: Image.Image, run: Run) -> None:
    portrait.save("a.jpg")
    for arguments in (["--json", "no/folder/out"], ["--json", "/dev/full"], ["--out", "a.jpg/x"]):
        done = run("a.jpg", *arguments)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr


def test_wrong_usage_is_code_2(run: Run) -> None:
    assert run().returncode == 2
    assert run("a.jpg", "--min-score", "1.5").returncode == 2
    assert run("a.jpg", "--enqueue", "--json", "-").returncode == 2


def test_footage_left_to_the_jobs_waits_in_the_database(portrait: Image.Image, run: Run) -> None:
    portrait.save("a.jpg")
    done = run("a.jpg", "missing.jpg", "--enqueue")
    assert done.returncode == 1
    assert "missing.jpg" in done.stderr
    job_id, name = done.stdout.split()
    assert name == "a.jpg"
    engine = open_database(load_settings())
    (job,) = JobStore(engine).open()
    engine.dispose()
    assert job.id == job_id
    assert job.arguments["path"] == str(Path("a.jpg").absolute())


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the footage for measuring is not on this machine")
@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("carpark_b_masked.mp4", "mask"),
        ("indoor_head_pose_face_detection_female_and_male_unmasked.mp4", "no_mask"),
    ],
)
def test_real_footage_is_read_as_people_would(run: Run, clip: str, expected: str) -> None:
    summary = _lines(run(str(CLIPS / clip), "--json", "-").stdout)[-1]
    assert summary["totals"][expected] >= 1
    assert summary["totals"][expected] == sum(summary["totals"].values())
