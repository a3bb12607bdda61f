"""The loop as a LangGraph: nodes, edges, nothing else.

                                          +---------------+ while the race is on
                                          v               |
retrieve -> compose -> screen -> review -> render* -> assess -> decide -+-> refine -> screen (again)
                                                                        +-> render_unseen* -> verify -> finish
                                                                        +-> finish

A run that drafts renders its leaders in full first: decide -> render_full* -> promote -> render_unseen* or finish.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from agent import nodes
from agent.budget import plan_full_renders, plan_verification
from agent.config import StopConfig
from agent.ports import Ports
from agent.promote import find_leaders, promote
from agent.race import plan_renders
from agent.state import History, LoopState

STEPS_PER_ITERATION = 4
"""refine, screen, review, decide."""
STEPS_PER_WAVE = 2
"""render, assess; a wave makes one render at least."""
STEPS_AROUND = 12
NO_VERIFICATION_AFTER = ("stop_file", "time_limit", "all_candidates_failed")
"""Stops after which no more renders are made."""

T = TypeVar("T")
Loop = CompiledStateGraph[LoopState, None, LoopState, LoopState]
PortsFor = Callable[[str], Ports]
"""The ports of the run of this prompt: the same ones each time it is asked for the same prompt."""


def build_graph(ports_for: PortsFor, checkpointer: BaseCheckpointSaver[str] | None = None) -> Loop:
    """The loop, ready to stream from {"prompt": …}."""
    graph = StateGraph(LoopState)
    for name, node in {
        "retrieve": nodes.retrieve,
        "compose": nodes.compose,
        "screen": nodes.screen,
        "review": nodes.review,
        "render": nodes.render,
        "assess": nodes.assess,
        "decide": nodes.decide,
        "refine": nodes.refine,
        "render_full": nodes.render,
        "promote": promote,
        "render_unseen": nodes.render,
        "verify": nodes.verify,
        "finish": nodes.finish,
    }.items():
        graph.add_node(name, partial(_with_ports, node, ports_for))
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "compose")
    graph.add_edge("compose", "screen")
    graph.add_edge("refine", "screen")
    graph.add_edge("screen", "review")
    for name in ("review", "assess"):
        graph.add_conditional_edges(name, partial(_with_ports, route_to_renders, ports_for), ["render", "decide"])
    graph.add_edge("render", "assess")
    graph.add_conditional_edges(
        "decide", partial(_with_ports, route_decision, ports_for), ["refine", "render_full", "render_unseen", "finish"]
    )
    graph.add_edge("render_full", "promote")
    graph.add_conditional_edges(
        "promote", partial(_with_ports, route_to_unseen, ports_for), ["render_unseen", "finish"]
    )
    graph.add_edge("render_unseen", "verify")
    graph.add_edge("verify", "finish")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer, name="retake")


def _with_ports(step: Callable[[Any, Ports], T], ports_for: PortsFor, state: Any) -> T:
    """The node or router, with the ports of the run whose state or task it gets."""
    return step(state, ports_for(state["prompt"]))


def route_to_renders(state: LoopState, ports: Ports) -> list[Send] | str:
    """The next wave of the race, one task per candidate and seed; on to the decision when it is over."""
    if ports.must_stop():
        return "decide"
    return [Send("render", task) for task in plan_renders(History(state), ports.config)] or "decide"


def route_decision(state: LoopState, ports: Ports) -> list[Send] | str:
    """Another round, the leaders in full, the verification, or the end."""
    history = History(state)
    decision = history.decisions[-1]
    if decision.stop is None:
        return "refine"
    if decision.champion is None or decision.stop in NO_VERIFICATION_AFTER:
        return "finish"
    if ports.config.draft.enabled:
        tasks = plan_full_renders(history.prompt, find_leaders(history, ports), ports.config)
        return [Send("render_full", task) for task in tasks]
    return route_to_unseen(state, ports)


def route_to_unseen(state: LoopState, ports: Ports) -> list[Send] | str:
    """The verification, or the end when there is nothing to verify."""
    history = History(state)
    if history.champion in (None, "0"):
        return "finish"
    tasks = plan_verification(history.prompt, history.candidate(history.champion), history.candidate("0"), ports.config)
    return [Send("render_unseen", task) for task in tasks] or "finish"


def recursion_limit(stop: StopConfig) -> int:
    """Steps the graph may take; the loop's own stop rules always end it earlier."""
    iterations = 1 + stop.max_iterations + 1  # the first one, and one that keeps the words
    return STEPS_PER_ITERATION * iterations + STEPS_PER_WAVE * stop.max_renders + STEPS_AROUND
