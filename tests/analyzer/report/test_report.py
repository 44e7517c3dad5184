"""Reports of runs with known findings: what they say, in every form, whatever the recording tries."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import made_findings
import pytest
from command import Command
from fake_policy import FakePolicy, install
from takes import HEIGHT, WIDTH, write_take

from analyzer.dependence.record import Dependence, Effect, InstanceDependence
from analyzer.failures.case import Case
from analyzer.report import write
from analyzer.report.as_json import COLUMNS
from analyzer.run_folder import RunFolder

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"&'`|*_[a](javascript:alert(3)) @team #12 https://evil.example"
SCHEMA = json.loads((Path(write.__file__).parent / "schema.json").read_text())
VOID = {"meta", "img", "br"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "div", "h1", "h2", "h3", "h4", "p", "a", "b"),
    *("table", "thead", "tbody", "tr", "th", "td", "ul", "li", "pre", "article", "section", "figure", "figcaption"),
    *(
        "img",
        "br",
        "span",
        "dl",
        "dt",
        "dd",
        "svg",
        "g",
        "rect",
        "line",
        "text",
        "circle",
        "polyline",
        "polygon",
        "path",
    ),
}


class Page(HTMLParser):
    """Every element of a page, its text, and where its links lead; fails on elements that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def all(self, name: str) -> list[str]:
        return [value or "" for attribute, value in self.attributes if attribute == name]


def stands_alone(html: str) -> Page:
    """A page without scripts, handlers or anything to fetch, whose policy would not allow them either."""
    page = Page(html)
    # The pages' own elements and no others: nothing that a recording wrote became one.
    assert set(page.tags) <= {*ALLOWED, "title"}
    assert [name for name, _ in page.attributes if name.startswith("on") or name == "style"] == []
    assert all(source.startswith("data:image/") for source in page.all("src"))
    assert all(link.startswith("#") or re.fullmatch(r"[\w.=+-]+\.html", link) for link in page.all("href"))
    targets = set(page.all("id"))
    assert {link[1:] for link in page.all("href") if link.startswith("#")} <= targets
    (policy,) = [content for content in page.all("content") if "default-src" in content]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script" not in policy
    return page


def html_of(run: RunFolder | Path, command: Command, *options: str) -> Page:
    path = run if isinstance(run, Path) else run.path
    said = command("report", path, "-o", "report.html", "--quiet", *options)
    assert said.code == 0, said.err
    return stands_alone((command.home / "report.html").read_text())


def change_record(run: RunFolder, **fields: object) -> None:
    path = run.episode_folder("take") / "episode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_case_is_told_with_its_pictures_and_plots(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run)
    page = html_of(tiny_run, command)
    for words in (
        "1 episode (1 failure), 1 case.",
        "“put the bowl on the plate”",
        "the policy cannot tell bowl (1) from plate (2) at vision.11",
        "0.86",
        "frames 3–6 (0.15–0.35 s)",
        "1 bowl and 2 plate",
        "merged from here",
        "dashed: mean over the frames of this case",
        "confusion 0.90",
        "0.85 … 0.95",
        "2 (1 - AUC) over patches of both",
        "What the action depends on: the policy does not act.",
        "Camera wrist: nothing was found in it.",
        "look-alikes",
        "stride",
        "dinov2-small",
    ):
        assert words in page.words
    # 3 key frames (0 before, 3 first, 6 last) x (whole, close-up, 2 sites), 3 faces; one episode needs no list.
    assert len(page.all("src")) == 3 * 4 + 3
    assert page.words.count("dx") == 1
    assert any("picture 0.20, vision.3 0.10, vision.11 0.90" in words for words in page.all("aria-label"))


def test_numbers_in_the_figure_are_those_of_the_findings(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run)
    words = html_of(tiny_run, command).words
    # The first pair at both sites, once a key frame; never "hot" at the site where they are apart.
    assert words.count("confusion 0.10") == 3
    assert words.count("confusion 0.90") == 3


