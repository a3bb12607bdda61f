"""What every ModifierStore must do. A test file runs these checks on a store made of CAPTIONS."""

from graph_store.records import KINDS, TaggedCaption
from graph_store.store import ModifierStore

CAPTIONS = (
    TaggedCaption(
        "A man rides a bicycle in a city park.",
        scenes=("in a city park",),
        subjects=("a man",),
        actions=("riding a bicycle",),
        atmospheres=("soft morning light",),
    ),
    TaggedCaption("A dog runs in a city park.", scenes=("in a city park",), subjects=("a dog",), actions=("running",)),
    TaggedCaption(
        "A woman cooks soup in a kitchen.",
        scenes=("in a kitchen",),
        subjects=("a woman",),
        actions=("cooking soup", "stirring a pot"),
        atmospheres=("warm lamplight", "soft morning light"),
    ),
    TaggedCaption(
        "A man rides a bicycle on a beach at dusk.",
        scenes=("on a beach",),
        subjects=("a man",),
        actions=("riding a bicycle", "riding a horse"),
        atmospheres=("golden hour light",),
    ),
    TaggedCaption("Nowhere at all.", actions=("thinking",)),
)
PROMPTS = ("a man rides a bicycle", "kitchen", "red ball", "雨の夜の自転車", "\ud800 \x00 odd", "x " * 9000)


def check_modifier_store(store: ModifierStore) -> None:
    for prompt in PROMPTS:
        check_answer(store, prompt)
    for empty in ("", "  \n", "?!…", "🚲"):
        assert store.retrieve(empty).modifiers == ()
        assert store.retrieve(empty).notes

    best = store.retrieve("a man rides a bicycle", 1)
    assert [modifier.text for modifier in best.of_kind("action")] == ["riding a bicycle"]
    assert [modifier.text for modifier in best.of_kind("subject")] == ["a man"]

    actions = store.retrieve("cooking soup in a kitchen", {"action": 1})
    assert [(found.text, found.kind, found.via, found.count) for found in actions.modifiers] == [
        ("cooking soup", "action", "in a kitchen", 1)
    ]
    assert store.retrieve("a man", 0).modifiers == ()
    assert "thinking" not in {modifier.text for modifier in store.retrieve("thinking", 99).modifiers}


def check_answer(store: ModifierStore, prompt: str) -> None:
    """Holds for any prompt whatever."""
    few, many = store.retrieve(prompt, 2), store.retrieve(prompt, 50)
    assert store.retrieve(prompt, 2) == few
    assert few.prompt == prompt
    for kind in KINDS:
        found = few.of_kind(kind)
        assert len(found) <= 2
        cosines = [modifier.cosine for modifier in found]
        assert cosines == sorted(cosines, reverse=True)
        assert all(-1.001 <= cosine <= 1.001 for cosine in cosines)
        texts = [modifier.text for modifier in many.of_kind(kind)]
        assert len(texts) == len(set(texts))
        assert {modifier.text for modifier in found} <= set(texts)
    assert all(modifier.count >= 1 and modifier.via for modifier in many.modifiers)
