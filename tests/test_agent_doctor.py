"""The doctor names what is broken before anything is rendered."""

from pathlib import Path

import pytest
from command import retake
from fakes import fast_config

import agent.doctor
from agent.config import LoopConfig
from agent.doctor import OUR_PACKAGES, Finding, examine

UNREACHABLE = {
    "rewrite__rewriter": "llm",
    "rewrite__base_url": "http://127.0.0.1:9/v1",
    "rewrite__model": "m",
}


def look(config: LoopConfig) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(config)}


def install(monkeypatch: pytest.MonkeyPatch, **owners: list[str]) -> None:
    """Makes it look as if these distributions brought these packages."""
    ours = {name: ["retake"] for name in OUR_PACKAGES}
    monkeypatch.setattr(agent.doctor, "packages_distributions", lambda: ours | owners)


def test_a_good_config_has_nothing_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, faiss=["faiss-cpu"])
    found = look(fast_config())
    assert not [finding for finding in found.values() if finding.state == "broken"]
    assert found["renderer"].said == "retake/painter: 160x160, 12 frames at 8 fps"
    assert "answers with" in found["retrieval"].said
    assert found["rewriter"].said == "rules"
    assert found["sources"].said == "alignment, spatial, temporal, motion; judge shapes, detector shapes"
    assert found["packages"].state == "good"


@pytest.mark.parametrize(
    ("overrides", "what", "said"),
    [
        ({"render__renderer": "imaginary"}, "renderer", "known: comfyui, diffusers, painter, pocket, server"),
        ({"render__renderer": "no.such:Thing"}, "renderer", "no.such"),
        ({"retrieve__graph": "no/such/folder"}, "retrieval", "no/such/folder"),
        ({"rewrite__rewriter": "imaginary"}, "rewriter", "known: distilled, llm, rules"),
        (UNREACHABLE, "rewriter", "127.0.0.1:9"),
        ({"assess__sources": ["alignment", "imaginary"]}, "sources", "imaginary"),
        ({"assess__judge": "imaginary"}, "sources", "known: shapes"),
        ({"assess__detector": "none"}, "sources", "needs a detector"),
    ],
)
def test_what_is_broken_is_named_and_the_rest_is_looked_at_all_the_same(
    overrides: dict[str, object], what: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    found = look(fast_config(**overrides))
    assert found[what].state == "broken"
    assert said in found[what].said
    assert "\n" not in found[what].said
    assert set(found) >= {"python", "GPU", "disk", "renderer", "retrieval", "rewriter", "sources"}


def test_retrieval_that_is_off_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert look(fast_config(retrieve__graph="none"))["retrieval"] == Finding("retrieval", "note", "off")


@pytest.mark.parametrize("name", OUR_PACKAGES)
def test_another_distribution_with_a_package_of_our_name_is_broken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, **{name: ["retake", "somebody-elses", "retake"]})
    found = look(fast_config(retrieve__graph="none"))
    assert found[name].state == "broken"
    assert found[name].said == "also installed by somebody-elses; give Retake an environment of its own"
    assert "packages" not in found


def test_two_faiss_in_one_folder_are_broken_and_none_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, faiss=["faiss-gpu", "faiss-cpu"])
    assert look(fast_config(retrieve__graph="none"))["faiss"].said.startswith("faiss-cpu and faiss-gpu share")
    install(monkeypatch)
    assert look(fast_config(retrieve__graph="none"))["faiss"].state == "note"


def test_the_command_exits_1_when_something_is_broken_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = retake("doctor", "--embedder", "hashing", "--graph", str(tmp_path / "[no]such"))
    assert done.returncode == 1, done.stderr
    assert "!!  retrieval" in done.stdout
    assert "[no]such" in done.stdout
    assert "ok  renderer" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_command_exits_0_when_all_is_well() -> None:
    done = retake("doctor", "--embedder", "hashing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "!!" not in done.stdout
