"""Everything that shapes the embedded policy, in one frozen record."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One training run. Equal settings and equal data give equal weights, on one machine with one number of threads."""

    name: str = "openvla-tiny-libero"
    """Of the checkpoint."""
    statistics: str = "libero_spatial_scripted"
    """Key of the action statistics; its beginning tells `policies.action_bins` how LIBERO's gripper is turned."""
    seed: int = 0
    begin: str = ""
    """Checkpoint of the repository whose weights are the first, under policies/checkpoints; empty: random ones."""

    # the network; widths below 192 have four heads, 192 has three (policies.openvla_network.HEADS)
    image: int = 224
    patch: int = 14
    dino_width: int = 192
    dino_depth: int = 5
    """Blocks; the policy goes on from the second-to-last, as OpenVLA does."""
    dino_mlp: int = 576
    siglip_width: int = 128
    siglip_depth: int = 3
    siglip_mlp: int = 384
    language_width: int = 192
    language_layers: int = 3
    language_mlp: int = 512
    language_heads: int = 4
    text_tokens: int = 512
    """Vocabulary of the tokenizer; the 256 action tokens follow it."""
    padding: int = 64
    """`pad_to_multiple_of`: entries behind the action tokens."""

    # the lesson
    batch: int = 64
    processes: int = 2
    """Each has one thread and an equal part of the batch: two that meet once a step lose less on a busy machine than one
    whose threads meet at every operation."""
    steps: int = 680
    warmup: int = 40
    decay: float = 0.35
    """Last share of the steps, in which the rate falls to zero."""
    whole: float = 0.1
    """Last share of the steps, in which all patches are seen."""
    whole_every: int = 8
    """Before them, one step in so many …"""
    whole_from: int = 400
    """… sees all patches, from this step on."""
    rate: float = 2e-3
    weight_decay: float = 0.05
    clip: float = 1.0
    precision: str = "float32"
    """Of the products: "float32", or "bfloat16" where the processor has it (the others emulate it 30 times slower)."""
    validation_from: int = 1_000_000
    """From this step on the validation episodes are learnt from too: everything has been chosen by then."""
    average: float = 0.99
    """Of the exponential moving average of the weights, which is what is written."""
    kept_patches: int = 64
    """Seen otherwise: three quarters those that differ most from the median picture, the rest at random."""
    taught: int = 16
    """Pictures of a batch for which the teacher's features are at hand."""
    near_turns: float = 2.0
    """How often steps around a change of the gripper are drawn, against others."""

    # weights of the losses
    translation: float = 1.5
    rotation: float = 0.4
    gripper: float = 1.0
    smoothing: float = 2.0
    """Standard deviation, in bins, of the target around the right bin. Not for the gripper."""
    distance: float = 0.0
    """Of the mean distance to the right bin, in units of `far` bins. Greedy decoding takes the likeliest bin and is
    judged by its distance: alone, this loss would put everything on the median. Not for the gripper."""
    far: float = 16.0
    distillation: float = 1.0
    side: float = 0.5
    """Of the side task: positions, phase and the coming actions, read off the last token of the prompt."""
    ahead: int = 4
    """Coming actions of the side task."""

    # pictures
    zoom: tuple[float, float] = (0.95, 1.08)
    shift: float = 0.04
    """Largest shift, as a share of the side."""
    colour: float = 0.2
    """Largest relative change of brightness, contrast and saturation."""
    untouched: float = 0.3
    """Share of pictures that are prepared as in use: no crop."""

    # the teacher
    teacher_every: int = 10
    """Frames between two that the teacher looks at."""
    teacher_blocks: tuple[int, int, int] = (3, 7, 11)
    teacher_channels: int = 96

    def text(self) -> str:
        """JSON, for the checkpoint's folder and for recognising a run that can be resumed."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def read(cls, file: Path | None) -> Settings:
        """Those of a JSON object of names and values, the others as they stand here; None: all as they stand here."""
        given = {} if file is None else json.loads(file.read_text())
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
