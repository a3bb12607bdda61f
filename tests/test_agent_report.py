import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from drawing import Thing, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import (
    Assessed,
    Candidate,
    Decision,
    Finding,
    Render,
    Result,
    Totals,
    Verification,
)
from agent.report import render_report, write_report
from agent.trajectory import Failure, RetrievedModifier, Trajectory
from feedback.records import Assessment, Feedback, Question, Score, Verdict
from feedback.video_file import write_clip

PROMPT = "a red ball rolls left past two blue boxes"
BETTER = "A glossy red ball rolls slowly to the left past two blue boxes, on a plain grey floor, static camera."
QUESTIONS = [
    Question(id="q1", kind="object", text="Is there a red ball?", phrase="a red ball", subject="red ball"),
    Question(id="q2", kind="action", text="Does the red ball move left?", phrase="rolls left", value="moves left"),
    Question(id="q3", kind="count", text="Are there exactly two blue boxes?", phrase="two blue boxes", value="2"),
]
OUTAGE = "the judge did not answer: connection refused"


def assess(
    alignment: float | None, motion: float | None, *, text: str = "The ball moves right instead of left."
) -> Assessment:
    known = [value for value in (alignment, motion) if value is not None]
    verdicts = [
        Verdict(question_id="q1", p_yes=0.97),
        Verdict(question_id="q2", p_yes=0.08, seen="it moves right"),
        Verdict(question_id="q3", p_yes=None, seen="the boxes overlap"),
    ]
    return Assessment(
        feedbacks=[
            Feedback(
                source="alignment",
                scores=[Score(name="alignment", value=alignment, why="" if alignment is not None else OUTAGE)],
                verdicts=[] if alignment is None else verdicts,
                critique=text,
            ),
            Feedback(
                source="motion",
                scores=[
                    Score(name="motion", value=motion, why="" if motion is not None else "only one frame"),
                    Score(name="dynamic_degree", value=motion, why="" if motion is not None else "only one frame"),
                ],
                evidence={"speed_px_per_frame": 0.4, "direction": "right"},
            ),
        ],
        dimensions={"alignment": alignment, "motion": motion},
        overall=sum(known) / len(known) if known else None,
        intent=alignment,
        failing=["q2"],
        critique=text,
    )


