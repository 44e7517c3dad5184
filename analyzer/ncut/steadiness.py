"""How steady a result is in time, in numbers that need no ground truth.

What is compared are `values`, any (frames, places, c) coordinates or colours of patches. Methods and sites differ in
scale, so changes are told in units of `spread`, the root mean square distance between two patches taken at random: 0.02
means that a patch wanders by a fiftieth of what sets two patches apart. No figure changes when all values are scaled,
shifted or rotated.

Which patches ought not to change is told by the pictures, not by the result: see `analyzer.motion`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


def spread(values: torch.Tensor) -> float:
    """The root mean square distance of two random patches: sqrt(2 x total variance), in the units of `values`.

    Args:
        values: (…, c); all but the last axis are patches.
    """
    rows = values.reshape(-1, values.shape[-1]).double()
    return float((2 * rows.var(0, correction=0).sum()).sqrt())


def changes(values: torch.Tensor) -> torch.Tensor:
    """(frames, places, c) -> (frames - 1, places) distance of every patch from itself a frame before."""
    return (values[1:].double() - values[:-1].double()).norm(dim=-1)


def static_flicker(values: torch.Tensor, static: torch.Tensor) -> float:
    """Mean change from frame to frame of patches where nothing moves, over `spread`. 0: still; 1: pure chance.

    Args:
        values: (frames, places, c).
        static: (frames - 1, places) true where neither the patch nor what surrounds it moves to the next frame.
    """
    return _share(changes(values)[static].mean(), spread(values))


def switch_rate(labels: torch.Tensor, static: torch.Tensor) -> float:
    """Share of patches where nothing moves that change their segment from one frame to the next, 0 … 1.

    Args:
        labels: (frames, places) segment ids.
        static: (frames - 1, places).
    """
    return float((labels[1:] != labels[:-1])[static].double().mean())


def warped_error(values: torch.Tensor, flow: torch.Tensor, visible: torch.Tensor) -> float:
    """Mean difference between a patch and the place the pictures' motion carries it to, over `spread`. 0: colours move
    with things (Lai et al. 2018, "Learning blind video temporal consistency", eq. 1).

    Args:
        values: (frames, rows, cols, c).
        flow: (frames - 1, rows, cols, 2) motion to the next frame, in patches, (column, row).
        visible: (frames - 1, rows, cols) true where the patch is still to be seen in the next frame.
    """
    error = torch.stack([warp_difference(a, b, f) for a, b, f in zip(values, values[1:], flow, strict=False)])
    return _share(error[visible].mean(), spread(values))


def warp_difference(values: torch.Tensor, following: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """(rows, cols) distance between each patch and the next frame's value where `flow` (rows, cols, 2) carries it.

    Values between patch centres are interpolated linearly; those beyond the picture are taken from its border.
    """
    rows, cols, _ = values.shape
    row, col = torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij")
    at = torch.stack([col, row], dim=-1).to(flow) + flow
    # grid_sample counts from -1 to 1 between the outer edges of the first and the last patch.
    at = (2 * at + 1) / torch.tensor([cols, rows]).to(at) - 1
    carried = torch.nn.functional.grid_sample(
        following.permute(2, 0, 1)[None].float(), at[None].float(), padding_mode="border", align_corners=False
    )
    return (carried[0].permute(1, 2, 0) - values.float()).norm(dim=-1)


def border_jump(values: torch.Tensor, static: torch.Tensor, borders: torch.Tensor) -> float:
    """Change of static patches where one chunk of frames ends and the next begins, over their change within chunks.

    1: borders cannot be told; 22 was measured where every chunk was cut by itself.

    Args:
        values: (frames, places, c).
        static: (frames - 1, places).
        borders: whole numbers: frame b is the first of a new chunk.
    """
    change = changes(values)
    at_border = torch.zeros(len(change), dtype=torch.bool)
    at_border[borders.long() - 1] = True
    return _share(change[at_border][static[at_border]].mean(), float(change[~at_border][static[~at_border]].mean()))


def drift(values: torch.Tensor, objects: torch.Tensor) -> float:
    """How far things that stay wander in the long run: the mean over objects of the distance between their mean value
    in the first and in the last quarter of the frames, over the mean distance between objects. 0: none; 1: an object
    ends as far from itself as it is from the others.

    Args:
        values: (frames, places, c).
        objects: (frames, places) what is seen where, as whole numbers; below 0 is left out. Only objects seen in both
            quarters count, and there must be two.
    """
    quarter = max(1, len(values) // 4)
    first, in_first = _means(values[:quarter], objects[:quarter], int(objects.max()) + 1)
    last, in_last = _means(values[-quarter:], objects[-quarter:], int(objects.max()) + 1)
    both = in_first & in_last
    first, last = first[both], last[both]
    if len(first) < 2:
        return float("nan")
    return _share((last - first).norm(dim=1).mean(), float(torch.pdist((first + last) / 2).mean()))


def _means(values: torch.Tensor, objects: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(count, c) mean value of every object, and (count,) whether it is there at all."""
    rows, ids = values.reshape(-1, values.shape[-1]).double(), objects.flatten().long()
    rows, ids = rows[ids >= 0], ids[ids >= 0]
    size = torch.bincount(ids, minlength=count)
    total = torch.zeros(count, rows.shape[1], dtype=rows.dtype).index_add_(0, ids, rows)
    return total / size.clamp(min=1)[:, None], size > 0


