"""Every parameter of an analysis, once: its default, its range, what it means and in what unit.

The command line's flags, the pages' sliders and the settings stored in a run are all made from these fields.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from foundation.errors import BadInput, did_you_mean, quoted

MAX_MINUTES = 120.0
"""That a run may take unasked. No setting: it shapes no result."""


def _parameter(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] = (),
    optional_type: type | None = None,
    repeated: bool = False,
) -> Any:
    metadata = {
        "meaning": meaning, "unit": unit, "low": low, "high": high, "choices": choices, "type": optional_type,
        "repeated": repeated,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Parameter:
    """One field of `Settings`, as a flag or a slider needs it."""

    name: str
    default: Any
    type: type
    """str, int, float, bool (a switch) or tuple (of names)."""
    meaning: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[Any, ...]
    repeated: bool
    """A tuple whose items may hold commas: the flag is given once an item."""

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def help(self) -> str:
        """Meaning, unit, range and default, in one line."""
        limits = [f"{self.low:g} … {self.high:.9g}"] if self.low is not None and self.high is not None else []
        if self.low is not None and self.high is None:
            limits = [f"{self.low:g} or more"]
        shown = ",".join(self.default) if isinstance(self.default, tuple) else self.default
        default = [f"default: {shown}"] if self.default not in (None, (), False) else []
        brackets = "; ".join(([self.unit] if self.unit else []) + limits + default)
        return self.meaning + (f" ({brackets})" if brackets else "")

    def check(self, value: Any) -> None:
        """Raise BadInput where `value` is out of range or not among the choices."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            raise BadInput(
                f"{self.flag}: there is no {quoted(value)}.{did_you_mean(str(value), map(str, self.choices))}"
            )
        # Asked this way round, because NaN is neither too low nor too high.
        high_enough = self.low is None or value >= self.low
        low_enough = self.high is None or value <= self.high
        if not (high_enough and low_enough):
            raise BadInput(f"{self.flag} is {value}; allowed: {self.help}")