def make_trajectory(folder: Path) -> Trajectory:
    """Three iterations: good and bad candidates, one dropped, one that could not be rendered, one not scored."""
    candidates = [
        Candidate(id="0", iteration=0, text=PROMPT, origin="prompt"),
        Candidate(
            id="1", iteration=0, text="a red ball on a table", origin="retrieval", rationale="adds a place", parent="0",
            modifiers=["on a table"],
        ),
        Candidate(
            id="2", iteration=1, text=BETTER, origin="refine", rationale="names the direction", parent="1",
            modifiers=["static camera", "plain grey floor"], raw_text=f"Sure! {BETTER}",
            findings=[Finding(rule="preamble", detail='took out "Sure!"')],
        ),
        Candidate(id="3", iteration=1, text="I can't help with that.", origin="refine", dropped="a refusal"),
        Candidate(id="4", iteration=2, text="a red ball, a blue box, rain", origin="fallback", parent="2"),
        Candidate(id="5", iteration=2, text="two blue boxes and a red ball, photo", origin="refine", parent="2"),
    ]  # fmt: skip
    scores = {
        "0-7": (0.4, 0.5), "0-8": (0.3, 0.5), "1-7": (0.5, 0.4), "1-8": (0.45, 0.5), "2-7": (0.9, 0.8),
        "2-8": (0.85, 0.8), "5-7": (None, None), "5-8": (None, None), "0-101": (0.4, 0.4), "2-101": (0.8, 0.8),
    }  # fmt: skip
    renders: list[Render] = []
    for number, render_id in enumerate(scores):
        candidate, seed = render_id.split("-")
        things = [Thing(x=40, y=90, dx=3 + number), Thing("square", "blue", x=120, y=60)]
        write_clip(draw_clip(things, frames=16, background="gray"), folder / "videos" / f"{render_id}.mp4")
        renders.append(
            Render(
                candidate=candidate,
                seed=int(seed),
                iteration=candidates[int(candidate)].iteration,
                purpose="verify" if seed == "101" else "loop",
                path=f"videos/{render_id}.mp4",
                seconds=1.5,
            )
        )
    renders.append(Render(candidate="4", seed=7, iteration=2, failure="out of memory at the lowest setting"))
    result = Result(
        prompt=PROMPT,
        best=candidates[2],
        best_score=0.8375,
        best_video="videos/2-7.mp4",
        original_score=0.425,
        original_video="videos/0-7.mp4",
        verification=Verification(seeds=[101], champion="2", champion_scores=[0.8], original_scores=[0.4], gain=0.4),
        verified_gain=0.4,
        stop_reason="no_improvement",
        why="no gain of 0.005 in 2 iterations",
        iterations=2,
        totals=Totals(renders=11, failed_renders=1, render_seconds=15.0, seconds=20.25, tokens_in=None),
    )
    return Trajectory(
        header={
            "schema_version": 1, "prompt": PROMPT, "created": "2026-11-20", "commit": None,
            "packages": {"retake": "0.1.0"}, "config": {"seed": 7, "render": {"renderer": "painter"}},
        },
        checklist=QUESTIONS,
        modifiers=[RetrievedModifier(text="on a table", kind="scene", cosine=0.71, via="ball", count=12)],
        candidates=candidates,
        renders=renders,
        assessed=[Assessed(render=key, assessment=assess(*pair)) for key, pair in scores.items()],
        decisions=[
            Decision(iteration=0, champion="1", score=0.4625, why="candidate 1 leads with 0.463; going on"),
            Decision(iteration=1, champion="2", score=0.8375, why="candidate 2 leads with 0.838; going on"),
            Decision(iteration=2, champion="2", score=0.8375, stop="no_improvement", why="no gain of 0.005"),
        ],
        failures=[Failure(stage="rewrite", reason="ModelError: timed out")],
        verification=result.verification,
        result=result,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "a-red-ball"


@pytest.fixture(scope="module")
def whole(folder: Path) -> Trajectory:
    """A finished run, its videos in `folder`."""
    return make_trajectory(folder)


def read_page(trajectory: Trajectory, folder: Path, embed_limit_mb: float = 0) -> Any:
    return BeautifulSoup(render_report(trajectory, folder, embed_limit_mb), "html.parser")


def words_of(part: Any) -> str:
    return " ".join(part.get_text(" ").split())


def with_text(trajectory: Trajectory, text: str) -> Trajectory:
    """The same run with `text` in the prompt, a candidate, its reasons and a critique."""
    return Trajectory(
        header={**trajectory.header, "prompt": text, "models": [text]},
        checklist=[QUESTIONS[0].model_copy(update={"text": text})],
        modifiers=[trajectory.modifiers[0].model_copy(update={"text": text, "via": text})],
        candidates=[
            Candidate(id="0", iteration=0, text=text, origin="prompt"),
            Candidate(id="1", iteration=0, text=f"x {text}", origin="refine", rationale=text, modifiers=[text],
                      raw_text=text, findings=[Finding(rule="intent", detail=text)], dropped=text),
        ],
        renders=[Render(candidate="0", seed=7, iteration=0, path="videos/0-7.mp4"),
                 Render(candidate="0", seed=8, iteration=0, failure=text)],
        assessed=[Assessed(render="0-7", assessment=assess(None, 0.5, text=text))],
        decisions=[Decision(iteration=0, champion="0", score=0.5, why=text)],
        failures=[Failure(stage="rewrite", reason=text)],
    )  # fmt: skip


def test_the_report_names_the_outcome_the_scores_and_why_the_run_stopped(whole, folder):
    page = read_page(whole, folder)
    assert words_of(page.h1) == "Candidate 2 shows it best"
    tiles = words_of(page.find(class_="tiles"))
    assert "Your prompt 0.425" in tiles
    assert "Best 0.838" in tiles
    assert "Verified gain +0.400 on unseen seed 101" in tiles
    assert "No gain of 0.005 in 2 iterations" in words_of(page)
    assert words_of(page.find(id="verification").tbody.tr) == "101 0.400 0.800 +0.400"


def test_a_gain_that_was_not_verified_is_not_shown_as_a_number(whole, folder):
    assert whole.result is not None
    result = whole.result.model_copy(update={"verification": None, "verified_gain": None})
    page = read_page(replace(whole, result=result), folder)
    assert "Verified gain — not verified: no unseen seeds were rendered" in words_of(page.find(class_="tiles"))


def test_a_rewrite_shows_what_was_put_in_and_taken_out(whole, folder):
    card = read_page(whole, folder).find(id="candidate-1")
    text = card.find(class_="prompt")
    assert [words_of(part) for part in text.find_all("ins")] == ["on a table"]
    assert [words_of(part) for part in text.find_all("del")] == ["rolls left past two blue boxes"]
    assert "adds a place" in words_of(card)


def test_every_candidate_stands_in_its_iteration_with_what_became_of_it(whole, folder):
    page = read_page(whole, folder)
    assert [card["id"] for card in page.find_all("article", class_="candidate")] == [f"candidate-{n}" for n in range(6)]
    assert "Dropped by the screen: a refusal" in words_of(page.find(id="candidate-3"))
    assert "This render failed: out of memory at the lowest setting" in words_of(page.find(id="candidate-4"))
    best = words_of(page.find(id="candidate-2"))
    assert "Does the red ball move left? alignment, seen: it moves right p 0.08" in best
    assert 'Screen, preamble: took out "Sure!"' in best


def test_what_has_no_score_shows_a_dash_and_the_reason_never_zero(whole, folder):
    page = read_page(whole, folder)
    for render in page.find(id="candidate-5").find_all(class_="render"):
        scores = render.find(class_="scores")
        assert "0.000" not in words_of(scores)
        assert OUTAGE in words_of(scores)
        assert OUTAGE in scores.find_all(class_="unscored")[1]["title"]
        assert not scores.find_all(class_="meter")
    line = next(row for row in page.find(id="scores").find_all("tr") if "Candidate 5" in words_of(row))
    assert OUTAGE in words_of(line)
    assert "0.000" not in words_of(line)
    assert "candidate 5" not in words_of(page.find(class_="panels")).lower()


def test_the_ranking_says_on_how_many_seeds_each_candidate_was_seen(whole, folder):
    table = read_page(replace(whole, renders=[r for r in whole.renders if r.id != "1-8"]), folder).find(id="scores")
    column = [words_of(cell) for cell in table.thead.find_all("th")].index("Seeds")
    seeds = {words_of(cells[0]): words_of(cells[column]) for row in table.tbody.find_all("tr")
             if (cells := row.find_all(["th", "td"]))}  # fmt: skip
    assert seeds == {"Candidate 2": "2", "Your prompt": "2", "Candidate 1": "1",
                     "Candidate 3": "—", "Candidate 4": "—", "Candidate 5": "—"}  # fmt: skip
    assert list(seeds)[:3] == ["Candidate 2", "Your prompt", "Candidate 1"]


def test_the_plot_has_a_dot_for_each_scored_candidate_and_says_in_words_what_it_shows(whole, folder):
    panels = read_page(whole, folder).find(class_="panels").find_all("figure")
    assert [words_of(panel.figcaption) for panel in panels] == ["Overall", "Alignment", "Motion"]
    for panel in panels:
        drawn = [words_of(dot.title).split(":")[0] for dot in panel.find_all("circle")]
        assert drawn == ["Your prompt", "Candidate 1", "Candidate 2"]
    assert "Champion: 0.463 in iteration 0, 0.838 in iteration 2." in panels[0].svg["aria-label"]
    heights = {words_of(dot.title): float(dot["cy"]) for dot in panels[0].find_all("circle")}
    assert heights["Candidate 2: 0.838"] < heights["Candidate 1: 0.463"] < heights["Your prompt: 0.425"]


def test_the_line_of_a_last_iteration_that_wrote_nothing_new_stays_inside_the_plot(whole, folder):
    last = whole.decisions[-1]
    later = last.model_copy(update={"iteration": last.iteration + 1})
    page = read_page(replace(whole, decisions=[*whole.decisions, later]), folder)
    plot = page.find(class_="panels").find("figure").svg
    ends = [float(line["x2"].rstrip("%")) for line in plot.find_all("line", class_="champion-line")]
    assert len(ends) == len(whole.decisions)
    assert max(ends) <= 97.0
    assert str(later.iteration) in [words_of(text) for text in plot.find_all("text")]


def test_an_unfinished_run_renders_with_its_leader(whole, folder):
    page = read_page(replace(whole, result=None, verification=None), folder)
    assert words_of(page.h1) == "Under way: candidate 2 leads so far"
    assert "not verified: the run is not finished" in words_of(page)


def test_a_run_that_has_only_begun_renders(tmp_path):
    page = read_page(Trajectory(header={"schema_version": 1, "prompt": PROMPT}), tmp_path)
    assert words_of(page.h1) == "Under way: nothing to show yet"
    assert PROMPT in words_of(page.blockquote)


def test_the_prompt_itself_can_be_the_best(whole, folder):
    assert whole.result is not None
    lost = Verification(seeds=[101], champion="2", champion_scores=[0.3], original_scores=[0.4], gain=-0.1)
    own = {
        "best": whole.candidates[0],
        "best_score": 0.425,
        "best_video": "videos/0-7.mp4",
        "verified_gain": 0.0,
        "verification": lost,
    }
    page = read_page(replace(whole, result=whole.result.model_copy(update=own)), folder)
    assert words_of(page.h1) == "Your own prompt stands: candidate 2 did worse on new seeds"
    assert len(page.find(class_="pair").find_all("video")) == 1


def test_the_page_names_no_address_of_the_network(whole, folder):
    page = read_page(whole, folder)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"data:video/mp4;base64,[\w+/=]*", "", str(page)))
    for tag in page.find_all(True):
        assert not {name for name in tag.attrs if name.startswith("on") or name == "style"}
        for name in ("src", "href"):
            assert re.match(r"data:|#|videos/", tag.get(name, "#"))
    assert len(page.find_all("script")) == 1