@pytest.mark.parametrize("suffix", ["html", "md", "json", "csv"])
def test_equal_input_gives_equal_bytes(tiny_run: RunFolder, command: Command, suffix: str) -> None:
    made_findings.give(tiny_run)
    outputs = []
    for _ in range(2):
        assert command("report", tiny_run.path, "-o", f"a.{suffix}", "--quiet").code == 0
        outputs.append((command.home / f"a.{suffix}").read_bytes())
    assert outputs[0] == outputs[1]


def test_text_out_of_recordings_stays_text(tiny_run: RunFolder, command: Command) -> None:
    made = made_findings.findings((HOSTILE, "\u202egnirts", "cup\x1b[31m"))
    made_findings.give(tiny_run, replace(made, not_assessed=(HOSTILE,)))
    change_record(tiny_run, instruction=HOSTILE, notes=[HOSTILE], source=f"/tmp/{HOSTILE}")
    said = command("report", tiny_run.path, "-o", "report.html", "--quiet")
    page = stands_alone((command.home / "report.html").read_text())
    assert said.code == 0
    assert "“<script>alert(1)</script>" in page.words
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    assert "the run's smaller preview" in page.words  # the recording is not where the hostile path says


def test_markdown_keeps_hostile_text_plain(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run, made_findings.findings((HOSTILE, "plate | 2", "# cup")))
    command("report", tiny_run.path, "-o", "report.md", "--quiet")
    text = (command.home / "report.md").read_text()
    prose = re.sub(r"(`+)(?!`).*?\1", "", text, flags=re.S)
    assert re.search(r"(?<!\\)<(?!!-- -->|/?sub>)", prose) is None
    assert "](javascript" not in prose.replace("\\]", "")
    assert re.search(r"[@#]\w", prose) is None
    assert "https://" not in prose
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows[:3]} == {6}


def test_a_spreadsheet_runs_nothing(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run)
    change_record(tiny_run, instruction='=HYPERLINK("http://evil.example")')
    command("report", tiny_run.path, "-o", "report.csv", "--quiet")
    text = (command.home / "report.csv").read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert tuple(row) == COLUMNS
    assert row["instruction"].startswith("'=")
    assert (row["case"], row["kind"], row["score"], row["first_frame"]) == ("merged-1-2", "merged", "0.86", "3")
    assert row["instances"] == "bowl; plate"


@pytest.mark.parametrize("given", ["findings", "nothing found", "no findings", "hostile", "dependence"])
def test_json_keeps_to_its_schema(tiny_run: RunFolder, command: Command, given: str) -> None:
    made = {
        "findings": made_findings.findings(),
        "nothing found": made_findings.findings(instances=(), pairs=(), events=(), cases=()),
        "hostile": made_findings.findings((HOSTILE, "b", "c")),
        "dependence": made_findings.findings(dependence=DEPENDENCE),
    }.get(given)
    if made is not None:
        made_findings.give(tiny_run, made)
    assert command("report", tiny_run.path, "-o", "report.json", "--quiet").code == 0
    stored = json.loads((command.home / "report.json").read_text())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(stored)
    (episode,) = stored["episodes"]
    assert episode["state"] == ("not assessed" if given == "no findings" else "assessed")
    if given == "findings":
        (case,) = episode["findings"]["cases"]
        assert (case["first_frame"], case["last_frame"], case["score"]) == (3, 6, 0.86)
        assert case["evidence"][0]["low"] == 0.85


def test_the_schema_refuses_what_is_wrong(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run)
    command("report", tiny_run.path, "-o", "report.json", "--quiet")
    stored = json.loads((command.home / "report.json").read_text())
    case = stored["episodes"][0]["findings"]["cases"][0]
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for wrong in ({"score": 1.5}, {"sentence": None}, {"surprise": 1}, {"first_frame": -1}):
        before = dict(case)
        case.update(wrong)
        assert not validator.is_valid(stored), wrong
        case.clear()
        case.update(before)
    assert validator.is_valid(stored)


