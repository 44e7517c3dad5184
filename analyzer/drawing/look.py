"""The colours and sizes of everything drawn, in one place: dark and calm, so that the picture itself is the bright part."""

from __future__ import annotations

RGB = tuple[int, int, int]

BACKGROUND: RGB = (16, 18, 22)
SURFACE: RGB = (26, 29, 35)
"""Behind a small plot."""
HAIRLINE: RGB = (52, 57, 66)
FAINT: RGB = (100, 108, 122)
MUTED: RGB = (142, 151, 165)
TEXT: RGB = (226, 231, 238)
BRIGHT: RGB = (250, 251, 253)
ACCENT: RGB = (255, 196, 87)
"""The cursor: the one warm line, found at a glance."""
SUCCESS: RGB = (98, 200, 128)
FAILURE: RGB = (240, 104, 96)
CURVES: tuple[RGB, ...] = ((104, 182, 255), (120, 214, 170), (196, 160, 255), (255, 160, 122))
PREDICTED: RGB = (255, 255, 255)
"""What the policy would do, dashed over what was done."""

MARGIN = 24
"""Pixels around everything."""
GAP = 12
"""Pixels between panels."""
TITLE_SIZE = 22
BODY_SIZE = 16
SMALL_SIZE = 14