def test_each_video_stands_in_the_page_once_up_to_the_limit_and_is_linked_beyond(whole, folder):
    every = [video.get("src", "") for video in read_page(whole, folder, embed_limit_mb=64).find_all("video")]
    assert len([source for source in every if source.startswith("data:video/mp4;base64,")]) == 10
    best_bytes = (folder / "videos/2-7.mp4").stat().st_size
    page = read_page(whole, folder, embed_limit_mb=best_bytes / 1e6)
    assert page.find(id="video-best")["src"].startswith("data:")
    assert page.find(id="video-original")["src"] == "videos/0-7.mp4"
    assert len([video for video in page.find_all("video") if video.get("src", "").startswith("data:")]) == 1


def test_a_missing_video_and_a_path_out_of_the_folder_show_a_note(whole, folder):
    (folder.parent / "secret.mp4").write_bytes(b"secret")
    renders = [whole.renders[0].model_copy(update={"path": path}) for path in ("videos/gone.mp4", "../secret.mp4")]
    for render in renders:
        card = read_page(replace(whole, renders=[render]), folder).find(id="candidate-0")
        assert f"{render.path} is not in the run folder" in words_of(card)
        assert not card.find_all("video")


@pytest.mark.parametrize("prompt", [PROMPT, "--help", 'it\'s; rm -rf "$HOME" `id` \\', "a\nb\t'c'", "‮gnp.exe 🎬"])
def test_the_command_to_run_it_again_gives_the_shell_back_the_very_prompt(prompt, tmp_path):
    page = read_page(Trajectory(header={"prompt": prompt}), tmp_path)
    assert shlex.split(page.find(id="command").get_text()) == ["retake", "run", "--config", "config.json", "--", prompt]


