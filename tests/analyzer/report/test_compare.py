"""What differs between two sides whose difference is known."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import made_findings
import numpy as np
import pytest
from command import Command
from test_report import HOSTILE, stands_alone

from analyzer.comparison.agreement import AgreedColors, residuals
from analyzer.comparison.differences import compare
from analyzer.comparison.sides import sides
from analyzer.confusion.pair import PairTrace
from analyzer.findings_folder import Findings
from analyzer.instances.label_maps import LabelMaps
from analyzer.npy import NpyFile
from analyzer.run_folder import RunFolder, write_site

BOWL, PLATE, CUP = made_findings.BOWL, made_findings.PLATE, made_findings.CUP


def copied(run: RunFolder, to: Path) -> RunFolder:
    shutil.copytree(run.path, to)
    return RunFolder.open(to)


def renumbered(made: Findings, ids: dict[int, int], origin: str = "mask", name: str = "") -> Findings:
    """The same findings under other ids (and, with `name`, other names)."""
    order = sorted(made.instances, key=lambda one: ids[one.id])
    instances = tuple(
        replace(one, id=ids[one.id], origin=origin, name=f"{name} {ids[one.id]}" if name else one.name) for one in order
    )

    def pair(one: PairTrace) -> PairTrace:
        a, b = sorted((ids[one.a], ids[one.b]))
        return replace(one, a=a, b=b)

    cases = tuple(replace(case, instances=tuple(ids[id_] for id_ in case.instances)) for case in made.cases)
    return replace(made, instances=instances, pairs=tuple(map(pair, made.pairs)), events=(), cases=cases)


def with_values(made: Findings, a: int, b: int, values: tuple[float, float]) -> Findings:
    """Another confusion of one pair at the two sites, with the verdict that goes with it."""
    merged = values[1] > 0.5
    pairs = tuple(
        replace(
            pair,
            sites=tuple(
                replace(site, value=value, low=value - 0.02, high=value + 0.02)
                for site, value in zip(pair.sites, values, strict=True)
            ),
            verdict="merged" if merged else "apart",
            onset=pair.sites[1].site if merged else None,
        )
        if {pair.a, pair.b} == {a, b}
        else pair
        for pair in made.pairs
    )
    return replace(made, pairs=pairs)


class TestTwoSites:
    def test_what_is_confused_at_one_and_not_at_the_other(self, tiny_run: RunFolder) -> None:
        made_findings.give(tiny_run)
        comparison = compare(sides([tiny_run.path], sites=("vision.3", "vision.11")))
        assert comparison.sides.question == "two sites of one episode"
        first = comparison.pairs[0]
        assert (first.first, first.second) == ("bowl", "plate")
        assert first.sites[0].change == pytest.approx(0.8)
        assert [pair.parts_at is not None for pair in comparison.pairs] == [True, False, False]
        assert (
            "bowl and plate: confusion 0.10 (0.05–0.15) at vision.3, 0.90 (0.85–0.95) at vision.11."
            in comparison.sentences
        )
        assert "2 of 3 pairs differ by no more than the intervals." in comparison.sentences
        assert not comparison.cases

    def test_the_same_site_twice_is_no_question(self, tiny_run: RunFolder, command: Command) -> None:
        said = command("compare", tiny_run.path, "--sites", "vision.3")
        command.refuses(said, 2, "Both sides are the same", "--sites vision.3,vision.11")


class TestTwoRunsOfOneEpisode:
    @pytest.fixture
    def other(self, tiny_run: RunFolder, tmp_path: Path) -> RunFolder:
        """Without names, under other ids; there bowl and plate are told apart at all sites."""
        made_findings.give(tiny_run)
        other = copied(tiny_run, tmp_path / "other")
        ids = {BOWL: 3, PLATE: 1, CUP: 2}
        made = renumbered(made_findings.findings(), ids, origin="found", name="object")
        made = with_values(made, ids[BOWL], ids[PLATE], (0.1, 0.15))
        # `arrays` lays instances out by their place in the list: put each where the one it stands for lies.
        instances = tuple(made.instances[ids[id_] - 1] for id_ in (BOWL, PLATE, CUP))
        arrays = made_findings.arrays(replace(made_findings.findings(), pairs=made.pairs))
        labels = arrays.maps["agentview"]
        moved = np.zeros(256, np.uint8)
        for id_, one in zip((BOWL, PLATE, CUP), instances, strict=True):
            moved[id_] = one.id
        made_findings.write(
            other, "take", made, replace(arrays, maps={"agentview": labels.compress(moved[m] for m in labels)})
        )
        return other

    def test_things_are_matched_by_where_they_are(self, tiny_run: RunFolder, other: RunFolder) -> None:
        comparison = compare(sides([tiny_run.path, other.path]))
        assert {(one.a, one.b): one.how for one in comparison.matches} == {
            (BOWL, 3): "overlap",
            (PLATE, 1): "overlap",
            (CUP, 2): "overlap",
        }
        assert all(one.strength == 1.0 for one in comparison.matches)

    def test_the_difference_is_named(self, tiny_run: RunFolder, other: RunFolder) -> None:
        comparison = compare(sides([tiny_run.path, other.path]))
        assert comparison.sides.question == "one episode, in two runs of one policy"
        first = comparison.pairs[0]
        assert first.parts_at is not None
        assert first.parts_at.site_a == "vision.11"
        told = "bowl and plate: merged at vision.11 in A, apart in B; the traces part at vision.11; at vision.11 confusion is"
        assert any(sentence.startswith(told) for sentence in comparison.sentences)

    def test_equal_bases_agree_and_a_turned_one_is_turned_back(self, tiny_run: RunFolder, other: RunFolder) -> None:
        site = other.site("take", "vision.3")
        path = other.site_folder("take", "vision.3") / "eigenvectors.npy"
        with NpyFile.open(path) as file:
            values = file.read(0, len(file)).astype(np.float32)
        # Swap two eigenvectors of one eigenvalue and flip one: the same structure on other axes.
        turned = values.copy()
        turned[..., 2], turned[..., 3] = -values[..., 3], values[..., 2]
        write_site(path.parent, replace(site, eigenvalues=(1.0, 0.8, 0.5, 0.5)))
        with NpyFile.create(path, turned.shape, "float16") as file:
            file.write(0, turned.astype(np.float16))
        original = tiny_run.site("take", "vision.3")
        write_site(tiny_run.site_folder("take", "vision.3"), replace(original, eigenvalues=(1.0, 0.8, 0.5, 0.5)))
        both = sides([tiny_run.path, other.path])
        found = {(one.a, one.b): one.value for one in residuals(both)}
        assert found["vision.3", "vision.3"] == pytest.approx(0, abs=1e-3)
        assert found["vision.3", "vision.11"] > 0.3
        # Colours that tell the two sides of an axis apart in A tell them apart in the turned basis too.
        side = values[..., 1] > 0
        colors = np.where(side[..., None], (255, 0, 0), (0, 0, 255)).astype(np.uint8)
        with NpyFile.create(tiny_run.site_folder("take", "vision.3") / "colors.npy", colors.shape, "uint8") as file:
            file.write(0, colors)
        agreed = AgreedColors.fit(both, "vision.3", "vision.3")
        assert agreed is not None
        painted = agreed(turned)
        assert painted.dtype == np.uint8
        assert ((painted[..., 0] > painted[..., 2]) == side).mean() > 0.85

    @pytest.mark.parametrize("suffix", ["html", "md", "json"])
    def test_every_form_is_written_and_repeats(
        self, tiny_run: RunFolder, other: RunFolder, command: Command, suffix: str
    ) -> None:
        written = []
        for _ in range(2):
            said = command("compare", tiny_run.path, other.path, "-o", f"c.{suffix}", "--quiet")
            assert said.code == 0, said.err
            written.append((command.home / f"c.{suffix}").read_bytes())
        assert written[0] == written[1]
        if suffix == "html":
            page = stands_alone(written[0].decode())
            assert "in the colours of A (residual 0.00)" in page.words
            assert "confusion 0.90" in page.words
        if suffix == "json":
            stored = json.loads(written[0])
            assert stored["pairs"][0]["parts_at"] == "vision.11"

    def test_a_changed_recording_is_another_episode(self, tiny_run: RunFolder, other: RunFolder) -> None:
        path = other.episode_folder("take") / "episode.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprints": ["x", "y"]}))
        comparison = compare(sides([tiny_run.path, other.path]))
        assert comparison.sides.question == "two episodes"
        assert not comparison.residuals
        assert any("no names were given" in sentence for sentence in comparison.not_assessed)
        assert not comparison.pairs


class TestTwoEpisodes:
    @pytest.fixture
    def run(self, tiny_run: RunFolder) -> RunFolder:
        """ "take" and "other", which shows other pictures; both name their things."""
        shutil.copytree(tiny_run.episode_folder("take"), tiny_run.episode_folder("other"))
        path = tiny_run.episode_folder("other") / "episode.json"
        changed = {"id": "other", "fingerprints": ["x", "y"], "success": True}
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
        tiny_run.manifest.planned = tiny_run.manifest.done = ["take", "other"]
        tiny_run.write_manifest()
        made_findings.give(tiny_run)
        return tiny_run

    def test_names_say_what_is_the_same(self, run: RunFolder) -> None:
        ids = {BOWL: 2, PLATE: 3, CUP: 1}
        made_findings.give(run, with_values(renumbered(made_findings.findings(), ids), 2, 3, (0.1, 0.1)), "other")
        comparison = compare(sides([run.path], ["take", "other"]))
        assert comparison.sides.question == "two episodes"
        assert {(one.a, one.b, one.how) for one in comparison.matches} == {
            (BOWL, 2, "name"),
            (PLATE, 3, "name"),
            (CUP, 1, "name"),
        }
        assert comparison.pairs[0].parts_at is not None
        assert "A: failure, 4 frames. B: success, 4 frames. Both were asked the same." in comparison.sentences

    def test_without_names_the_shared_eigenspace_says_it(self, run: RunFolder) -> None:
        """Each thing has an axis of its own in both episodes, under another id."""
        ids = {BOWL: 2, PLATE: 3, CUP: 1}
        made = renumbered(made_findings.findings(), ids, origin="found", name="object")
        _give_axes(run, "take", made_findings.findings(), {id_: id_ for id_ in ids})
        _give_axes(run, "other", made, {there: id_ for id_, there in ids.items()})
        comparison = compare(sides([run.path], ["take", "other"]))
        assert {(one.a, one.b) for one in comparison.matches} == {(BOWL, 2), (PLATE, 3), (CUP, 1)}
        assert {one.how for one in comparison.matches} == {"eigenspace"}

    def test_cases_of_one_side_are_named(self, run: RunFolder, command: Command) -> None:
        made_findings.give(run, made_findings.findings(cases=(), events=()), "other")
        said = command("compare", run.path, "--episodes", "take,other", "--quiet")
        assert said.code == 0, said.err
        assert "Only A has this case (merged, score 0.86)" in said.out
        assert "Not assessed" not in said.out  # one basis: there is nothing to bring together

    def test_things_of_one_side_are_named(self, run: RunFolder) -> None:
        made = made_findings.findings()
        fewer = replace(made, instances=made.instances[:2], pairs=made.pairs[:1], cases=(), events=())
        made_findings.give(run, fewer, "other")
        comparison = compare(sides([run.path], ["take", "other"]))
        assert "Objects of A with no counterpart in B: 3 cup." in comparison.sentences
        assert [(pair.first, pair.second) for pair in comparison.pairs] == [("bowl", "plate")]

    def test_nobody_looked_at_one(self, run: RunFolder, command: Command) -> None:
        said = command("compare", run.path, "--episodes", "take,other", "-o", "c.html", "--quiet")
        assert said.code == 0, said.err
        page = stands_alone((command.home / "c.html").read_text())
        assert "Findings of B: No findings: nobody has looked" in page.words
        assert "Steadiness" in page.words

    def test_hostile_names_stay_text(self, run: RunFolder, command: Command) -> None:
        names = (HOSTILE, "plate\x1b[2J", "cup")
        made_findings.give(run, made_findings.findings(names))
        made_findings.give(run, with_values(made_findings.findings(names), BOWL, PLATE, (0.1, 0.1)), "other")
        command("compare", run.path, "--episodes", "take,other", "-o", "c.html", "--quiet")
        page = stands_alone((command.home / "c.html").read_text())
        assert "<script>alert(1)</script>" in page.words
        said = command("compare", run.path, "--episodes", "take,other", "--quiet")
        assert "\x1b" not in said.out

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ((), "Name the episodes with --episodes"),
            (("--episodes", "take,othr"), "Did you mean 'other'"),
            (("--episodes", "take,other,take"), "two names at most"),
            (("--episodes", "take,other", "--sites", "vision.4"), "Did you mean 'vision.3'"),
            (("--episodes", "take,other", "-o", "c.csv"), "ends in .html, .md or .json"),
        ],
    )
    def test_bad_usage(self, run: RunFolder, command: Command, options: tuple[str, ...], told: str) -> None:
        command.refuses(command("compare", run.path, *options), 2, told)


def _give_axes(run: RunFolder, episode: str, made: Findings, axes: dict[int, int]) -> None:
    """Findings in which every instance has a patch, and eigenvectors in which it has an axis of its own there."""
    rows, cols = run.site(episode, "vision.3").grid
    cells = np.zeros((rows, cols), np.uint8)
    for instance in made.instances:
        cells[instance.id % rows, instance.id] = instance.id
    labels = np.kron(cells, np.ones((48 // rows, 64 // cols), np.uint8))
    maps = {"agentview": LabelMaps.compress([labels] * 4)}
    made_findings.write(run, episode, made, replace(made_findings.arrays(made), maps=maps))
    for site in run.site_names:
        values = np.zeros((4, 2, rows, cols, 4), np.float16)
        values[..., 0] = 1
        for id_, axis in axes.items():
            values[:, 0, cells == id_, axis] = 1
        path = run.site_folder(episode, site) / "eigenvectors.npy"
        with NpyFile.create(path, values.shape, "float16") as file:
            file.write(0, values)
