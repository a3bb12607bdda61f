"""The pocket writer: what it read, its tokenizer, its pretraining, and the model that ships."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from agent.config import RewriteConfig
from agent.errors import UsageError
from agent.llm.chat_format import ChatFormat, find_chat_model
from agent.llm.registry import open_rewriter_model
from agent.llm.shipped import SHIPPED, find_shipped
from agent.llm.transformers_local import TransformersLanguageModel
from examples.pocket import pretrain_writer
from examples.pocket.bench_prompts import COLOUR_WORDS, MOTION_WORDS, RELATION_WORDS, SHAPE_WORDS, facts_of
from examples.pocket.captions import SMALL_WORDS
from examples.pocket.evaluate_writer import evaluate, load_writer, scene_of, shows
from examples.pocket.pretrain_writer import UNREAD, Recipe, Trainer, pretrain
from examples.pocket.training_prompts import BENCH_PROMPTS, training_prompts
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import all_scenes, canonical, is_held_out, paraphrases, split_scenes
from examples.pocket.writer_text import draw_document, draw_scene, pocket_brief, pocket_chat, told
from examples.pocket.writer_tokenizer import CONTEXT_TOKENS, train_tokenizer
from feedback.lexicon import words_of

NAME = "pocket-writer"
TINY = Recipe(steps=4, rows=2, row_tokens=160, width=32, heads=2, layers=1, inner_width=64, warmup_steps=1)
EXAMPLES = Path(__file__).parents[1] / "examples"
PROMPT_FILES = [EXAMPLES / name for name in ("bench_prompts.txt", "loose_prompts.txt", "training_prompts.txt")]
HELD_OUT = [scene for scene in all_scenes() if is_held_out(scene)]
HELD_OUT_CAPTIONS = {text.lower() for scene in HELD_OUT for text in (canonical(scene), *paraphrases(scene))}


def prompts_in(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def everything_read(count: int, seed: int) -> Iterator[str]:
    """All texts of so many documents, lower-cased."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        document = draw_document(rng)
        said = [document] if isinstance(document, str) else [message["content"] for message in document]
        yield from (text.lower() for text in said)


# What it reads


def test_no_held_out_scene_and_no_typed_prompt_is_read():
    typed = {prompt.lower() for file in PROMPT_FILES for prompt in prompts_in(file)}
    # Of a companion that stays still, the end of a caption of two things says what a caption of one thing does.
    of_two = [canonical(scene).lower() for scene in HELD_OUT if scene.companion]
    for text in everything_read(1_500, seed=3):
        assert not any(within in text for within in (*typed, *of_two)), text
        assert not {text, *re.split(r"(?<=\.) ", text)} & HELD_OUT_CAPTIONS, text


def test_no_chat_answers_words_that_no_caption_has_with_a_caption():
    captions = {canonical(scene) for scene in all_scenes()}
    known = {word for caption in captions for word in words_of(caption)}
    known |= {"there", "it", "video", "of", "that", "one"}
    rng, answered = np.random.default_rng(5), 0
    for _ in range(1_000):
        document = draw_document(rng)
        if isinstance(document, str):
            continue
        turns = [message for message in document if message["role"] != "system"]
        for question, answer in zip(turns[::2], turns[1::2], strict=True):
            words = set(words_of(question["content"]))
            if answer["content"] in captions:
                answered += 1
                assert words <= known, question
            else:
                assert set(words_of(answer["content"])) <= words | {"a", "an", "the"}, (question, answer)
    assert answered > 300


def test_a_chat_about_a_scene_says_what_a_distilled_rewriter_for_pocket_is_told():
    scene, rng = split_scenes(held_out=False)[1][0], np.random.default_rng(0)
    system, user, answer = pocket_chat(scene, rng)
    assert [system, user] == pocket_brief().messages(user["content"])
    assert answer == {"role": "assistant", "content": canonical(scene)}


