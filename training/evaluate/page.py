"""The model card for people: docs/accuracy.md, put together from what the evaluations wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from maskwatch.errors import ConfigError
from models.card import Card
from training.disk import make_folder, write_text_whole, written_whole
from training.evaluate.behind import MOST_READ, table

_COMMANDS = {"detector": "detector", "classifier": "classifier", "careful": "classifier --careful"}
"""What is evaluated, and by which command."""

_LIMITS = """\
- `incorrect` is noisy by nature: two annotators of the same 27 faces agreed on it 17 times.
- What is before the mouth of a bare face is not in the labels: one person noted it for 95 of the
  479 unmasked test faces from 24 px (`training/evaluate/covered_faces.json`). So few faces give a
  hint, no more: one of 26 is 4 %.
- Cloth before a bare mouth (a scarf, a collar, a tissue) was taken for a mask in every other of
  these few faces that were readable; a hand or a beard in none.
- The pictures are from the web: crowds, portraits, news. A mall's own cameras look down, at an
  angle and through cheap lenses; measure on your own pictures before you trust a figure.
- Nobody labelled age, skin or gender, so the error by group of people is not measured.
- One source boxes some masks and some heads instead of faces and leaves background faces out.
  A detector that finds those is called wrong by these figures.
- `maskwatch data check` names 27 pairs of near-equal scenes on two sides of the split, most of them
  photographs that `jolignier` and `adityap27` share. Both trainings leave out what looks like a
  held-out picture.
"""

_TRIED = """\
What separates these figures from better ones, and what was tried (version 0.1.0):

- **Faces without a label.** Of the 72 finds of one look that touch no label (the table of errors),
  looked at one by one, 57 are faces, some in the background or in a picture on a wall, 6 cannot be
  told, and 9 are none: a sign, an ear, a glove, a lantern, the back of a head. Each counts against
  AP50 all the same. Of the 116 missed faces about 70 are lower than 24 px at 640 wide; the larger
  ones are cut off, upside down, behind a visor or a scarf, or mere outlines.
- **Boxes placed otherwise than the labels.** AP40 beside AP50 above says how much: sources draw
  their boxes differently, and one of them around masks or heads.
- **Slips in the labels.** Of the faces from 24 px that it can read, one look reads 18 of 798
  otherwise than labelled where mask or none is asked. Looked at one by one (`classifier-read.png`),
  8 are slips of the label: masks labelled `no_mask`, bare faces and hands labelled `mask`, a nose
  out and a mask on the chin that the label leaves out; 2 cannot be told; 8 are errors, most of them
  tissues, hands, a collar or a sheet of paper before a bare mouth. All stay counted: 0.977. Were
  the 8 labels mended, it would be 0.987. Of `maskwatch analyze`'s 21 of 810, 7 are such slips.
- Training the detector for three times as many steps: within the noise of such sets (AP50 0.870 on
  validation and 0.878 on test, against 0.864 and 0.883).
- Three larger detectors, trained on a GPU with nothing frozen (5,727 to 5,973 steps of 32 crops):
  64, 128 and 192 channels at strides 8, 16 and 32 with 4, 4 and 3 residual units more; 64, 160, 256
  with 1, 4, 4 (659 k weights); 96, 128, 192 with 0, 5, 4. AP50 on validation 0.860, 0.864 and 0.862
  against 0.864; on test 0.876, 0.868 and 0.869 against 0.883. On 750 pictures of the training
  split, 0.904 (the second) against 0.899: it does little better even on what it was taught. Eight
  looks of the second and of the built-in one joined: 0.900 on validation against 0.899. Not kept.
- Eight looks at a still picture instead of one: 0.864 to 0.899 on validation (`maskwatch evaluate
  detector --split val`). Kept.
- A second network that looks again at each face that was found (seven blocks of MobileNetV1 at
  80 px, 685 k weights, 3,500 steps) and mends its box and score: after eight looks nothing gained
  (0.899 to 0.900 on validation), for averaging eight boxes has done that work. Not kept.
- The classifier trained without the 43 training labels that it was itself sure are slips
  (`doubt_at = 1000`; about forty are), with boxes further off, in 3,000 steps: log loss 0.124
  against 0.126 on validation, 0.224 against 0.207 on test. The mean of both networks' weights:
  0.121 and 0.212. Not kept.
- The detector's score, the face's height and the narrowness of its box as parts of the rule for
  `unreadable`, for faces in profile that are read wrongly in some footage: on 974 validation faces
  none says more about being right than the probability alone (log-likelihood -130.8 without them,
  -130.3 with all). Such profiles are hardly in the pictures. Not kept.