DEPENDENCE = Dependence(
    instances=(
        InstanceDependence(
            made_findings.PLATE,
            "acts on it",
            frames=(0, 2),
            controls=6,
            effects=(Effect("translation", "cm per step", 3.1, None, 0.2, 0.1, 0.01),),
            attribution=0.4,
            attribution_area=0.1,
        ),
        InstanceDependence(made_findings.CUP, "not assessed", reason="Too little of it was to be seen."),
    ),
    erased_frames=(0, 2),
    sentences=("Erasing plate changes the translation by 3.1 cm per step: the policy acts on plate.",),
)


def test_what_the_action_depends_on(tiny_run: RunFolder, command: Command) -> None:
    made_findings.give(tiny_run, made_findings.findings(dependence=DEPENDENCE))
    page = html_of(tiny_run, command)
    for words in ("the policy acts on plate", "change of translation, cm per step", "40%", "Too little of it"):
        assert words in page.words
    assert any("2 plate 3.1 (background 0.2)" in words for words in page.all("aria-label"))


class TestStates:
    """Nothing to tell is told, in plain words."""

    def test_nobody_looked(self, tiny_run: RunFolder, command: Command) -> None:
        page = html_of(tiny_run, command)
        assert "nobody has looked for confusion here yet" in page.words
        assert f"python -m analyzer assess {tiny_run.path}" in page.words

    def test_no_object(self, tiny_run: RunFolder, command: Command) -> None:
        empty = made_findings.findings(instances=(), pairs=(), events=(), cases=(), not_assessed=("No masks.",))
        made_findings.give(tiny_run, empty)
        page = html_of(tiny_run, command)
        assert "No object was found" in page.words
        assert "No masks." in page.words

    def test_nothing_found(self, tiny_run: RunFolder, command: Command) -> None:
        made_findings.give(tiny_run, made_findings.findings(cases=(), events=()))
        assert "Nothing was found" in html_of(tiny_run, command).words

    def test_no_actions(self, tiny_run: RunFolder, command: Command) -> None:
        made_findings.give(tiny_run)
        (tiny_run.episode_folder("take") / "actions.parquet").unlink()
        change_record(tiny_run, action_space=None, frame_steps=None, success=None, instruction=None)
        page = html_of(tiny_run, command)
        for words in ("Actions: not recorded", "outcome not recorded", "instruction: not recorded"):
            assert words in page.words

    def test_an_episode_of_one_frame(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, FakePolicy())
        take = write_take(command.home / "take.mp4", 1)
        assert command.run(take, "--quiet", "--instances", "none").code == 0
        run = RunFolder.open(command.home / "out")
        assert (
            "No object was found" in html_of(run, command).words or "nobody has looked" in html_of(run, command).words
        )
        made = made_findings.findings()
        (case,) = made.cases
        alone = replace(
            made,
            instances=tuple(replace(one, camera="camera", area=(60,), key_frame=0) for one in made.instances),
            sites=("vision.0",),
            pairs=tuple(
                replace(pair, sites=(replace(pair.sites[1], site="vision.0"),), verdict="apart", onset=None)
                for pair in made.pairs
            ),
            cases=(replace(case, first=0, last=0, sites=("vision.0",)),),
            events=(),
        )
        arrays = made_findings.arrays(alone, 1, (HEIGHT, WIDTH))
        made_findings.write(run, "take", alone, replace(arrays, maps={"camera": arrays.maps["agentview"]}))
        page = html_of(run, command)
        assert "frame 0 (0.00 s)" in page.words
        assert "first and last" in page.words

    def test_a_pair_that_was_not_assessed(self, tiny_run: RunFolder, command: Command) -> None:
        made = made_findings.findings()
        pair = made.pairs[0]
        blank = tuple(replace(site, value=None, low=None, high=None, features=None) for site in pair.sites)
        unknown = replace(pair, sites=blank, pixels=None, verdict="not assessed", onset=None)
        made_findings.give(tiny_run, replace(made, pairs=(unknown, *made.pairs[1:])))
        assert "not assessed here" in html_of(tiny_run, command).words

    def test_recording_gone(self, tiny_run: RunFolder, command: Command, tmp_path: Path) -> None:
        made_findings.give(tiny_run)
        shutil.rmtree(tmp_path / "take")
        assert "pictures are from the run's smaller preview" in html_of(tiny_run, command).words

    def test_recording_and_preview_gone(self, tiny_run: RunFolder, command: Command, tmp_path: Path) -> None:
        made_findings.give(tiny_run)
        shutil.rmtree(tmp_path / "take")
        tiny_run.preview("take").unlink()
        said = command("report", tiny_run.path, "-o", "report.html", "--quiet")
        assert said.code == 2
        page = stands_alone((command.home / "report.html").read_text())
        assert page.words.count("preview cannot be read") == 1

    @pytest.mark.parametrize("lost", ["findings/findings.json", "findings/confusion.npy", "episode.json"])
    def test_damage_is_told_and_ends_with_2(self, tiny_run: RunFolder, command: Command, lost: str) -> None:
        made_findings.give(tiny_run)
        (tiny_run.episode_folder("take") / lost).write_bytes(b"{}")
        said = command("report", tiny_run.path, "-o", "report.html", "--quiet")
        page = stands_alone((command.home / "report.html").read_text())
        assert lost.rsplit("/", 1)[-1] in page.words
        assert said.err.startswith("damaged: ")
        assert said.code == 2

    def test_findings_of_another_episode(self, tiny_run: RunFolder, command: Command) -> None:
        made = made_findings.findings()
        beyond = replace(made.cases[0], first=2, last=9)
        made_findings.give(tiny_run, replace(made, cases=(beyond,)))
        said = command("report", tiny_run.path, "-o", "report.html", "--quiet")
        assert said.code == 2
        assert "findings of another episode" in (command.home / "report.html").read_text()

    def test_not_a_run(self, command: Command, tmp_path: Path) -> None:
        command.refuses(command("report", tmp_path, "-o", "report.html"), 2, "not a run folder")

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("-o", "report.pdf"), "ends in .html, .md, .json or .csv"),
            (("-o", "report.html", "--cases", "-1"), "--cases is -1"),
            (("-o", "report.html", "--episodes", "tak"), "Did you mean 'take'"),
            (("-o", "report.html", "--fail-on", "confusd"), "Did you mean 'confused'"),
            (("-o", "report.html", "--fail-on", "any:1.5"), "'1.5' is no score"),
            (("-o", "report.html", "--fail-on", "any:nan"), "'nan' is no score"),
        ],
    )
    def test_bad_usage(self, tiny_run: RunFolder, command: Command, options: tuple[str, ...], told: str) -> None:
        said = command("report", tiny_run.path, *options)
        command.refuses(said, 2, told)
        assert not (command.home / "report.html").exists()