HOSTILE = [
    "<script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "\"' onload=x </title>",
    "{{ 7 * 7 }}{% raw %}", "<!-- -->", "&lt;b&gt;",
    "‮txet‬ ⁦isolated", "👩‍👩‍👧 قطة تقفز", "\ud800", "\x00\x0b", "wörter " * 1400,
]  # fmt: skip


TEXTS = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=60).filter(str.strip)
"""No white space alone: it is no prompt, and BeautifulSoup makes one blank of it."""


@given(text=st.one_of(st.sampled_from(HOSTILE), TEXTS))
@settings(max_examples=40, deadline=None)
def test_any_text_stays_text(text, whole, folder):
    plain, page = read_page(with_text(whole, "x"), folder), read_page(with_text(whole, text), folder)
    harmless = {"ins", "del", "bdi"}
    assert [tag.name for tag in page.find_all(True) if tag.name not in harmless] == [
        tag.name for tag in plain.find_all(True) if tag.name not in harmless
    ]
    assert {name for tag in page.find_all(True) for name in tag.attrs} <= {
        name for tag in plain.find_all(True) for name in tag.attrs
    }
    assert page.find(id="text-0").get_text() == text
    assert page.script.get_text() == plain.script.get_text()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_can_be_written_to_the_file(text, whole, folder):
    page = write_report(with_text(whole, text), folder)
    assert page == folder / "report.html"
    assert page.read_bytes().decode().rstrip().endswith("</html>")
    assert [path.name for path in folder.iterdir() if path.name.startswith(".report")] == []


def test_texts_keep_their_direction_to_themselves(whole, folder):
    page = read_page(with_text(whole, "‮gnp.exe"), folder)
    for found in page.find_all(string=re.compile("‮")):
        around = found.find_parents(
            lambda tag: tag.name in {"bdi", "title", "pre"} or tag.get("dir") == "auto" or tag.has_attr("hidden")
        )
        assert around, found


def test_the_page_works_in_a_browser_without_a_network(whole, folder):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    page_file = write_report(whole, folder, embed_limit_mb=(folder / "videos/2-7.mp4").stat().st_size / 1e6)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 380, "height": 800})
        troubles: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())

        def wait_for(claim: str) -> None:
            """Asks again and again: the page's policy forbids the polling that Playwright would put into it."""
            while not page.evaluate(claim):
                page.wait_for_timeout(50)

        assert page.get_by_text("0.838").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        videos = [
            f"document.querySelector('{name}')" for name in ("#video-best", "#video-original", "#candidate-2 video")
        ]
        for video in videos:
            wait_for(f"{video}.readyState >= 2")
        page.get_by_role("button", name="Play all videos").click()
        for video in videos:
            wait_for(f"{video}.currentTime > 0.1")
        long_words = "</style><script>alert(1)</script> " + "long" * 300 + " and many words" * 500
        page.goto(write_report(with_text(whole, long_words), folder).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        assert troubles == []
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        browser.close()
