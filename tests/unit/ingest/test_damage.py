from ingest.damage import DamageWatch


def test_everything_is_damaged_until_the_next_key_frame() -> None:
    watch = DamageWatch()
    seen = [
        watch.is_damaged(number * 0.04, is_key=number in (0, 10), is_corrupt=number == 3)
        for number in range(14)
    ]
    assert seen == [False] * 3 + [True] * 7 + [False] * 4


def test_data_that_could_not_be_decoded_damages_what_follows() -> None:
    watch = DamageWatch()
    watch.damaged(1.0)
    assert watch.is_damaged(1.04, is_key=False, is_corrupt=False)
    assert not watch.is_damaged(1.08, is_key=True, is_corrupt=False)


def test_a_damaged_key_frame_heals_nothing() -> None:
    watch = DamageWatch()
    assert watch.is_damaged(0.0, is_key=True, is_corrupt=True)


def test_a_stream_without_key_frames_is_trusted_again_after_a_while() -> None:
    watch = DamageWatch()
    watch.damaged(0.0)
    assert watch.is_damaged(9.0, is_key=False, is_corrupt=False)
    assert not watch.is_damaged(10.1, is_key=False, is_corrupt=False)
