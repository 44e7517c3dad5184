"""Every parameter goes unharmed through JSON and through its flag, and is refused by name where it is out of range."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from analyzer.commands.flags import add_settings, settings_of
from analyzer.settings import PARAMETERS, Parameter, Settings
from foundation.errors import BadInput

EVERY = pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS)


def another_value(parameter: Parameter) -> Any:
    """An allowed value that is not the default."""
    if parameter.choices:
        return next(choice for choice in parameter.choices if choice != parameter.default)
    if parameter.type is tuple:
        return ("a", "b")
    if parameter.type is bool:
        return not parameter.default
    if parameter.type is str:
        return "something else"
    allowed = [value for value in (parameter.low, parameter.high) if value is not None and value != parameter.default]
    near = {"n_eigenvectors": 13, "n_landmarks": 600, "n_segments": 3, "input_size": 224}
    return parameter.type(near.get(parameter.name, allowed[-1] if allowed else 7))


def flags(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_settings(parser, tuple(PARAMETERS))
    return settings_of(parser.parse_args(arguments))


@EVERY
def test_a_parameter_goes_through_json(parameter: Parameter) -> None:
    settings = Settings(**{parameter.name: another_value(parameter)})
    assert settings != Settings()
    assert Settings.from_json(json.loads(json.dumps(settings.as_json()))) == settings


@EVERY
def test_a_parameter_goes_through_its_flag(parameter: Parameter) -> None:
    value = another_value(parameter)
    given = [parameter.flag, ",".join(value) if isinstance(value, tuple) else str(value)]
    if parameter.type is bool:
        given = [parameter.flag]
    elif parameter.repeated:
        given = [part for item in value for part in (parameter.flag, item)]
    assert flags(*given) == Settings(**{parameter.name: value})


def test_no_flag_gives_the_defaults() -> None:
    assert flags() == Settings()


@EVERY
def test_what_is_missing_in_json_takes_the_default(parameter: Parameter) -> None:
    stored = Settings().as_json()
    del stored[parameter.name]
    assert Settings.from_json(stored) == Settings()


LIMITS = [(p, side) for p in PARAMETERS.values() for side in ("low", "high") if getattr(p, side) is not None]


@pytest.mark.parametrize(("parameter", "side"), LIMITS, ids=lambda value: getattr(value, "name", value))
def test_a_value_beyond_a_limit_is_refused_by_flag_and_range(parameter: Parameter, side: str) -> None:
    limit = getattr(parameter, side)
    parameter.check(parameter.type(limit))
    step = 1 if parameter.type is int else 1e-3
    with pytest.raises(BadInput, match=rf"{parameter.flag} is .*; allowed: .*{limit:.9g}"):
        Settings(**{parameter.name: limit + (step if side == "high" else -step)})


@pytest.mark.parametrize("parameter", [p for p in PARAMETERS.values() if p.type is float], ids=lambda p: p.name)
def test_nan_is_no_value(parameter: Parameter) -> None:
    with pytest.raises(BadInput, match=f"{parameter.flag} is nan"):
        Settings(**{parameter.name: float("nan")})


@pytest.mark.parametrize("parameter", [p for p in PARAMETERS.values() if p.choices], ids=lambda p: p.name)
def test_a_choice_that_does_not_exist_is_answered_with_the_nearest(parameter: Parameter) -> None:
    wanted = parameter.choices[-1]
    with pytest.raises(BadInput, match=f"{parameter.flag}: there is no '{wanted}x'. Did you mean '{wanted}'"):
        Settings(**{parameter.name: f"{wanted}x"})


def test_settings_of_another_version_are_named() -> None:
    with pytest.raises(BadInput, match="another version: 'brightness'"):
        Settings.from_json({"brightness": 3})


@EVERY
def test_every_parameter_says_what_it_means(parameter: Parameter) -> None:
    assert parameter.meaning.rstrip().endswith((".", "more"))
    assert parameter.meaning in parameter.help