@dataclass(frozen=True)
class Settings:
    """What an analysis does. Stored in the run folder, printed in the report."""

    # What is looked at
    policy: str = _parameter("dinov2-small", "Policy whose features are read: a name from the catalogue or a folder.")
    sites: tuple[str, ...] = _parameter(
        (), "Feature sites, separated by commas; 'all' for every one (none: the policy's own choice)."
    )
    camera: tuple[str, ...] = _parameter((), "Cameras, separated by commas; 'all' for every one (none: the first).")
    stride: int = _parameter(1, "Look at every n-th frame.", unit="frames", low=1)
    input_size: int | None = _parameter(
        None,
        "Side of the square the frame is resized to (none: the policy's own).",
        unit="pixels",
        low=14,
        high=4096,
        optional_type=int,
    )
    densify: int = _parameter(
        1, "So many times finer a grid at the vision sites, from as many squared passes.", choices=(1, 2, 4)
    )
    policy_option: tuple[str, ...] = _parameter(
        (),
        "Further option of the policy's family as NAME=VALUE, e.g. views=1 or chunk=5 (OpenVLA-OFT), opening=TEXT "
        "(LLaVA); may be given again.",
        repeated=True,
    )
    # What the policy does
    actions: bool = _parameter(False, "Also predict the policy's action at every frame that is looked at.")
    unnorm_key: str | None = _parameter(
        None,
        "Dataset whose statistics give predicted actions their units (none: the only one the policy has).",
        optional_type=str,
    )
    recipe: str | None = _parameter(
        None,
        "How pictures are prepared: 'libero' as in OpenVLA's LIBERO evaluation (none: plain).",
        choices=("plain", "libero"),
        optional_type=str,
    )
    # What its action depends on (with actions)
    erase_frames: int = _parameter(
        6,
        "Frames at which objects are erased and the policy is asked again (0: none).",
        unit="frames",
        low=0,
        high=1000,
    )
    erase_controls: int = _parameter(
        3, "Pieces of background of its shape that are erased to compare with each object.", low=1, high=64
    )
    attribution_frames: int = _parameter(
        24,
        "Frames at which the action is attributed to patches by gradients (0: none).",
        unit="frames",
        low=0,
        high=100_000,
    )
    # What the recording fails to say
    instruction: str | None = _parameter(
        None, "Instruction given to the policy in all episodes (none: the recorded one).", optional_type=str
    )
    image_fps: float = _parameter(10.0, "Pictures a second, for folders of images.", unit="1/s", low=0.001, high=1000.0)
    orientation: str = _parameter(
        "auto", "HDF5 images: 'raw' are upside down as OpenGL renders them.", choices=("auto", "raw", "upright")
    )
    # How it is run
    device: str = _parameter("cpu", "Where the policy and the NCut run: cpu, cuda, cuda:1.")
    dtype: str | None = _parameter(
        None,
        "Precision of the policy's forward pass (none: the policy's own, float32 up to a billion parameters).",
        choices=("float32", "bfloat16", "float16"),
        optional_type=str,
    )
    batch: int = _parameter(4, "Frames in one forward pass.", unit="frames", low=1, high=1024)
    # Normalized Cut
    basis: str = _parameter(
        "run", "One basis for all episodes of the run, or one an episode.", choices=("run", "episode")
    )
    n_eigenvectors: int = _parameter(20, "Eigenvectors kept of every site.", low=2, high=128)
    n_landmarks: int | None = _parameter(
        None,
        "Landmarks that stand for all patches (none: 256 of more than 16,384 patches, else 512, or 1,024 if the affinity is narrow).",
        low=16,
        high=8192,
        optional_type=int,
    )
    affinity: str = _parameter("rbf", "How alike two patches are.", choices=("rbf", "cosine"))
    mean_affinity: float = _parameter(
        0.075,
        "How alike two patches are on average, which sets the scale: lower tells apart more.",
        low=0.001,
        high=0.95,
    )
    density: float = _parameter(
        0.0, "How much the density of patches is divided out (0: not, 1: fully).", low=0.0, high=1.0
    )
    coupling: float = _parameter(
        0.5,
        "Weight of a patch's own past and future, where optical flow finds them in the frames before and after "
        "(0: every frame by itself).",
        low=0.0,
        high=1.0,
    )
    n_segments: int = _parameter(
        24, "Segments of the finest division; every smaller number of them is contained in it.", low=2, high=64
    )
    palette: str = _parameter(
        "standard",
        "Colours of patches and segments: 'colour-blind safe' tells apart by lightness and by blue and yellow.",
        choices=("standard", "colour-blind safe"),
    )
    seed: int = _parameter(
        0, "Of the sample of patches, and of the noise of policies that sample their actions.", low=0, high=999_999_999
    )

    # Findings
    instances: str = _parameter(
        "found",
        "Things that are compared: 'found' without labels, 'masks' those the recording names, 'none' nothing.",
        choices=("found", "masks", "none"),
    )
    confusion_on: float = _parameter(
        0.5, "Confusion (0 apart, 1 indistinguishable) from which on two objects count as confused.", low=0.05, high=1.0
    )
    confusion_kept: float = _parameter(0.7, "Share of that below which they no longer do.", low=0.0, high=1.0)
    confusion_window: int = _parameter(
        5, "Neighbouring frames that the confusion of a frame is pooled over.", unit="frames", low=1, high=101
    )
    look_alike: float = _parameter(
        0.8, "Confusion in the picture's own colours from which on a pair are look-alikes.", low=0.05, high=1.0
    )
    min_patches: int = _parameter(
        4, "Patches an object must show; with fewer it is not assessed.", unit="patches", low=2, high=16
    )
    event_min_s: float = _parameter(0.4, "What holds for less is no event.", unit="s", low=0.0, high=60.0)
    reach: float = _parameter(
        0.08, "The hand is at an object that is so near in the picture.", unit="of its diagonal", low=0.005, high=0.5
    )
    look_ahead_s: float = _parameter(
        1.0, "The hand goes for what it comes to within that time.", unit="s", low=0.0, high=60.0
    )
    left_behind: float = _parameter(
        0.3, "Share of the hand's way below which an object was not taken along.", low=0.0, high=1.0
    )
    stall_on: float = _parameter(
        0.85, "Stillness (1: no motion, 0: the usual one) from which on the arm stalls.", low=0.5, high=1.0
    )
    stall_min_s: float = _parameter(1.5, "Standing still for less is no stall.", unit="s", low=0.0, high=600.0)
    oscillation_on: float = _parameter(
        3.0, "Turns back from which on the arm oscillates.", unit="1/s", low=0.1, high=100.0
    )
    disagreement_on: float = _parameter(
        1.5,
        "Distance of the predicted action from the recorded one that counts as far.",
        unit="standard deviations of the recorded",
        low=0.1,
        high=100.0,
    )
    uncertainty_on: float = _parameter(
        2.0,
        "Entropy of a dimension's bins above its median over the episode from which on it is uncertain (2: 4 times the bins).",
        unit="bits",
        low=0.1,
        high=16.0,
    )

    def __post_init__(self) -> None:
        for parameter in PARAMETERS.values() if PARAMETERS else parameters():
            parameter.check(getattr(self, parameter.name))
        if self.n_landmarks is not None and self.n_eigenvectors > self.n_landmarks:
            raise BadInput(
                f"--n-eigenvectors is {self.n_eigenvectors} but there are only {self.n_landmarks} landmarks: "
                "keep fewer eigenvectors or raise --n-landmarks."
            )

    @property
    def confusion_off(self) -> float:
        """Confusion below which two objects no longer count as confused."""
        return self.confusion_on * self.confusion_kept

    def as_json(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Settings of a stored run; fields that this version does not know are an error, missing ones take the default."""
        unknown = set(stored) - set(PARAMETERS)
        if unknown:
            raise BadInput(f"The run has settings of another version: {', '.join(sorted(map(quoted, unknown)))}.")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**values)


PARAMETERS: dict[str, Parameter] = {}


def parameters() -> list[Parameter]:
    """Every field of `Settings`, in order."""
    listed = []
    for field in dataclasses.fields(Settings):
        details = dict(field.metadata)
        kind = details.pop("type") or type(field.default)
        listed.append(Parameter(name=field.name, default=field.default, type=kind, **details))
    return listed


PARAMETERS.update({parameter.name: parameter for parameter in parameters()})