@pytest.mark.parametrize(
    ("gate", "code"),
    [("any", 1), ("0.8", 1), ("0.9", 0), ("confused", 1), ("confused:0.86", 1), ("confused:0.87", 0), ("stall", 0)],
)
def test_a_gate_for_ci(tiny_run: RunFolder, command: Command, gate: str, code: int) -> None:
    made = made_findings.findings()
    made_findings.give(tiny_run, replace(made, cases=(replace(made.cases[0], kind="confused"),)))
    said = command("report", tiny_run.path, "-o", "r.json", "--quiet", "--json", "--fail-on", gate)
    assert said.code == code
    assert bool(json.loads(said.out)["stopped"]) == (code == 1)
    assert ("over --fail-on: From frame 3" in said.err) == (code == 1)
    assert (command.home / "r.json").exists()


def copies(run: RunFolder, scores: list[float | None]) -> RunFolder:
    """The run with one episode a score, None: nothing found; "take" is gone."""
    names = [f"take-{number}" for number in range(len(scores))]
    for name in names:
        shutil.copytree(run.episode_folder("take"), run.episode_folder(name))
        path = run.episode_folder(name) / "episode.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "id": name}))
    run.manifest.planned = run.manifest.done = names
    run.write_manifest()
    for name, score in zip(names, scores, strict=True):
        made = made_findings.findings()
        cases: tuple[Case, ...] = () if score is None else (replace(made.cases[0], score=score),)
        made_findings.give(run, replace(made, cases=cases), name)
    return run


