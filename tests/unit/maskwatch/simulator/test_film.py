"""Films on disk."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from maskwatch.errors import MediaError
from maskwatch.simulator.film import LIKE_A_CAMERA, Film, film_path, make_film, repeat_film
from maskwatch.simulator.rendering import make_films
from tests.support.videos import TINY

SHORT = replace(TINY, duration_s=1.0)


def test_a_film_is_h264_with_the_wanted_size_rate_and_length(tiny_film: Film) -> None:
    with av.open(str(tiny_film.path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))

        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (TINY.width, TINY.height)
        assert stream.average_rate == Fraction(10)
        assert frames == TINY.frames


def test_the_same_settings_give_the_same_file(tmp_path: Path) -> None:
    first, second = make_film(tmp_path / "one", SHORT), make_film(tmp_path / "two", SHORT)

    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_film_is_made_once(tmp_path: Path) -> None:
    first = make_film(tmp_path, SHORT)
    made_at = first.path.stat().st_mtime_ns

    again = make_film(tmp_path, SHORT)

    assert again == first
    assert again.path.stat().st_mtime_ns == made_at


def test_other_settings_or_another_encoding_are_another_film(tmp_path: Path) -> None:
    paths = {
        film_path(tmp_path, SHORT),
        film_path(tmp_path, replace(SHORT, seed=99)),
        film_path(tmp_path, SHORT, encoding=LIKE_A_CAMERA),
    }

    assert len(paths) == 3


def test_a_film_that_was_cut_short_leaves_nothing_that_could_be_taken_for_it(
    tmp_path: Path,
) -> None:
    def stop(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_film(tmp_path, SHORT, on_frame=stop)

    assert list(tmp_path.glob("*.mp4")) == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(MediaError, match=r"cannot be written.*another data_dir"):
        make_film(tmp_path / "file", SHORT)


def test_a_film_shown_three_times_is_three_times_as_long(tmp_path: Path) -> None:
    film = make_film(tmp_path, SHORT)

    repeat_film(film.path, tmp_path / "long.mp4", times=3)

    with av.open(str(tmp_path / "long.mp4")) as container:
        stamps = [frame.time for frame in container.decode(video=0)]
    assert len(stamps) == 3 * SHORT.frames
    assert stamps == pytest.approx([index / SHORT.fps for index in range(len(stamps))], abs=1e-3)


def test_films_made_side_by_side_tell_their_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    wanted = [replace(SHORT, camera=camera) for camera in range(2)]

    films = make_films(tmp_path, wanted, on_progress=lambda done, total: told.append((done, total)))

    assert [film.path for film in films] == [film_path(tmp_path, each) for each in wanted]
    assert all(film.path.is_file() for film in films)
    assert told[-1] == (20, 20)
