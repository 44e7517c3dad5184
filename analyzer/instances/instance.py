"""One thing in one place, followed through an episode."""

from __future__ import annotations

from dataclasses import dataclass

ORIGINS = ("found", "mask", "clicked")
"""Without labels, from the recording's ground truth, or pointed at by a person."""
ROLES = ("object", "arm", "surroundings")
"""What can be confused in a way that matters, what moves by itself, and what all of it stands on."""


@dataclass(frozen=True)
class Instance:
    """An object in one camera's pictures. Its masks lie beside it; see `analyzer.findings_folder`."""

    id: int
    """1 … 254, never changed within an episode; 0 in a label map is nobody."""
    name: str
    """Given by the recording or by a person (hostile text), else "object 3"."""
    camera: str
    color: tuple[int, int, int]
    """RGB, of outlines and lanes."""
    origin: str
    role: str
    area: tuple[int, ...]
    """Pixels of the recording that show it, at each analysed frame; 0: hidden or out of the picture."""
    key_frame: int
    """Position among the analysed frames of the one that shows it best."""
    pointed: str = ""
    """Which object of `analyzer.pointing` it is; empty: none that the run keeps."""

    def __post_init__(self) -> None:
        if not 1 <= self.id <= 254:
            raise ValueError(f"an instance has an id of 1 … 254, not {self.id}")
        if self.origin not in ORIGINS or self.role not in ROLES:
            raise ValueError(f"instance {self.id} is {self.origin!r}, {self.role!r}; known: {ORIGINS}, {ROLES}")
        if not 0 <= self.key_frame < len(self.area):
            raise ValueError(f"instance {self.id} has its key frame at {self.key_frame} of {len(self.area)}")
