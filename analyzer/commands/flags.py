"""Flags that more than one command takes, and how they are read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzer.settings import PARAMETERS, Settings
from foundation.errors import BadInput, did_you_mean, quoted


def add_cache(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--cache", type=Path, help="folder for features, kept from run to run (default: the user's cache)")


def cache_of(options: argparse.Namespace) -> Path:
    from analyzer.features import default_cache

    return options.cache or default_cache()


def add_episodes(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--episodes", default="", help="which episodes, e.g. 0,3-5,ep_010 (default: all)")


def add_paint(sub: argparse.ArgumentParser, paint: str) -> None:
    """How colours or segments lie over pictures; `paint` says what --paint is about."""
    sub.add_argument("--paint", choices=("colors", "segments"), default="colors", help=paint)
    sub.add_argument(
        "--segments",
        type=int,
        default=12,
        metavar="K",
        help="how many segments the patches are divided into (default: 12)",
    )
    sub.add_argument("--opacity", type=float, default=0.6, help="of the colours over the video, 0 … 1 (default: 0.6)")
    sub.add_argument(
        "--smooth", action="store_true", help="follow the picture's edges instead of the patches', for the eye only"
    )
    sub.add_argument("--panel-height", type=int, help="height of a camera's picture in pixels (default: comfortable)")
    sub.add_argument(
        "--from-preview", action="store_true", help="take pixels from the run's preview, not the recording"
    )


def paint_of(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that `add_paint` asks for."""
    names = ("paint", "segments", "opacity", "smooth", "panel_height", "from_preview")
    return {name: getattr(options, name) for name in names}


def add_settings(sub: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """A flag a parameter, made from its definition."""
    for name in names:
        parameter = PARAMETERS[name]
        if parameter.type is bool:
            sub.add_argument(parameter.flag, dest=name, action="store_true", default=None, help=parameter.help)
            continue
        if parameter.repeated:
            sub.add_argument(parameter.flag, dest=name, action="append", metavar="NAME=VALUE", help=parameter.help)
            continue
        kind = str if parameter.type is tuple else parameter.type
        sub.add_argument(
            parameter.flag, dest=name, type=kind, default=None, help=parameter.help, choices=parameter.choices or None
        )


def settings_of(options: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {}
    for name, parameter in PARAMETERS.items():
        value = getattr(options, name, None)
        if value is not None:
            given[name] = tuple(value) if parameter.repeated else names_in(value) if parameter.type is tuple else value
    return Settings(**given)


def only(episodes: Sequence[str], run: Path) -> str:
    """The one finished episode of a run, or BadInput that says how to choose."""
    if len(episodes) == 1:
        return episodes[0]
    if not episodes:
        raise BadInput(f"{run}: the run has no finished episode yet. Go on with it: run … --resume.")
    raise BadInput(f"{run}: holds {len(episodes)} episodes. Choose one with --episode.{did_you_mean('', episodes)}")


def names_in(text: str) -> tuple[str, ...]:
    """The names of a list separated by commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def numbers_in(text: str, flag: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise BadInput(f"{flag} takes whole numbers separated by commas; got {quoted(text)}.") from error
