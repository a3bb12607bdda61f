"""One wording on all seeds, and of its clips the best: how every method ends that learns nothing from its renders."""

from agent.bench.records import Answer, ScoredRender
from agent.bench.studio import Studio, Written
from agent.rewriters.answer import Cost


def choose_best(method: str, studio: Studio, written: Written | None = None, renders: int | None = None) -> Answer:
    """The wording (the prompt, when nothing was written) on the studio's seeds, and its clip with the best score.

    On the first `renders` seeds where that is given, on all of them otherwise.

    What the checklist cost is the method's too: it can't choose without one.
    """
    text = written.text if written else studio.prompt
    made = studio.render(text, studio.seeds[:renders])
    paid = [studio.checklist, *(written.drafts if written else ()), *(render.look for render in made)]
    cost = Cost()
    for one in paid:
        cost = cost.plus(Cost(one.tokens_in, one.tokens_out, one.llm_calls))
    writing = written.seconds if written else 0.0
    return Answer(
        method=method,
        prompt=studio.prompt,
        text=text,
        renders=made,
        delivered=find_best(made),
        seconds=None if writing is None else round(writing + seconds_of(made), 3),
        note=written.note if written else "",
        **vars(cost),
    )


def find_best(renders: list[ScoredRender]) -> int | None:
    """Index of the render with the best score, the first of equals; of the first video when none has a score."""
    scored = [(render.look.score, -index) for index, render in enumerate(renders) if render.look.score is not None]
    if scored:
        return -max(scored)[1]
    return next((index for index, render in enumerate(renders) if render.video), None)


def seconds_of(renders: list[ScoredRender]) -> float:
    """What it took to make these and look at them, also where another method did it first."""
    return sum(render.seconds + render.look.seconds for render in renders)
