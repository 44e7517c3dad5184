"""A whole small training, on made-up pictures: the same again, and the same after a stop."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from policies.action_bins import ActionBins, ActionStatistics
from policies.catalog import BUNDLED
from policies.prompt import V1, Prompt
from training import objective, train
from training.checkpoint_folder import write_checkpoint, write_texts
from training.demonstrations import PHASES, Demonstrations
from training.language import FRAMES, PLACES
from training.muon import orthogonal
from training.network import EDGES, TrainedOpenVla
from training.settings import Settings

STEPS = 5
TINY = Settings(
    image=56, dino_width=16, dino_depth=2, dino_mlp=32, siglip_width=16, siglip_depth=2, siglip_mlp=32,
    language_width=16, language_layers=1, language_mlp=32, language_heads=2, batch=4, processes=1, steps=STEPS,
    warmup=2, kept_patches=8, whole_from=0, whole_every=2, taught=2, teacher_channels=6, distance=0.5,
)  # fmt: skip
ROWS = 24


def made_up(work: Path, settings: Settings) -> train.Lessons:
    """Lessons of two episodes of noise."""
    generator = np.random.default_rng(7)

    def some(*shape: int) -> np.ndarray:
        return generator.normal(size=(ROWS, *shape))

    actions = some(7).clip(-1, 1)
    actions[:, 6] = np.sign(actions[:, 6])
    data = Demonstrations(
        ("a", "b"), tuple(FRAMES[0].format(where) for where in list(PLACES)[:2]), np.repeat([0, 1], ROWS // 2),
        np.repeat([0, 1], ROWS // 2), generator.integers(0, 256, (ROWS, 64, 64, 3), dtype=np.uint8), actions, actions,
        generator.integers(0, len(PHASES), ROWS), some(3), some(3), some(2, 3), some(),
    )  # fmt: skip
    converted = objective.openvla_actions(actions)
    entry = objective.action_statistics(converted, 2)
    write_texts(work / "checkpoint", settings, {settings.statistics: entry})
    statistics = ActionStatistics.read(settings.statistics, entry["action"])
    vocabulary = settings.text_tokens + EDGES
    return train.Lessons(
        data=data, rows=np.arange(ROWS), chances=np.ones(ROWS), trained=ROWS - 4,
        places=objective.places(converted, statistics), side=objective.side_targets(data, settings),
        taught_rows=np.arange(6), taught=[some(32, 32, settings.teacher_channels)[:6] for _ in range(3)],
        median=np.zeros((64, 64, 3), np.uint8),
        prompt=Prompt(
            work / "checkpoint", template=V1, vocabulary=vocabulary + settings.padding, bos=1, limit=train.LONGEST
        ),
        bins=ActionBins(vocabulary, EDGES), statistics=statistics,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "prepare", lambda data, settings, work, write=False: made_up(work, settings))


def trained(work: Path, settings: Settings = TINY) -> dict[str, torch.Tensor]:
    work.mkdir(exist_ok=True)
    before = torch.get_num_threads()
    try:
        return train.train(Path("nowhere"), settings, work, 0.0).state_dict()
    finally:
        torch.set_num_threads(before)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first = trained(tmp_path / "a")
    assert same(first, trained(tmp_path / "b"))
    assert not same(first, trained(tmp_path / "c", dataclasses.replace(TINY, seed=1)))


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(tmp_path / "whole")
    steps, losses = [0], train.losses

    def broken_off(*arguments: object) -> object:
        steps[0] += 1
        if steps[0] == 4:
            raise KeyboardInterrupt
        return losses(*arguments)

    monkeypatch.setattr(train, "losses", broken_off)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "stopped")
    assert same(whole, trained(tmp_path / "stopped"))
    assert steps[0] == 4 + STEPS - 3


def test_other_settings_do_not_go_on_from_there(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(SystemExit, match="other settings"):
        trained(tmp_path, dataclasses.replace(TINY, rate=1e-4))


def test_validation_is_left_alone_until_it_is_asked_for(tmp_path: Path) -> None:
    made = made_up(tmp_path, TINY)
    kept = set(map(tuple, made.places[made.trained :]))
    for after in (10, 1_000_000):
        settings = dataclasses.replace(TINY, validation_from=after)
        drawn = {
            tuple(row.tolist()) for step in range(10, 60) for row in train.batch_at(step, 0, made, settings, 8).places
        }
        assert bool(kept & drawn) is (after == 10)


def test_what_is_written_is_the_policy_and_half_as_long(tmp_path: Path) -> None:
    made_up(tmp_path, TINY)
    tensors = {name: tensor for name, tensor in trained(tmp_path).items() if not name.startswith("helpers.")}
    write_checkpoint(tmp_path / "out", tmp_path / "checkpoint", tensors)
    written = load_file(tmp_path / "out" / "model.safetensors")
    assert written.keys() == tensors.keys()
    assert all(tensor.dtype == torch.float16 for tensor in written.values())


def test_training_can_begin_from_the_checkpoint_that_is_shipped() -> None:
    shipped = Settings().name
    settings = Settings.read(BUNDLED / shipped / "training_settings.json")
    model = TrainedOpenVla(settings, objective.side_outputs(settings))
    train.begin(model, dataclasses.replace(settings, begin=shipped))
    written = load_file(BUNDLED / shipped / "model.safetensors")
    assert all(torch.equal(tensor, written[name].float()) for name, tensor in model.written().items())


def test_settings_of_a_file_replace_those_of_the_record(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text(json.dumps({"seed": 5, "zoom": [0.9, 1.1]}))
    assert Settings.read(tmp_path / "some.json") == dataclasses.replace(Settings(), seed=5, zoom=(0.9, 1.1))
    (tmp_path / "odd.json").write_text(json.dumps({"sed": 5}))
    with pytest.raises(TypeError, match="sed"):
        Settings.read(tmp_path / "odd.json")


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (16, 16)])
def test_steps_are_about_as_long_in_every_direction(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = torch.linalg.svdvals(orthogonal(matrix))
    assert found.min() > 0.5
    assert found.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(orthogonal(matrix).flatten(), (u @ v).flatten(), 0) > 0.97


def test_the_mean_distance_pulls_to_the_median() -> None:
    """Three answers to one picture, two of them near to each other: what distance alone likes best is the middle one."""
    bins = ActionBins(TINY.text_tokens + EDGES, EDGES)
    settings = dataclasses.replace(TINY, distance=1000.0)
    found = torch.tensor([[20] * 7, [30] * 7, [200] * 7])
    free = torch.zeros(1, 7, TINY.text_tokens + EDGES + TINY.padding, requires_grad=True)
    stepper = torch.optim.Adam([free], lr=0.3)
    for _ in range(300):
        stepper.zero_grad()
        objective.action_loss(free.expand(3, -1, -1), found, bins, settings).backward()
        stepper.step()
    likeliest = free.detach()[0, :6, TINY.text_tokens : bins.vocabulary].flip(-1).argmax(-1)
    assert (likeliest == 30).all()
