"""By hand: how many workers a cluster holds, and each one's share."""

from __future__ import annotations

import pytest

from nas.errors import ClusterError, OptionError
from nas.workers._plan import Node, Plan, plan_workers


def plan(
    *nodes: Node,
    workers: int | None = None,
    cpus: float = 1,
    gpus: float | None = None,
    node_class: str | None = None,
) -> Plan:
    return plan_workers(
        nodes,
        num_workers=workers,
        cpus_per_worker=cpus,
        gpus_per_worker=gpus,
        node_class=node_class,
    )


@pytest.mark.parametrize(
    ("nodes", "cpus", "expected"),
    [
        ([Node(cpus=2)], 1, 2),
        ([Node(cpus=2)], 0.5, 4),
        ([Node(cpus=0.3)], 0.1, 3),
        ([Node(cpus=7)], 2, 3),
        ([Node(cpus=3), Node(cpus=3)], 2, 2),
    ],
)
def test_without_gpus_the_cpus_of_each_node_decide(
    nodes: list[Node], cpus: float, expected: int
) -> None:
    assert plan(*nodes, cpus=cpus) == Plan(num_workers=expected, cpus_each=cpus, gpus_each=0)


@pytest.mark.parametrize(
    ("nodes", "workers", "expected_workers", "expected_share"),
    [
        ([Node(cpus=16, gpus=1)], None, 4, 0.25),
        ([Node(cpus=3, gpus=1)], None, 3, 0.3333),
        ([Node(cpus=2, gpus=4)], None, 2, 1),
        ([Node(cpus=64, gpus=2), Node(cpus=64, gpus=2), Node(cpus=64)], None, 16, 0.25),
        ([Node(cpus=16, gpus=1)], 1, 1, 1),
        ([Node(cpus=16, gpus=2)], 3, 3, 0.5),
        ([Node(cpus=16, gpus=1)], 8, 8, 0.125),
    ],
)
def test_gpus_are_shared_without_being_asked_for(
    nodes: list[Node], workers: int | None, expected_workers: int, expected_share: float
) -> None:
    expected = Plan(num_workers=expected_workers, cpus_each=1, gpus_each=expected_share)

    assert plan(*nodes, workers=workers) == expected


@pytest.mark.parametrize("workers", [None, 4])
def test_a_gpu_without_a_cpu_for_a_worker_is_not_counted(workers: int | None) -> None:
    """As that of a head started with --num-cpus=0."""
    head, node = Node(cpus=0, gpus=1), Node(cpus=16, gpus=1)

    shared = Plan(num_workers=4, cpus_each=1, gpus_each=0.25)
    assert plan(head, node, workers=workers) == shared
    assert plan(Node(cpus=1, gpus=1), node, cpus=2, workers=workers).gpus_each == 0.25
    assert plan(head, Node(cpus=4), workers=workers).gpus_each == 0


def test_a_share_never_spans_two_gpus() -> None:
    assert plan(Node(cpus=16, gpus=2), gpus=0.6).num_workers == 2


def test_workers_of_several_whole_gpus() -> None:
    assert plan(Node(cpus=16, gpus=5), gpus=2).num_workers == 2


def test_gpus_can_be_left_alone() -> None:
    assert plan(Node(cpus=16, gpus=1), gpus=0).num_workers == 16


@pytest.mark.parametrize(
    ("nodes", "options", "words"),
    [
        ([Node(cpus=2)], {"workers": 3}, "asked for 3 Ray workers, 1 CPU each.* more than 2 of"),
        (
            [Node(cpus=2)],
            {"workers": 3},
            r"2 CPUs and 0 GPUs. Either ask for 2 \(`workers`\)",
        ),
        ([Node(cpus=2), Node(cpus=2)], {"cpus": 4}, "at least one worker with 4 CPU"),
        ([Node(cpus=2)], {"workers": 1, "gpus": 1}, "1 CPU and 1 GPU,.* ask for less per worker"),
        ([], {}, r"its 0 node\(s\) have: nothing"),
        ([Node(cpus=1)] * 10, {"workers": 99}, "and 2 more"),
    ],
)
def test_what_can_never_fit_is_an_error_that_says_why(
    nodes: list[Node], options: dict[str, float], words: str
) -> None:
    with pytest.raises(ClusterError, match=words):
        plan(*nodes, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"cpus": 0}, {"cpus": -1}, {"gpus": -0.5}, {"gpus": 1.5}]
)
def test_senseless_numbers_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        plan(Node(cpus=8, gpus=2), **options)  # type: ignore[arg-type]


MIXED = [
    Node(cpus=8, gpus=1, classes=frozenset({"big"})),
    Node(cpus=4, classes=frozenset({"jetson"})),
    Node(cpus=4),
]


def test_workers_may_be_kept_to_a_class_of_nodes() -> None:
    on_jetson = plan(*MIXED, node_class="jetson")

    assert (on_jetson.num_workers, on_jetson.gpus_each) == (4, 0)
    assert str(on_jetson) == "4 Ray workers, 1 CPU of a jetson node each"
    assert plan(*MIXED, node_class="big").num_workers == 4


def test_a_class_that_no_node_has_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ClusterError, match=r"of a jetsen node.*0 GPUs \(jetson\)"):
        plan(*MIXED, node_class="jetsen")


def test_nodes_that_have_nothing_to_do_are_counted() -> None:
    assert plan(*MIXED).idle_nodes == 2
    assert plan(*MIXED, gpus=0).idle_nodes == 0
