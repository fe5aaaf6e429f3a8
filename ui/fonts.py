"""A font of this machine that holds Chinese, for pictures drawn without a browser."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from ui.words import _

__all__ = ["chinese_font", "has_chinese", "missing"]

PROBE = (chr(0x8BC9), chr(0x6C42))
"""Two characters of every Chinese font."""
KNOWN_FILES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
)
"""Where fonts usually lie on machines without fontconfig."""
SECONDS = 10


def _asked(*, bold: bool) -> tuple[str, int] | None:
    """File and face that fontconfig gives for simplified Chinese; its collections hold one face a country."""
    command = shutil.which("fc-match")
    if command is None:
        return None
    wanted = "sans-serif:lang=zh-cn" + (":bold" if bold else "")
    done = subprocess.run([command, "-f", "%{file}\t%{index}", wanted], capture_output=True, text=True, check=False, timeout=SECONDS)
    path, _tab, face = done.stdout.partition("\t")
    return (path, int(face) & 0xFFFF) if done.returncode == 0 and face.isdigit() else None


def _holds_chinese(path: str, face: int) -> bool:
    """Whether the font draws two Chinese characters differently; one without them draws the same empty box for both."""
    try:
        font = ImageFont.truetype(path, 24, index=face)
    except OSError:
        return False
    first, second = (bytes(font.getmask(letter)) for letter in PROBE)
    return first != second


@lru_cache(maxsize=2)
def _found(*, bold: bool) -> tuple[str, int] | None:
    choices = [_asked(bold=bold), *((path, 0) for path in KNOWN_FILES if Path(path).is_file())]
    return next((choice for choice in choices if choice is not None and _holds_chinese(*choice)), None)


def has_chinese() -> bool:
    """Whether this machine has a font that holds Chinese."""
    return _found(bold=False) is not None


def missing() -> str:
    """What to tell the reader where it has none."""
    return _("服务器上没有中文字体，不能生成 PNG；请管理员安装一种（如 fonts-noto-cjk）后重启服务。")


@lru_cache(maxsize=32)
def chinese_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font in a size, in pixels.

    Raises
    ------
    FileNotFoundError
        There is none; ask ``has_chinese`` first.
    """
    found = _found(bold=bold) or _found(bold=False)
    if found is None:
        message = "no font with Chinese characters found by fontconfig or in the usual folders"
        raise FileNotFoundError(message)
    return ImageFont.truetype(found[0], size, index=found[1])