- Masks drawn on 476 bare faces in profile, and these faces moved off the middle as detectors box
  them, in 3,000 steps: log loss 0.127 against 0.126 on validation, 0.215 against 0.206 on test. Of
  the readable looks of three clips more were right in one (0.969 for 0.912), fewer in two (0.829
  for 0.842, a printed mask seen from behind the cheek; 0.983 for 0.997), and one bare passer-by on
  the street was counted as masked. Not kept.

What is not kept was measured once; no command repeats it.

Of the three larger detectors the loss on the training pictures still falls while AP50 on validation
stays where it is from about 3,000 steps on: neither size nor more steps are what is missing.

![Learning curves of three larger detectors](images/learning-detector.png)

The classifier's recipe, run again from a clean clone by the commands below: from step 1,500 of its
6,500 on the curves are level, so that more steps gain nothing.

![Learning curves of the classifier](images/learning-classifier.png)

| labelled boxes, all answered | log loss | mask or none | macro-F1 | ECE |
|---|---|---|---|---|
| validation (1,437), as shipped | 0.126 | 0.974 | 0.899 | 0.011 |
| validation (1,436), run again | 0.124 | 0.973 | 0.903 | 0.010 |
| test (1,212), as shipped | 0.206 | 0.951 | 0.869 | 0.027 |
| test (1,212), run again | 0.212 | 0.950 | 0.854 | 0.022 |

Macro-F1 on test hangs on few faces: 47 are labelled `incorrect`.
"""

_REPEAT = """\
On a clean clone, with Python 3.11; without a GPU install PyTorch's CPU build first, as its page
"Get started" says for pip and CPU, or pip brings gigabytes of CUDA:

```
python3.11 -m venv .venv && source .venv/bin/activate
pip install -e '.[train,torch]'
```

The detector is trained on PyTorch; the other trainings run on it where it is installed, else on
TensorFlow. Then:

```
maskwatch train detector --data DIR --start yunet_n_640_640.onnx --out runs/detector
maskwatch train classifier --data DIR --data CROPS --data face_mask_12k \\
    --backbone mobilenet_v1_1.0_224.npz --landmarks yunet_n_640_640.onnx --out runs/classifier
maskwatch evaluate all --data DIR --baselines DIR --out runs/evaluation --page docs/accuracy.md
```

Both trainings resume after a kill with the same command, and keep their recipe, the hash of their
data, metrics and curves in their folder. The recipes are `training/recipes/*.toml`; the seed is in
them.

With several NVIDIA GPUs in the machine, both trainings use all of them on PyTorch, or as many as
`--gpus` says: one process for each, every batch shared out among them, so that recipe, steps and
rate stay as they are. The detector's steps are those of one GPU but for rounding; in the classifier
each GPU normalises by its own share of the batch. A run may be resumed with another number of GPUs.
This is tested with two processes on a CPU and was not yet run on several GPUs. On TensorFlow, and
in `train vgg19`, one GPU is used.

To adapt the detector to your own cameras, box the faces in a few hundred of your pictures, write
them as `labels.jsonl` (`maskwatch data` imports Pascal VOC, YOLO and COCO) and start from the
weights that ship:

```
maskwatch train detector --data my-mall --start builtin --steps 1000 --out runs/my-mall
maskwatch evaluate detector --data my-mall --weights runs/my-mall/best.onnx
maskwatch train detector card --weights runs/my-mall/best.onnx --min-score 0.6 --run runs/my-mall
```

The classifier learns from the same boxes, their labels `mask`, `no_mask` and `incorrect`:

```
maskwatch train classifier --data my-mall --from builtin --steps 500 --out runs/my-mall-masks
maskwatch evaluate classifier --data my-mall --classifier runs/my-mall-masks/mask_classifier.onnx
```

With fewer than 200 validation faces of 24 px or more (a tenth of your pictures validates), the
temperature and the readability rule stay those of the start, for so few cannot tell a better rule
from chance; the card says so. A class that your pictures do not have, usually `incorrect`, is
forgotten: the log and the card name it. Add pictures of it, or train on yours together with other
data (`--data` may be repeated).

