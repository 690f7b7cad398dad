"""The lineage graph: what took from what, and no arrow too many."""

import dataclasses
import re
from pathlib import Path

from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.run.lineage import draw, edges_of


def node(node_id: str, number: int, *parents: int, state: NodeState = NodeState.DONE) -> Node:
    """A node that gives out the artifact `number` and takes the artifacts `parents`."""
    given = {"in": tuple(Artifact(parent, "T", "") for parent in parents)}
    return Node(node_id, state, 1.0, inputs=given, outputs={"out": (Artifact(number, "T", ""),)})


def run_of(*nodes: Node) -> Run:
    return Run("r", "movielens", Path(), nodes, "d", synthetic=False)


def arrows(run: Run) -> int:
    """The arrows of the drawing: each has a head of two strokes in one path that is not closed."""
    return len(re.findall(r"stroke-linecap: round", draw(run, "graph")))


def test_edges_are_hand_overs() -> None:
    run = run_of(node("Gen", 1), node("Transform", 2, 1), node("Trainer", 3, 1, 2, 99))

    assert edges_of(run) == {"Gen": set(), "Transform": {"Gen"}, "Trainer": {"Gen", "Transform"}}


def test_an_arrow_that_a_longer_way_makes_plain_is_left_out() -> None:
    chain = run_of(node("Gen", 1), node("Transform", 2, 1), node("Trainer", 3, 2))
    shortcut = run_of(node("Gen", 1), node("Transform", 2, 1), node("Trainer", 3, 1, 2))
    fork = run_of(node("Gen", 1), node("Transform", 2, 1), node("Trainer", 3, 1))

    assert arrows(chain) == arrows(shortcut) == arrows(fork) > 0
    assert draw(chain, "graph") == draw(shortcut, "graph")


def test_what_did_not_run_is_below_what_it_would_have_taken_from() -> None:
    nodes = [Node(name, NodeState.NOT_RUN) for name in ("Pusher", "Trainer")]
    planned = {"Trainer": ("Gen",), "Pusher": ("Trainer", "Gone")}
    run = dataclasses.replace(run_of(node("Gen", 1, state=NodeState.FAILED), *nodes), planned=planned)

    assert edges_of(run) == {"Gen": set(), "Pusher": {"Trainer"}, "Trainer": {"Gen"}}
    heights = dict(re.findall(r'y="([\d.]+)"[^>]*>(Gen|Trainer|Pusher)<', draw(run, "graph")))
    by_name = {name: float(height) for height, name in heights.items()}
    assert by_name["Gen"] < by_name["Trainer"] < by_name["Pusher"]


def test_every_node_is_drawn_with_its_state_also_where_none_ran() -> None:
    nodes = [Node(f"Node{number}", NodeState.NOT_RUN) for number in range(15)]

    svg = draw(run_of(node("Gen", 1, state=NodeState.FAILED), *nodes), "graph")

    assert svg.count(">not run<") == 15
    assert svg.count(">failed<") == 1
    places = re.findall(r'>Node\d+<|x="([\d.]+)" y="([\d.]+)"[^>]*>Node', svg)
    assert len({place for place in places if place[0]}) == 15, "no two have one place"
