"""What every reader owes, whatever the format: proven on small datasets whose content is known."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import BUILDERS, Built, Known, read_barcode

from videos.catalog import find_episodes, open_episode
from videos.episode import Episode, EpisodeSummary

CASES = [pytest.param(name, i, id=f"{name}-{i}") for name in BUILDERS for i in range(3)]


@pytest.fixture
def summary(built: dict[str, Built], name: str, index: int) -> EpisodeSummary:
    summaries = find_episodes(built[name].path)
    assert len(summaries) == 3
    return summaries[index]


@pytest.fixture
def episode(summary: EpisodeSummary) -> Episode:
    return open_episode(summary)


@pytest.fixture
def known(built: dict[str, Built], name: str, index: int) -> Known:
    return built[name].episodes[index]


@pytest.mark.parametrize(("name", "index"), CASES)
class TestEveryReader:
    def test_shows_the_frames_that_were_recorded(self, episode: Episode, known: Known) -> None:
        assert tuple(episode.cameras) == known.cameras
        for camera in episode.cameras.values():
            frames = list(camera.frames())
            assert tuple(read_barcode(frame.rgb) for frame in frames) == known.codes
            assert [frame.index for frame in frames] == list(range(len(camera)))
            assert {frame.rgb.shape[:2] for frame in frames} == {camera.size}

    def test_gives_times_that_start_at_zero_and_rise(self, episode: Episode, known: Known) -> None:
        for camera in episode.cameras.values():
            assert camera.times_s[0] == 0
            assert np.all(np.diff(camera.times_s) > 0)
            assert known.times_s is not None
            np.testing.assert_allclose(camera.times_s, known.times_s, atol=1e-9)
            np.testing.assert_array_equal([frame.time_s for frame in camera.frames()], camera.times_s)

    def test_gives_the_same_frame_by_number_as_in_sequence(self, episode: Episode) -> None:
        for camera in episode.cameras.values():
            all_frames = [frame.rgb for frame in camera.frames()]
            chosen = [0, 2, len(camera) - 1]
            for index, frame in zip(chosen, camera.frames(chosen), strict=True):
                assert frame.index == index
                np.testing.assert_array_equal(frame.rgb, all_frames[index])
            last = next(camera.frames([len(camera) - 1]))
            np.testing.assert_array_equal(last.rgb, all_frames[-1])

    def test_reads_the_same_again(self, summary: EpisodeSummary, episode: Episode) -> None:
        again = open_episode(summary)
        for name, camera in episode.cameras.items():
            for first, second in zip(camera.frames(), again.cameras[name].frames(), strict=True):
                np.testing.assert_array_equal(first.rgb, second.rgb)

    def test_reads_actions_and_states_and_invents_none(self, episode: Episode, known: Known) -> None:
        for read, expected in ((episode.actions, known.actions), (episode.states, known.states)):
            if expected is None:
                assert read is None
            else:
                assert read is not None
                assert read.dtype == np.float64
                np.testing.assert_allclose(read, expected, rtol=1e-12)
        assert (episode.action_space is None) == (known.actions is None)
        assert (None if episode.frame_steps is None else tuple(episode.frame_steps)) == known.frame_steps
        if known.actions is None:
            assert any("no actions" in note for note in episode.notes)

    def test_tells_what_is_recorded_and_nothing_else(self, episode: Episode, known: Known) -> None:
        assert episode.instruction == known.instruction
        assert episode.success == known.success
        assert episode.control_hz == known.control_hz

    def test_summary_agrees_with_the_episode(self, summary: EpisodeSummary, episode: Episode) -> None:
        assert summary.id == episode.id
        assert summary.format == episode.format
        assert summary.cameras == tuple(episode.cameras)
        assert summary.instruction == episode.instruction
        assert summary.frames in (None, episode.frame_count)
        # A listing may know less than the opened episode, never something else.
        assert summary.success in (None, episode.success)

    def test_masks_are_those_of_the_recording(self, episode: Episode, known: Known) -> None:
        assert tuple(episode.masks or ()) == known.masked
        for name, source in (episode.masks or {}).items():
            masks = source.load()
            assert masks.labels.shape == (episode.frame_count, *episode.cameras[name].size)
            first = next(episode.cameras[name].frames([0])).rgb
            red = first[masks.labels[0] == masks.names.index("red")]
            assert red[:, 0].mean() > 150 > 100 > red[:, 2].mean()

    def test_id_is_a_file_name_that_finds_it_again(self, built: dict[str, Built], name: str, episode: Episode) -> None:
        assert "/" not in episode.id
        assert not episode.id.startswith(".")
        assert open_episode(built[name].path, episode.id).id == episode.id


@pytest.mark.parametrize("name", BUILDERS)
def test_fingerprints_are_stable_and_differ(built: dict[str, Built], name: str) -> None:
    def fingerprints() -> list[str]:
        episodes = [open_episode(summary) for summary in find_episodes(built[name].path)]
        return [next(iter(episode.cameras.values())).fingerprint() for episode in episodes]

    first, second = fingerprints(), fingerprints()
    assert first == second
    assert len(set(first)) == 3


@pytest.mark.parametrize("name", BUILDERS)
def test_wrong_frame_numbers_are_refused(built: dict[str, Built], name: str) -> None:
    camera = next(iter(open_episode(find_episodes(built[name].path)[0]).cameras.values()))
    for wrong in ([len(camera)], [-1], [1, 0], [1, 1]):
        with pytest.raises(ValueError, match=r"Frames are asked|There are frames"):
            next(camera.frames(wrong))