Then set `workers.detector = "runs/my-mall/best.onnx"` and
`workers.classifier = "runs/my-mall-masks/mask_classifier.onnx"` in the configuration.
"""


def write_page(folder: Path, cards: dict[str, Card], page: Path) -> None:
    """Writes the page and copies its plots beside it.

    Args:
        folder: Where `maskwatch evaluate detector` and `... classifier`, with and without
            `--careful`, wrote to.
        cards: Of the networks, in the order of the page.
        page: The Markdown file.

    Raises:
        ConfigError: A part has not been evaluated.
    """
    records = {part: _record(folder, part) for part in _COMMANDS}
    sections = [
        "# How good the networks are\n",
        "Written by `maskwatch evaluate all`; changes by hand are lost.\n",
        _data(records["detector"]),
        _section("Finding faces", "detector", folder, page),
        "AP50 is the area under the precision-recall curve at IoU 0.5, over faces from 8 px high "
        "at 640 wide (24 px in `jolignier`, whose smaller faces often lack a label); AP40 is the "
        "same where an overlap of 0.4 is a hit. The public "
        "detectors were run on the same pictures in the same run. Times are of that run, whatever "
        "else the machine did: compare them with one another; docs/performance.md has quiet ones. "
        "YuNet and RFB were trained on WIDER FACE, YuNet's start of ours too, so part of `chin` "
        "is not new to any of them. The live system and videos take one look at a picture; "
        "`maskwatch analyze` takes eight at a still one, in four sizes and mirrored, and joins "
        "what they say; YuNet is shown with as many.\n",
        _section("Reading faces", "classifier", folder, page),
        "This is one look at a picture, as the live system and videos take it.\n",
        *_behind(records["detector"]),
        _section("Reading faces in still pictures", "careful", folder, page),
        "The same faces as `maskwatch analyze` finds and reads them in still pictures: eight "
        "looks, each face also read in the mirror.\n",
        *(_card(card) for card in cards.values()),
        "## Limits\n\n" + _LIMITS,
        "## What was tried\n\n" + _TRIED,
        "## Repeat it\n\n" + _REPEAT,
    ]
    write_text_whole(page, "\n".join(sections))


def _record(folder: Path, part: str) -> dict[str, Any]:
    path = folder / f"{part}.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); run maskwatch evaluate {_COMMANDS[part]} "
            f"--out {folder}"
        ) from error
    return record


def _data(record: dict[str, Any]) -> str:
    return (
        "## Data\n\n"
        f"{record['pictures']} labelled scenes of the split `{record['split']}`, which neither "
        "training nor the choice of settings looked at. Near-duplicates share a group, and a "
        "group belongs to one split: `sha1(source/group) mod 10` is 0 for test, 1 for validation. "
        f"SHA-256 of these scenes and labels: `{record['data_sha256']}`.\n"
    )


def _section(title: str, part: str, folder: Path, page: Path) -> str:
    tables = (folder / f"{part}.md").read_text(encoding="utf-8")
    plot = page.with_name(f"{page.stem}-{part}.png")
    make_folder(plot.parent)
    drawn = (folder / f"{part}.png").read_bytes()
    with written_whole(plot) as partial:
        partial.write_bytes(drawn)
    return f"## {title}\n\n{tables}\n![{title}]({plot.name})\n"


def _behind(record: dict[str, Any]) -> list[str]:
    """The same classifier behind each detector; nothing where no public ones were measured."""
    rows = table(record.get("detectors", {}))
    if not rows:
        return []
    return [
        "### End to end with another detector\n",
        rows,
        "The built-in classifier on the faces that each detector finds, from the run that made the "
        "table under Finding faces; each face is read once, however many looks found it. The first "
        "three figures are of labelled faces from 24 px at 640 wide, found at the score where 90 % "
        "of a detector's finds are faces (ours as configured stand above); mask or none is the "
        "share right among the readable ones. A detector that misses hard faces has fewer to read "
        "wrongly: the last column counts what is not found too. It is the mean of the three "
        f"classes' AP at IoU 0.5, over the {MOST_READ} surest finds of each picture.\n",
    ]


def _card(card: Card) -> str:
    lines = [
        f"## Card: {card.name}\n",
        f"`{card.file}`, version {card.version}, {card.parameters:,} weights, "
        f"SHA-256 `{card.sha256}`.",
    ]
    if card.task == "face_detector":
        lines.append(f"Faces below score {card.min_score} are left out unless configured else.")
    lines += ["", "Trained on:", "", *(f"- {source}" for source in card.trained_on)]
    if card.data_sha256:
        lines += ["", f"SHA-256 of the training index: `{card.data_sha256}`."]
    if card.notes:
        lines += ["", "To know:", "", *(f"- {note}" for note in card.notes)]
    return "\n".join(lines) + "\n"
