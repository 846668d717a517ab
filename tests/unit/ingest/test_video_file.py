from pathlib import Path

import pytest

from ingest.video_file import VideoFile
from maskwatch.errors import MediaError
from tests.support.pictures import write_sound, write_video


def times(path: Path) -> list[float]:
    with VideoFile(path) as video:
        return [round(frame.media_time_s, 3) for frame in video]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")]
)
def test_every_picture_comes_with_its_time(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, seconds=1.0, codec=codec)
    assert times(path) == [round(number / 25, 3) for number in range(25)]


def test_size_rate_and_length_are_known(tmp_path: Path) -> None:
    with VideoFile(write_video(tmp_path / "a.mp4", seconds=2.0)) as video:
        info = video.info
        assert (info.width, info.height, info.codec, info.fps) == (320, 240, "h264", 25.0)
        assert info.duration_s == pytest.approx(2.0)
        first = next(iter(video))
        assert first.to_bgr().shape == (240, 320, 3)
        assert first.to_bgr(max_width=160).shape == (120, 160, 3)


def test_a_name_like_an_address_is_still_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "concat:a.mp4", seconds=0.2)
    assert len(times(Path("concat:a.mp4"))) == 5


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n" * 500, bytes(5000)])
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.mp4.*(no video|cut off)"):
        times(path)


def test_a_file_without_its_index_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", seconds=1.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"a\.mp4.*cut off"):
        times(path)


def test_a_cut_off_file_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", seconds=6.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = []
    with VideoFile(path) as video, pytest.raises(MediaError, match="cut off"):
        seen.extend(frame.media_time_s for frame in video)
    assert 50 < len(seen) < 100


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no video, only sound"):
        times(write_sound(tmp_path / "a.mp4"))


def test_an_unknown_codec_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", seconds=0.4)
    content = path.read_bytes()
    assert b"V_MPEG4/ISO/AVC" in content
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    with pytest.raises(MediaError, match="cannot be decoded"):
        times(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        times(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="folder"):
        times(tmp_path)
