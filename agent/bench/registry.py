"""Methods by name."""

from collections.abc import Sequence

from agent.bench.method import Method
from agent.errors import UsageError
from agent.plugins import make_part

METHODS = {
    "raw": "agent.bench.methods.raw:Raw",
    "best_of_n": "agent.bench.methods.best_of_n:BestOfN",
    "few_shot": "agent.bench.methods.few_shot:FewShot",
    "blind_rewrite": "agent.bench.methods.blind_rewrite:BlindRewrite",
    "rapo": "agent.bench.methods.rapo:Rapo",
    "loop": "agent.bench.methods.loop:RetakeLoop",
}

ABLATIONS = {
    "no_retrieval": "agent.bench.methods.ablations:NoRetrieval",
    "no_memory": "agent.bench.methods.ablations:NoMemory",
    "no_critique": "agent.bench.methods.ablations:NoCritique",
    "no_gate": "agent.bench.methods.ablations:NoGate",
    "weighted": "agent.bench.methods.ablations:Weighted",
    "pareto": "agent.bench.methods.ablations:Pareto",
}
"""The loop without one of its parts."""


def open_methods(names: Sequence[str]) -> list[Method]:
    """The methods of these names, or a user's own 'package.module:Class'; raw, the control, is always among them.

    Raises UsageError for unknown and repeated names.
    """
    if repeated := [name for name in dict.fromkeys(names) if list(names).count(name) > 1]:
        raise UsageError(f"the method {repeated[0]!r} is named more than once; name each one once")
    wanted = names if "raw" in names else ["raw", *names]
    return [make_part("method", name, METHODS | ABLATIONS) for name in wanted]
