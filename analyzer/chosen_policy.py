"""The policy that settings name, loaded as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.settings import Settings

if TYPE_CHECKING:
    from policies.policy import Policy


def load(settings: Settings) -> Policy:
    """Raises PolicyUnavailable where its weights or packages cannot be had."""
    from policies.catalog import load_policy

    options: dict[str, Any] = {} if settings.input_size is None else {"input_size": settings.input_size}
    for name in ("unnorm_key", "recipe"):
        if getattr(settings, name) is not None:
            options[name] = getattr(settings, name)
    if settings.densify > 1:
        options["densify"] = settings.densify
    return load_policy(settings.policy, device=settings.device, dtype=settings.dtype, **options)
