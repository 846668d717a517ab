"""Labels in doubt: only the opposite, and only where the network is sure."""

import numpy as np

from training.classifier.doubts import labels_in_doubt


def test_only_a_sure_opposite_is_doubted_and_incorrect_never() -> None:
    chances = np.array(
        [
            [0.95, 0.03, 0.02],  # mask
            [0.03, 0.95, 0.02],  # no_mask
            [0.03, 0.02, 0.95],  # incorrect
            [0.88, 0.10, 0.02],  # mask, less sure
        ]
    )
    assert labels_in_doubt(chances, ["no_mask"] * 4, sure=0.9).tolist() == [0]
    assert labels_in_doubt(chances, ["mask"] * 4, sure=0.9).tolist() == [1]
    assert labels_in_doubt(chances, ["incorrect"] * 4, sure=0.9).tolist() == []