@given(seed=st.integers(0, 100_000))
def test_what_a_chat_is_told_of_a_scene_is_in_the_words_of_captions_and_adds_nothing(seed: int):
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng)
    assert not is_held_out(scene)
    text = told(scene, rng)
    assert text.strip()
    allowed = set(words_of(" ".join((canonical(scene), *paraphrases(scene)))))
    assert set(words_of(text)) <= allowed | {"one", *SMALL_WORDS}


# Tokenizer and template


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(find_shipped(NAME))


@pytest.fixture(scope="session")
def chat() -> ChatFormat:
    return ChatFormat(find_chat_model(NAME))


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_the_tokenizer_as_it_was(tokenizer: Any, text: str):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_words_of_captions_and_of_people_are_one_token_each(tokenizer: Any):
    said = [word for kinds in (COLOUR_WORDS, SHAPE_WORDS) for words in kinds.values() for word in words]
    said += [
        word for kinds in (MOTION_WORDS, RELATION_WORDS) for ways in kinds.values() for w in ways for word in w.split()
    ]
    for scene in held_out_scenes(60):
        said += canonical(scene).replace(".", "").split()[1:]
    assert {word for word in said if len(tokenizer.tokenize(f" {word}")) != 1} == set()


def test_the_tokenizer_that_ships_is_the_one_that_the_script_makes(tokenizer: Any):
    made = train_tokenizer()
    assert made.get_vocab() == tokenizer.get_vocab()
    assert made.chat_template == tokenizer.chat_template


@given(prompt=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_trainer_and_a_rewriter_give_the_model_the_same_tokens(tokenizer: Any, chat: ChatFormat, prompt: str):
    asked = chat.encode(pocket_brief().messages(prompt), 128)
    answer = {"role": "assistant", "content": "A red circle stays still on a black background."}
    trained = tokenizer.apply_chat_template(
        [*map(dict, chat.clean(pocket_brief().messages(prompt))), answer],
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    start = trained["assistant_masks"].index(1)
    assert trained["input_ids"][:start] == asked
    assert trained["assistant_masks"][start:] == [1] * (len(trained["input_ids"]) - start)
    assert tokenizer.decode(trained["input_ids"][start:]) == f"{answer['content']}{tokenizer.eos_token}"


def test_the_template_refuses_a_role_that_it_does_not_know(tokenizer: Any):
    with pytest.raises(Exception, match="knows no role tool"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "4"}])


# Pretraining


