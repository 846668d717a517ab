"""What a stream shows while there is no picture: which camera, why, and when it was last seen."""

import io
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

SIZE: Final = (640, 360)
_BACKGROUND, _TITLE, _TEXT = (28, 32, 38), (236, 239, 243), (168, 176, 187)


def placeholder_jpeg(card: dict[str, Any]) -> bytes:
    """Draw a camera's card as a JPEG of `SIZE`."""
    image = Image.new("RGB", SIZE, _BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.text((32, 120), card["name"], fill=_TITLE, font=ImageFont.load_default(34))
    draw.text((32, 172), card["label"], fill=_TEXT, font=ImageFont.load_default(24))
    lines = _wrapped(card["sentence"]) if card["sentence"] else []
    if card["last_frame_local"]:
        lines.append(f"Last picture: {card['last_frame_local'].replace('T', ' ')}")
    draw.multiline_text(
        (32, 212), "\n".join(lines[:5]), fill=_TEXT, font=ImageFont.load_default(18), spacing=6
    )
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=85)
    return buffer.getvalue()


def _wrapped(text: str, *, width: int = 62) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines
