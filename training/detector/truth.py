"""What is known of a training crop.

Apart from the loss, so that a process that only makes crops need not load Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one crop.

    Attributes:
        boxes: Faces, (G, 4) as x1, y1, x2, y2 in pixels of the crop.
        ignored: Regions where neither a hit nor a miss is told, (I, 4).
        unpunished_height_px: A detection lower than this is not called wrong: such faces are often
            unlabelled in the picture's source.
    """

    boxes: torch.Tensor
    ignored: torch.Tensor
    unpunished_height_px: float
