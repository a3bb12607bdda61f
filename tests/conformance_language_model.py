"""What every LanguageModel must do."""

from agent.language_model import LanguageModel, Message, Reply

MESSAGES: list[Message] = [
    {"role": "system", "content": "Answer in one word."},
    {"role": "user", "content": "What colour is the sky? ‘blue’, 蓝, 🟦"},
]
SCHEMA = {
    "type": "object",
    "properties": {"rewrite": {"type": "string"}},
    "required": ["rewrite"],
    "additionalProperties": False,
}


class LanguageModelConformance:
    """Mixed into a test class that has a fixture `model`: a language model that can answer at least eight calls."""

    def test_replies_with_text(self, model: LanguageModel) -> None:
        reply = model.reply(MESSAGES)
        assert isinstance(reply, Reply)
        assert isinstance(reply.text, str)

    def test_takes_a_seed_and_a_schema_as_wishes(self, model: LanguageModel) -> None:
        reply = model.reply(MESSAGES, seed=3, schema=SCHEMA)
        assert reply.seed in (3, None)

    def test_leaves_the_messages_as_they_were(self, model: LanguageModel) -> None:
        before = [dict(message) for message in MESSAGES]
        model.reply(MESSAGES, seed=1)
        assert [dict(message) for message in MESSAGES] == before

    def test_counts_tokens_or_says_none(self, model: LanguageModel) -> None:
        reply = model.reply(MESSAGES)
        assert reply.tokens_in is None or reply.tokens_in > 0
        assert reply.tokens_out is None or reply.tokens_out >= 0

    def test_same_seed_same_reply(self, model: LanguageModel) -> None:
        assert model.reply(MESSAGES, seed=5).text == model.reply(MESSAGES, seed=5).text

    def test_other_seed_other_reply(self, model: LanguageModel) -> None:
        assert model.reply(MESSAGES, seed=5).text != model.reply(MESSAGES, seed=6).text

    def test_a_reply_survives_json(self, model: LanguageModel) -> None:
        reply = model.reply(MESSAGES)
        assert Reply.model_validate_json(reply.model_dump_json()) == reply
