"""The person's own prompt under the principles: refused before anything is written, or softened for the whole run."""

from agent.config import PrinciplesConfig
from agent.errors import UsageError
from agent.language_model import LanguageModel
from agent.principles.outcome import Principled
from agent.principles.soften import soften
from agent.principles.soften_with_model import soften_with_model


def hold_prompt(
    prompt: str, settings: PrinciplesConfig, model: LanguageModel | None = None, seed: int | None = None
) -> Principled:
    """The prompt made harmless: by the model, where the settings ask for that and one is given, else by rules.

    Both soften the same prompts and refuse the same ones. Raises UsageError when it is refused.
    """
    if settings.by == "off":
        return Principled(text=prompt)
    by_model = model if settings.by == "model" else None
    outcome = soften_with_model(by_model, prompt, seed=seed) if by_model else soften(prompt)
    if outcome.refused:
        raise UsageError(outcome.refused)
    return outcome


def note_softening(outcome: Principled) -> list[str]:
    """One line on what was softened, for the person who typed it; none when nothing was."""
    found = ", ".join(dict.fromkeys(finding.detail for finding in outcome.findings))
    return [f"the prompt is softened, for it holds {found}; --principles off takes it as it is"] * outcome.softened
