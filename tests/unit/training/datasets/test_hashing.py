"""Which pictures count as the same."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.datasets.hashing import (
    base_name,
    hash_distance,
    near_duplicate_groups,
    near_pairs,
    perceptual_hash,
)
from training.datasets.split import split_of


def a_picture(seed: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (120, 120), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_scaling_compressing_and_brightening_keep_the_hash_close() -> None:
    picture = a_picture(1)
    small = np.asarray(cv2.resize(picture, (50, 60), interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    jpeg = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    bright = np.clip(picture * 0.7 + 60, 0, 255).astype(np.uint8)
    original = np.array([perceptual_hash(picture)], np.uint64)
    for copy in (small, jpeg, bright):
        assert hash_distance(original, np.array([perceptual_hash(copy)], np.uint64))[0] <= 6


def test_other_pictures_are_far_apart() -> None:
    hashes = np.array([perceptual_hash(a_picture(seed)) for seed in range(20)], np.uint64)
    assert len(near_pairs(hashes, hashes, max_bits=8)) == 20


def test_look_alikes_and_equal_keys_share_a_group() -> None:
    hashes = np.array([0, 1, 0xFFFF_FFFF, 0xFFFF_FFFF_0000_0000], np.uint64)
    assert near_duplicate_groups(hashes).tolist() == [0, 0, 2, 3]
    assert near_duplicate_groups(hashes, keys=["a", "b", "b", "c"]).tolist() == [0, 0, 0, 3]


def test_augmented_copies_bear_the_name_of_their_base_face() -> None:
    assert base_name("Train/WithMask/Augmented_12_9063.png") == base_name("9063.webp") == "9063"


def test_a_split_depends_on_the_names_alone_and_holds_a_tenth_back() -> None:
    splits = [split_of("mall", number) for number in range(2000)]
    assert splits == [split_of("mall", str(number)) for number in range(2000)]
    assert 150 < splits.count("test") < 250
    assert 150 < splits.count("val") < 250