def test_the_run_is_made_again_in_its_own_order(tiny_run: RunFolder, command: Command) -> None:
    """Not in that of the ranks, and whole: its episodes share a basis."""
    run = copies(tiny_run, [0.2, 0.9])
    command("report", run.path, "-o", "r.json", "--quiet", "--episodes", "take-1")
    (told,) = json.loads((command.home / "r.json").read_text())["runs"]
    source = run.episode("take-0").source
    expected = ["python", "-m", "analyzer", "run", source, "--episodes", "take-0,take-1", "--stride", "3"]
    assert shlex.split(told["reproduce"])[: len(expected)] == expected
    assert shlex.split(told["reproduce"])[-2:] == ["--out", str(run.path)]


def test_episodes_are_ranked_and_cases_of_all_share_the_room(tiny_run: RunFolder, command: Command) -> None:
    run = copies(tiny_run, [0.2, None, 0.9])
    run.manifest.planned = [*run.manifest.planned, "take-9"]
    run.write_manifest()
    said = command("report", run.path, "-o", "r.json", "--quiet")
    assert said.code == 0
    episodes = json.loads((command.home / "r.json").read_text())["episodes"]
    assert [episode["id"] for episode in episodes] == ["take-2", "take-0", "take-1", "take-9"]
    assert [episode["rank"] for episode in episodes] == [1, 2, 3, 4]
    page = html_of(run, command, "--cases", "1")
    assert page.words.count("What it stands on") == 1
    assert "1 more case, not shown in full" in page.words
    assert "Not analysed yet" in page.words


def test_a_page_has_room_for_so_many_episodes(
    tiny_run: RunFolder, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MOST_EPISODES", 2)
    page = html_of(copies(tiny_run, [0.9, 0.8, 0.7]), command)
    assert "The last 1 are in this list alone" in page.words
    assert [link for link in page.all("href") if "case" not in link] == ["#take-0", "#take-1"]
    assert page.words.count("Who is who") == 2


def test_a_dataset_is_an_index_and_a_page_an_episode(tiny_run: RunFolder, command: Command) -> None:
    run = copies(tiny_run, [0.2, 0.9])
    assert command("report", run.path, "-o", "pages", "--quiet").code == 0
    home = command.home / "pages"
    index = stands_alone((home / "index.html").read_text())
    links = [link for link in index.all("href") if link.endswith(".html")]
    assert links == ["take-1.html", "take-0.html"]
    for link in links:
        page = stands_alone((home / link).read_text())
        assert "index.html" in page.all("href")
        assert page.words.count("What it stands on") == 1


def test_runs_of_one_name_are_told_apart(tiny_run: RunFolder, command: Command, tmp_path: Path) -> None:
    made_findings.give(tiny_run)
    other = tmp_path / "other" / "run"
    shutil.copytree(tiny_run.path, other)
    said = command("report", tiny_run.path, other, "-o", "r.json", "--quiet")
    stored = json.loads((command.home / "r.json").read_text())
    assert said.code == 0
    assert sorted(run["name"] for run in stored["runs"]) == sorted([str(tiny_run.path), str(other)])
    page_said = command("report", tiny_run.path, other, "-o", "r.html", "--quiet")
    assert page_said.code == 0
    stands_alone((command.home / "r.html").read_text())
