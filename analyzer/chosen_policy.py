"""The policy that settings name, loaded as they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer.settings import PARAMETERS, Settings
from foundation.errors import BadInput, quoted

if TYPE_CHECKING:
    from policies.policy import Policy


def load(settings: Settings) -> Policy:
    """Raises PolicyUnavailable where its weights or packages cannot be had."""
    from policies.catalog import load_policy, options_from_text

    further = _named(settings.policy_option)
    options: dict[str, Any] = options_from_text(settings.policy, further) if further else {}
    if settings.input_size is not None:
        options["input_size"] = settings.input_size
    for name in ("unnorm_key", "recipe"):
        if getattr(settings, name) is not None:
            options[name] = getattr(settings, name)
    if settings.densify > 1:
        options["densify"] = settings.densify
    return load_policy(settings.policy, device=settings.device, dtype=settings.dtype, **options)


def _named(given: Sequence[str]) -> dict[str, str]:
    """("views=2", …) -> {"views": "2", …}.

    Raises:
        BadInput: an item without a name, a name twice, or one that has a flag of its own.
    """
    named: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise BadInput(f"--policy-option takes NAME=VALUE, e.g. views=1; got {quoted(item)}.")
        if name in PARAMETERS:
            raise BadInput(f"--policy-option {quoted(name)} has a flag of its own: {PARAMETERS[name].flag}.")
        if name in named:
            raise BadInput(f"--policy-option {quoted(name)} is given twice.")
        named[name] = value
    return named
