"""What lies beside the weights of an OpenVLA checkpoint: image preparation and statistics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from foundation.errors import BadInput, PolicyUnavailable, did_you_mean, quoted
from policies.folder_files import read_json
from policies.libero_recipe import libero_steps
from policies.openvla_network import OpenVlaNetwork
from policies.transform import Normalisation, PixelStep, Resize, StepTransform


def read_statistics(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Dataset -> statistics. A fine-tune's own file stands above what its configuration inherited."""
    own = folder / "dataset_statistics.json"
    statistics = read_json(own) if own.is_file() else config.get("norm_stats") or {}
    if not isinstance(statistics, dict) or not all(isinstance(entry, dict) for entry in statistics.values()):
        raise PolicyUnavailable(f"The action statistics in {quoted(folder)} are not an object of datasets.")
    return statistics


def image_transform(config: Mapping[str, Any], recipe: str) -> StepTransform:
    """The checkpoint's preparation of images: Pillow's resize whatever the aspect, then one normalisation a tower.

    The constants are those of `tvf_normalize_params`, which the checkpoint rounded to bfloat16, not `means` and `stds`.
    """
    if config.get("image_resize_strategy") != "resize-naive":
        raise PolicyUnavailable(
            f"The checkpoint resizes by {quoted(config.get('image_resize_strategy'))}; only 'resize-naive' is supported."
        )
    try:
        sizes = {(int(size[-2]), int(size[-1])) for size in config["input_sizes"]}
        filters = {Image.Resampling(params["interpolation"]) for params in config["tvf_resize_params"]}
        normalisations = tuple(
            Normalisation(tuple(params["mean"]), tuple(params["std"])) for params in config["tvf_normalize_params"]
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PolicyUnavailable(f"preprocessor_config.json is not usable: {quoted(error)}.") from error
    if len(sizes) != 1 or len(filters) != 1:
        raise PolicyUnavailable(
            f"The towers want different pictures ({sizes}, {filters}); one size and filter are supported."
        )
    ((height, width),) = sizes
    steps: tuple[PixelStep, ...] = (Resize(height, width, filters.pop()),)
    recipes: dict[str, tuple[PixelStep, ...]] = {"plain": (), "libero": libero_steps(height, width)}
    if recipe not in recipes:
        raise BadInput(f"There is no recipe {quoted(recipe)}.{did_you_mean(recipe, recipes)}")
    return StepTransform((*recipes[recipe], *steps), normalisations)


def common_grid(network: OpenVlaNetwork, size: tuple[int, int]) -> tuple[int, int]:
    """(rows, cols) that every tower cuts a picture of `size` (height, width) into."""
    grids = {(size[0] // tower.shape.patch, size[1] // tower.shape.patch) for tower in network.towers}
    if len(grids) != 1 or grids != {tower.shape.grid for tower in network.towers}:
        raise PolicyUnavailable(
            f"The towers' patches do not lie on one grid for {size[0]} x {size[1]} pixels: {grids}."
        )
    return grids.pop()