def _share(change: float | torch.Tensor, unit: float) -> float:
    """A change in a unit; 0 where nothing varies, and so nothing can change."""
    return float(change) / unit if unit > 0 else 0.0


class Step(NamedTuple):
    """How the pictures got from one frame to the next."""

    static: torch.Tensor
    """(…) bool: neither the patch nor what surrounds it moves."""
    visible: torch.Tensor
    """(…) bool: the patch is still to be seen."""
    flow: torch.Tensor
    """(…, 2) where it goes, in patches, (column, row)."""


class Meter:
    """The same figures while frames go by, for values too many to hold: memory grows with places, not with frames."""

    def __init__(self, frames: int) -> None:
        """`frames` is how many will come: where the last quarter begins has to be known beforehand."""
        self._quarter = max(1, frames // 4)
        self._last_quarter = frames - self._quarter
        self._before: tuple[torch.Tensor, torch.Tensor] | None = None
        self._seen = self._rows = self._watched = self._followed = 0
        self._flickered = self._switched = self._warped = self._square = 0.0

    def add(self, values: torch.Tensor, labels: torch.Tensor, step: Step | None = None) -> None:
        """The next frame.

        Args:
            values: (cameras, rows, cols, c).
            labels: (cameras, rows, cols) segment ids.
            step: from the frame before to this one; None with the first.
        """
        rows = values.flatten(0, -2).double()
        if self._before is None:
            self._still = torch.ones(len(rows), dtype=torch.bool)
            self._sum = torch.zeros_like(rows[0])
            self._first, self._last = torch.zeros_like(rows), torch.zeros_like(rows)
        else:
            if step is None:
                raise ValueError("Every frame but the first needs the step that led to it.")
            self._compare(*self._before, values, labels, step)
        self._sum += rows.sum(0)
        self._square += float(rows.square().sum())
        self._rows += len(rows)
        if self._seen < self._quarter:
            self._first += rows / self._quarter
        if self._seen >= self._last_quarter:
            self._last += rows / self._quarter
        self._before = values, labels
        self._seen += 1

    def _compare(
        self,
        values_before: torch.Tensor,
        labels_before: torch.Tensor,
        values: torch.Tensor,
        labels: torch.Tensor,
        step: Step,
    ) -> None:
        self._still &= step.static.flatten()
        change = (values.double() - values_before.double()).norm(dim=-1)
        self._flickered += float(change[step.static].sum())
        self._switched += float((labels != labels_before)[step.static].sum())
        self._watched += int(step.static.sum())
        for before, now, flow, visible in zip(values_before, values, step.flow, step.visible, strict=True):
            self._warped += float(warp_difference(before, now, flow)[visible].double().sum())
        self._followed += int(step.visible.sum())

    @property
    def spread(self) -> float:
        """See the function `spread`."""
        mean = self._sum / self._rows
        return max(0.0, 2 * (self._square / self._rows - float(mean.square().sum()))) ** 0.5

    @property
    def flicker(self) -> float | None:
        """See `static_flicker`; None where nothing stood still."""
        return _share(self._flickered / self._watched, self.spread) if self._watched else None

    @property
    def switches(self) -> float | None:
        """See `switch_rate`; None where nothing stood still."""
        return self._switched / self._watched if self._watched else None

    @property
    def warped(self) -> float | None:
        """See `warped_error`; None where nothing could be followed."""
        return _share(self._warped / self._followed, self.spread) if self._followed else None

    @property
    def drift(self) -> float | None:
        """Mean distance between a place's mean in the first quarter and in the last, over `spread`, of the places where
        nothing ever moved; None where there are none."""
        if self._seen < 2 or not bool(self._still.any()):
            return None
        return _share(float((self._last - self._first)[self._still].norm(dim=-1).mean()), self.spread)

    @property
    def watched(self) -> float:
        """Share of the steps from frame to frame, patch by patch, in which nothing moved, 0 … 1."""
        steps = self._rows - len(self._still)
        return self._watched / steps if steps else 0.0