@pytest.fixture
def counted_already(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokenizer that ships, which is the one that pretraining would make anew."""
    monkeypatch.setattr(pretrain_writer, "train_tokenizer", lambda: tokenizer)


@pytest.mark.usefixtures("counted_already")
def test_only_what_the_assistant_says_is_learnt_of_a_chat():
    trainer = Trainer(TINY)
    scene = split_scenes(held_out=False)[0][0]
    ids, labels = trainer._encode(pocket_chat(scene, np.random.default_rng(0)))
    said = [i for i in labels if i != UNREAD]
    assert trainer.tokenizer.decode(said) == f"{canonical(scene)}{trainer.tokenizer.eos_token}"
    assert all(label in (UNREAD, i) for i, label in zip(ids, labels, strict=True))


@pytest.mark.usefixtures("counted_already")
def test_pretraining_stops_anywhere_and_goes_on_as_if_it_had_not(tmp_path: Path):
    whole = pretrain(tmp_path / "whole", TINY, every=2)
    trainer = Trainer(TINY)
    losses = [trainer.take_step() for _ in range(2)]
    (tmp_path / "halves").mkdir()
    torch.save(trainer.state(), tmp_path / "halves" / "checkpoint.pt")
    (tmp_path / "halves" / "log.jsonl").write_text('{"step": 2}\n{"step": 3}\n{"st')
    halves = pretrain(tmp_path / "halves", TINY, every=2)
    logged = [json.loads(line) for line in (tmp_path / "halves" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in logged] == [2, 4]
    assert np.isfinite(losses).all()
    first, second = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (whole, halves))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.usefixtures("counted_already")
def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path):
    pretrain(tmp_path, TINY)
    with pytest.raises(UsageError, match=r"width 32, not 64.*use another folder"):
        pretrain(tmp_path, replace(TINY, width=64))


@pytest.mark.slow
@pytest.mark.usefixtures("counted_already")
def test_pretraining_lowers_the_loss_also_on_scenes_that_it_never_read():
    trainer = Trainer(replace(TINY, steps=60, rows=4, warmup_steps=5, learning_rate=1e-2))
    before = trainer.held_out_loss()
    losses = [trainer.take_step() for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert trainer.held_out_loss() < 0.5 * before


# The model that ships


def test_a_shipped_name_is_a_folder_and_other_names_stay_as_they_are():
    assert find_shipped(NAME) == str(SHIPPED[NAME])
    assert find_shipped("Qwen/Qwen3-4B") == "Qwen/Qwen3-4B"
    assert find_chat_model(NAME).location == str(SHIPPED[NAME])
    settings = RewriteConfig(rewriter="llm", model=NAME, device="cpu")
    assert isinstance(open_rewriter_model(settings), TransformersLanguageModel)


def test_it_loads_without_a_network_and_is_small():
    model = AutoModelForCausalLM.from_pretrained(SHIPPED[NAME], use_safetensors=True)
    assert 1_000_000 < model.num_parameters() < 4_000_000
    assert sum(file.stat().st_size for file in SHIPPED[NAME].rglob("*")) < 6e6


def test_it_answers_a_training_paraphrase_with_the_caption():
    scene = split_scenes(held_out=False)[1][100]
    model = TransformersLanguageModel(NAME, device="cpu", temperature=0)
    reply = model.reply(pocket_brief().messages(paraphrases(scene)[0]))
    assert reply.text == canonical(scene)
    assert reply.finish_reason == "stop"
    assert model.record["model"] == NAME


def test_it_has_room_for_a_long_prompt_and_the_longest_reply_that_a_rewriter_asks_for_by_default(chat: ChatFormat):
    assert chat.context_tokens == CONTEXT_TOKENS
    assert chat.encode(pocket_brief().messages("a red ball " * 100), RewriteConfig().max_tokens)


def test_it_tidies_held_out_scenes_and_does_not_know_how_people_are_to_be_understood():
    figures = {figure.name: figure.share for figure in evaluate(load_writer(NAME), 48)}
    assert figures["reworded as in training: the same scene"] > 0.9
    assert figures["as users type: shows all that is asked"] < 0.7


# Its measure


def test_a_reply_is_right_when_it_is_a_caption_of_the_same_things_that_shows_what_was_asked():
    scene = next(scene for scene in split_scenes(held_out=False)[1] if scene.relation == "is above")
    assert scene_of(canonical(scene)) == scene == scene_of(f" {paraphrases(scene)[2]}\n")
    assert scene_of("A nice video.") is None
    prompt = f"{scene.thing} above a {scene.companion}"
    assert shows(canonical(scene), prompt, scene)
    assert shows(canonical(replace(scene, background="white")), prompt, scene)
    assert not shows(canonical(replace(scene, relation="is below")), prompt, scene)
    assert not shows(canonical(replace(scene, companion=None, relation=None)), str(scene.thing), scene)
    assert not shows("A nice video.", prompt, scene)


# Prompts to distil from


def test_the_training_prompts_in_the_file_are_those_that_the_script_makes():
    prompts = prompts_in(EXAMPLES / "training_prompts.txt")
    assert prompts == training_prompts(300)
    assert len(set(prompts)) == 300


def test_no_training_prompt_asks_for_what_is_measured():
    measured = [
        facts_of(prompt) for file in (BENCH_PROMPTS, EXAMPLES / "loose_prompts.txt") for prompt in prompts_in(file)
    ]
    for prompt in prompts_in(EXAMPLES / "training_prompts.txt"):
        assert facts_of(prompt) not in measured, prompt


def test_more_training_prompts_than_there_are_scenes_can_not_be_had(monkeypatch: pytest.MonkeyPatch):
    few = split_scenes(held_out=False)[0][:3], split_scenes(held_out=False)[1][:3]
    monkeypatch.setattr("examples.pocket.training_prompts.split_scenes", lambda held_out: few)
    with pytest.raises(ValueError, match="there are scenes for"):
        training_prompts(10)
