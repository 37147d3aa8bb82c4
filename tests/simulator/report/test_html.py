"""The page of a run: complete in itself, safe to open, and with everything in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from simulator.report.cases import CaseResult
from simulator.report.html import page, write_page
from simulator.report.index import index_page
from simulator.report.lanes import Mark
from simulator.report.legend import SWATCHES
from simulator.report.summary import About, Summary
from simulator.report.svg import Canvas
from simulator.report.timeline import MOST_ENVOYS, loss_curve, timeline
from tests.simulator.report.runs import ENVOYS, a_summary

SVG = "{http://www.w3.org/2000/svg}"


class Outline(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]


@pytest.fixture(scope="module")
def held() -> Summary:
    return a_summary()


@pytest.fixture(scope="module")
def broken() -> Summary:
    return a_summary(ends=False)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - our own text


def hints(svg: str) -> list[str]:
    return [title.text or "" for title in parsed(svg).iter(f"{SVG}title")]


# ---------------------------------------------------------------- the page


def test_a_page_needs_nothing_but_itself(broken: Summary) -> None:
    text = page(broken)
    outline = Outline(text)

    assert not {"script", "link", "img", "iframe", "object"} & set(outline.tags)
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in outline.attributes}
    assert re.findall(r"url\(([^)]*)\)", text) == ["#stripes", "#hatch"]
    assert "@import" not in text


def test_a_page_has_every_part_of_a_run(held: Summary, broken: Summary) -> None:
    parts = ["about", "timeline", "learning", "promises", "faults", "experiments", "rpcs"]

    assert [one for one in Outline(page(held)).ids if one in parts] == parts
    assert "decided" not in Outline(page(held)).ids
    assert "decided" in Outline(page(broken)).ids
    assert "simulate scenarios/tale.yaml --case identity=plaintext --seed 7" in page(held)


def test_a_page_says_what_the_scenario_is_about(held: Summary) -> None:
    text = page(held)

    assert "<h2>Hearts fall silent</h2>" in text
    assert "<p>Two hospitals fall silent.</p>" in text
    assert 'id="about"' not in page(replace(held, about=About()))


def test_a_page_tells_a_failure_that_was_expected_from_one_that_was_not(broken: Summary) -> None:
    expected = page(a_summary(ends=False, xfail=True))

    assert '<header class="broken">' in page(broken)
    assert '<header class="expected">' in expected
    assert "<title>AS EXPECTED: " in expected


def test_a_witness_can_be_read_whole(broken: Summary) -> None:
    (line, *_) = broken.witness
    long = replace(line, value={"details": "x" * 500, "few": [1, 2], "many": list(range(9))})

    text = page(replace(broken, witness=(long,)))

    assert "many=[9 items]" in text
    assert "x" * 500 in text
    assert "details" in Outline(text).tags


def test_a_page_is_for_light_and_for_dark(held: Summary) -> None:
    assert "prefers-color-scheme: dark" in page(held)
    assert ("content", "light dark") in Outline(page(held)).attributes


def test_what_attackers_call_their_experiments_is_text_and_nothing_else(held: Summary) -> None:
    name = "<script>alert('x')</script>\x1b]0;\x07"
    evil = replace(
        held,
        case={"name": name},
        experiments=tuple(
            replace(line, name=name, owner=name, told=name) for line in held.experiments
        ),
    )

    text = page(evil)

    assert "script" not in Outline(text).tags
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_same_run_gives_the_same_page(tmp_path: Path, held: Summary) -> None:
    write_page(held, tmp_path / "report.html")

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(a_summary())


# ---------------------------------------------------------------- the page above the pages


def a_case(summary: Summary | None, name: str = "tale") -> CaseResult:
    error = None if summary else "it <b>did</b> not start"
    return CaseResult(scenario=name, case={}, seed=7, wall_s=3, summary=summary, error=error)


def test_the_index_has_a_line_and_a_link_for_each_case_and_what_it_all_took(
    held: Summary, broken: Summary
) -> None:
    cases = [a_case(held), a_case(broken), a_case(None)]

    text = index_page(cases, ["a", "b=1", "c"], elapsed_s=4.5)

    links = [value for name, value in Outline(text).attributes if name == "href"]
    assert [link for link in links if link.endswith(".html")] == [
        "a/report.html",
        "b%3D1/report.html",
    ]
    assert "c/director.log" in links
    assert "1 harness failed, 1 broken, 1 held" in text
    assert "<dd>4.5 s</dd>" in text
    assert "experiments-end: brain-mri had not ended" in text
    assert "it &lt;b&gt;did&lt;/b&gt; not start" in text
    assert "script" not in Outline(text).tags


# ---------------------------------------------------------------- the pictures


def test_the_timeline_shows_phases_faults_experiments_and_envoys(held: Summary) -> None:
    told = hints(timeline(held))

    assert "calm, 00:00.0 to 01:00.0" in told
    assert "Director down, 03:20.0 to 03:28.0" in told
    assert any(t.startswith("silent-hearts, heartbeat.drop on hospital-03,") for t in told)
    assert any(t.startswith("brain-mri of alice, finished: read at") for t in told)
    assert any(t.startswith("hospital-03 listed offline,") for t in told)
    assert "hospital-08 killed at 02:30.0" in told
    assert sum("trains brain-mri" in t for t in told) == 3 * len(ENVOYS)
    assert sum(t.startswith("evil-") for t in told) == 3


def test_the_legend_explains_every_shape_that_the_picture_uses(held: Summary) -> None:
    every = ("actor.kill", "envoy.registered", "actor.pause", "actor.resume", "envoy.dead")
    marks = tuple(Mark(time_s=float(nth), topic=topic) for nth, topic in enumerate(every))
    told = replace(
        held,
        envoys=(replace(held.envoys[0], marks=marks), *held.envoys[1:]),
        experiments=(replace(held.experiments[0], ended_s=None), *held.experiments),
    )
    drawn = list(parsed(timeline(told)).iter())

    signs = {shape.attrib["d"] for shape in drawn if "transform" in shape.attrib}
    areas = {shape.attrib["class"].split()[0] for shape in drawn if shape.tag == f"{SVG}rect"}

    assert {sign for sign in signs if sign not in page(told).partition("</ul>")[0]} == set()
    assert areas - {"phase", "down"} == set(SWATCHES)


def test_all_of_a_picture_lies_within_it(broken: Summary) -> None:
    root = parsed(timeline(broken))
    _, _, width, height = map(float, root.attrib["viewBox"].split())

    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


def test_of_a_large_fleet_those_with_a_story_are_shown(held: Summary) -> None:
    quiet = next(line for line in held.envoys if line.name == "hospital-01")
    crowd = tuple(replace(quiet, name=f"calm-{number}") for number in range(300))
    fleet = replace(held, envoys=(*crowd, *held.envoys))

    text = timeline(fleet)

    assert any("hospital-03 listed offline" in told for told in hints(text))
    assert f"and {308 - MOST_ENVOYS} more" in text
    assert text.index("calm-2<") < text.index("calm-10<")


def test_a_loss_curve_has_a_point_for_each_round(held: Summary) -> None:
    told = hints(loss_curve(held.experiments[0]))

    assert told == ["round 0: 2", "round 1: 0.5", "round 2: 0.222222"]


def test_a_run_in_which_nothing_happened_can_be_drawn(held: Summary) -> None:
    nothing = replace(
        held, ended_s=0.0, phases=(), envoys=(), experiments=(), faults=(), downtimes=()
    )

    assert parsed(timeline(nothing)).tag == f"{SVG}svg"
    assert "<main>" in page(nothing)


def test_an_experiment_that_was_accepted_and_never_began_can_be_drawn(held: Summary) -> None:
    brain = replace(held.experiments[0], rounds_begun=(), ended_s=None, outcome="in_progress")

    told = hints(timeline(replace(held, experiments=(brain,))))

    assert "not ended" in told


def test_a_canvas_escapes_what_it_is_given() -> None:
    canvas = Canvas(10)
    canvas.words(0, 0, "<b>&", "name", hint="\x1b<")

    assert "&lt;b&gt;&amp;" in canvas.to_svg("a<b", "c")
    assert "\\x1b&lt;" in canvas.to_svg("a<b", "c")
