"""Reading a picture file of any kind into upright BGR, 8 bits a channel."""

import warnings
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from maskwatch.errors import MediaError

MAX_PIXELS: Final = 89_000_000
"""More than any camera makes, and where Pillow begins to suspect a file that fills the memory."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file.

    The first picture of an animated one, turned as its EXIF says; grey becomes three equal
    channels; transparency is laid on white; 16 bits become 8; CMYK is converted.

    Returns:
        BGR, shape (H, W, 3).

    Raises:
        MediaError: The file is missing, no picture, damaged or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise MediaError(
                    f"picture {str(path)!r} has {width}x{height} pixels; make it smaller "
                    f"(at most {MAX_PIXELS // 1_000_000} million pixels)"
                )
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _to_bgr(upright)
    except MediaError:
        raise
    except FileNotFoundError as error:
        raise MediaError(f"picture {str(path)!r} does not exist; check its path") from error
    except IsADirectoryError as error:
        raise MediaError(f"{str(path)!r} is a folder; name the pictures in it") from error
    except PermissionError as error:
        raise MediaError(f"picture {str(path)!r} may not be read; check its permissions") from error
    except UnidentifiedImageError as error:
        raise MediaError(
            f"{str(path)!r} is no picture that can be read; use JPEG, PNG, WebP, BMP, TIFF or GIF"
        ) from error
    except Image.DecompressionBombError as error:
        raise MediaError(f"picture {str(path)!r} is too large; make it smaller") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # What Pillow raises for damaged files of its many kinds.
        raise MediaError(
            f"picture {str(path)!r} is damaged or cut off ({error}); copy it again"
        ) from error


def _to_bgr(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _deep_to_bgr(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        ground = Image.new("RGBA", with_alpha.size, "white")
        image = Image.alpha_composite(ground, with_alpha)
    rgb = np.asarray(image.convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _deep_to_bgr(deep: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey of more than 8 bits: Pillow's own conversion would cut off instead of scale."""
    if deep.dtype.kind == "f":
        top = 1.0 if float(deep.max(initial=0.0)) <= 1.0 else 255.0
    else:
        top = 65535.0
    grey = np.clip(deep.astype(np.float64) * (255.0 / top), 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
