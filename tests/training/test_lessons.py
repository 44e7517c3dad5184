"""The pure parts of training: who learns from what, words, bins, crops."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from policies.action_bins import ActionBins, ActionStatistics
from policies.prompt import V1, Prompt
from training import objective
from training.attention import plain_attention, quick_attention
from training.demonstrations import split
from training.language import FRAMES, PLACES, build_tokenizer, paraphrase, place
from training.network import EDGES
from training.pictures import keep, teacher_at, view
from training.settings import Settings
from training.train import SPLIT, rate

SMALL = Settings()


def episodes() -> tuple[list[dict], dict[str, float]]:
    rows = [
        {"path": f"demos/ep_{16 * task + k:03}", "task_id": task, "init_state_id": 7 * k % 10}
        for task in range(3)
        for k in range(10)
    ]
    angles = {str(row["path"]): 10.0 for row in rows} | {"demos/ep_018": 80.0}
    return [*rows, {"path": "failures/ep_000", "task_id": 0, "init_state_id": 90}], angles


def test_parts_share_no_initial_state_and_leave_nothing_out() -> None:
    rows, angles = episodes()
    parts = split(rows, angles, seed=3)
    listed = list(chain(*parts.values()))
    assert sorted(listed) == sorted(str(row["path"]) for row in rows if "demos" in str(row["path"]))
    assert parts["dropped"] == ["demos/ep_018"]
    for part in ("validation", "test"):
        assert [int(path[-3:]) // 16 for path in parts[part]] == [0, 1, 2]
    assert split(rows[::-1], angles, seed=3) == parts


def test_the_split_that_is_written_down_is_whole() -> None:
    parts = json.loads(SPLIT.read_text())
    listed = list(chain(*parts.values()))
    assert len(listed) == len(set(listed)) == 100
    assert len(parts["validation"]) == len(parts["test"]) == 10


def test_any_text_can_be_written_and_read_back(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(SMALL.text_tokens)
    for text in ("pick up the black bowl on the stove", "Größe 漢字 {}\n\tzap", "  two  spaces"):
        ids = tokenizer.encode(text).ids
        assert ids[0] == 1
        assert max(ids) < SMALL.text_tokens
        assert 0 not in ids
        assert tokenizer.decode(ids) == text


def test_prompts_end_alike_and_are_short(tmp_path: Path) -> None:
    build_tokenizer(SMALL.text_tokens).save(str(tmp_path / "tokenizer.json"))
    prompt = Prompt(tmp_path, template=V1, vocabulary=SMALL.text_tokens + EDGES + SMALL.padding, bos=1, limit=48)
    instructions = [FRAMES[0].format(where) for where in PLACES]
    tokens = [prompt.tokens(each) for each in instructions]
    assert len({tuple(each) for each in tokens}) == 10
    assert len({each[-1] for each in tokens}) == 1
    assert max(map(len, tokens)) < 40


def test_paraphrases_keep_the_place() -> None:
    generator = np.random.default_rng(0)
    for own, others in PLACES.items():
        said = {paraphrase(FRAMES[0].format(own), generator) for _ in range(200)}
        assert FRAMES[0].format(own) in said
        assert len(said) > 5
        assert all(any(where in sentence for where in (own, *others)) for sentence in said)
    with pytest.raises(ValueError, match="none of the ten"):
        place("open the drawer")


def statistics() -> ActionStatistics:
    actions = objective.openvla_actions(np.random.default_rng(0).uniform(-1, 1, (1000, 7)))
    return ActionStatistics.read("libero_x", objective.action_statistics(actions, 5)["action"])


def test_bins_there_and_back() -> None:
    known, bins = statistics(), ActionBins(SMALL.text_tokens + EDGES, EDGES)
    values = np.random.default_rng(1).uniform(-1, 1, (500, 7))
    values[:, 6] = np.sign(values[:, 6])
    actions = objective.openvla_actions(
        np.concatenate([0.5 * (values[:, :6] + 1) * (known.high - known.low)[:6] + known.low[:6], values[:, 6:]], 1)
    )
    tokens = objective.tokens_of(objective.places(actions, known), bins)
    assert tokens.min() >= SMALL.text_tokens
    assert tokens.max() < SMALL.text_tokens + EDGES
    back = known.unnormalise(bins.values(tokens))
    half = (known.high - known.low)[:6] / 255 / 2
    assert (np.abs(back - actions)[:, :6] <= half + 1e-9).all()
    assert (np.round(back[:, 6]) == actions[:, 6]).all()


def test_soft_targets_peak_at_the_right_bin() -> None:
    found = torch.tensor([[0, 10, 128, 200, 254, 255, 127]])
    targets = objective.soft_targets(found, SMALL)
    torch.testing.assert_close(targets.sum(-1), torch.ones(1, 7))
    assert (targets.argmax(-1) == found).all()
    assert targets[0, 6, 127] == 1


def test_a_perfect_answer_costs_the_entropy_alone() -> None:
    bins = ActionBins(SMALL.text_tokens + EDGES, EDGES)
    found = torch.full((2, 7), 100)
    targets = objective.soft_targets(found, SMALL)
    logits = torch.full((2, 7, SMALL.text_tokens + EDGES + SMALL.padding), -60.0)
    logits[..., SMALL.text_tokens : SMALL.text_tokens + EDGES] = targets.clamp_min(1e-20).log().flip(-1)
    entropy = -(targets * targets.clamp_min(1e-20).log()).sum(-1)[0]
    weights = torch.tensor([SMALL.translation] * 3 + [SMALL.rotation] * 3 + [SMALL.gripper])
    cost = objective.action_loss(logits, found, bins, SMALL)
    torch.testing.assert_close(cost, (weights * entropy).sum() / weights.sum(), atol=1e-4, rtol=1e-4)


def test_a_crop_and_the_teacher_under_it_stay_together() -> None:
    """A bright square in the picture and in the teacher's map: patches that show it are those that are told of it."""
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[96:160, 64:128] = 255
    features = torch.zeros(1, 32, 32, 1)
    features[0, 12:20, 8:16] = 1
    settings = Settings(untouched=0.0, colour=0.0, zoom=(0.8, 1.25), shift=0.1)
    for seed in range(5):
        seen = view(frame, np.zeros_like(frame), settings, np.random.default_rng(seed))
        bright = seen.rgb.reshape(16, 14, 16, 14, 3).mean((1, 3, 4)) / 255
        told = teacher_at(features, torch.from_numpy(seen.window)[None], 16).reshape(16, 16).numpy()
        assert np.abs(bright - told).mean() < 0.03
        np.testing.assert_allclose(seen.novelty / 255, bright, atol=0.02)


@pytest.mark.parametrize("causal", [False, True])
def test_quick_attention_is_attention(causal: bool) -> None:
    query, key, value = torch.randn(3, 2, 4, 20, 16, generator=torch.Generator().manual_seed(0))
    fused = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    with quick_attention():
        plain = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    torch.testing.assert_close(plain, fused)
    assert F.scaled_dot_product_attention is not plain_attention


def test_the_newest_patches_are_kept_in_order() -> None:
    novelty = np.zeros((16, 16), np.float32)
    novelty[3:7, 4:12] = 1
    kept = keep(novelty, 64, np.random.default_rng(0))
    assert (np.diff(kept) > 0).all()
    assert set(np.flatnonzero(novelty)) <= set(kept)
    assert len(keep(novelty, 256, np.random.default_rng(0))) == 256


def test_the_rate_rises_stays_and_falls() -> None:
    settings = Settings(steps=1000, warmup=10, decay=0.2)
    rates = [rate(step, settings) for step in range(1000)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:800]) == {1.0}
    assert rates[900] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01
