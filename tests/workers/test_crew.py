"""Workers that do not start, on a Ray that is pretended and a clock that is made up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from nas.errors import ClusterError, DataError
from nas.workers import _crew
from nas.workers._actor import Started
from nas.workers._crew import Crew, Patience
from nas.workers._plan import Node, Plan, plan_workers
from nas.workers._quiet_ray import ray

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = Patience(start_s=120.0, load_s=1800.0, restart_s=300.0)
WELL = Started(device="cpu", gpu="")
NODES = [Node(cpus=2, id=f"node-{name}", host=f"host-{name}") for name in "ab"]
HANGS = None
"""An answer that never comes."""


def broken(words: str = "the disk of the data is gone") -> Started:
    return Started(device="cpu", gpu="", error=DataError(words))


@dataclass
class PretendedRay:
    """Workers are what `answers` makes of them; what it raises is raised by `ray.get`."""

    answers: Callable[[str, int, int], Any]
    """(ping or start, the worker's index, how often it was started) -> its answer."""
    now_s: float = 0.0
    starts: Counter[int] = field(default_factory=Counter)
    told: dict[int, int] = field(default_factory=dict)
    """How many workers there are on its machine, by the worker's index."""

    def __call__(self) -> float:
        """Its clock."""
        return self.now_s

    def remote(self, *, index: int, num_threads: int, gpus: float) -> Any:
        """An actor."""
        self.starts[index] += 1

        def start(factory: object, num_on_machine: int) -> Any:
            self.told[index] = num_on_machine
            return "start", index, self.starts[index]

        ping = SimpleNamespace(remote=lambda: ("ping", index, self.starts[index]))
        return SimpleNamespace(ping=ping, start=SimpleNamespace(remote=start))

    def get(self, reference: Any) -> Any:
        answer = self.answers(*reference)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def turn(self, crew: Crew) -> None:
        """A second passes."""
        for slot in crew.slots:
            if slot.awaited and self.answers(*slot.awaited) is not HANGS:
                crew.settle(slot)
        self.now_s += 1
        crew.look_after()


def place(index: int) -> str:
    """Workers 0 and 2 are on node a, 1 and 3 on node b."""
    return NODES[index % 2].id


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Crew, PretendedRay]]:
    """start(answers, 3) is a crew of three, once it has started."""

    def make(answers: Callable[..., Any], num_workers: int) -> tuple[Crew, PretendedRay]:
        pretended = PretendedRay(answers)
        the_ray = SimpleNamespace(put=list, get=pretended.get, exceptions=ray.exceptions)
        monkeypatch.setattr(_crew, "ray", the_ray)
        monkeypatch.setattr(_crew, "actor_class", lambda plan: pretended)
        monkeypatch.setattr(_crew, "kill", lambda actor: None)
        monkeypatch.setattr(_crew, "free_resources", lambda: "0 CPUs and 0 GPUs")
        monkeypatch.setattr("nas.workers._spawn.cluster_nodes", lambda: NODES)
        crew = Crew(plan(num_workers), (), asked=num_workers, patience=PATIENCE, clock=pretended)  # type: ignore[arg-type]
        crew.start(lambda: pretended.turn(crew))
        return crew, pretended

    return make


def plan(num_workers: int) -> Plan:
    return plan_workers(NODES, num_workers=num_workers, cpus_per_worker=1, gpus_per_worker=0)


def test_one_that_cannot_load_is_rested_while_others_work(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return broken() if index == 1 and tries < 4 else WELL

    crew, pretended = start(answers, 3)
    assert crew.num_ready == 2
    assert crew.notes == [
        "worker ray-1 on host-b could not start, next try in 1 s: the disk of the data is gone"
    ]
    for _ in range(30):
        pretended.turn(crew)
    assert crew.num_ready == 3
    assert crew.notes[-1] == "worker ray-1 is back"


def test_where_none_can_load_the_first_error_is_raised_and_names_the_node(
    start: Callable[..., Any],
) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        return place(index) if asked == "ping" else broken(f"no data for {index}")

    with pytest.raises(DataError, match=r"^no data for 0\n") as caught:
        start(answers, 3)

    assert caught.value.__notes__ == ["(worker 0 on host-a)"]


def test_one_that_dies_as_it_starts_is_tried_once_more_before_the_others_begin(
    start: Callable[..., Any],
) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return ray.exceptions.ActorDiedError() if index == 1 else WELL

    crew, pretended = start(answers, 3)

    assert crew.num_ready == 2
    assert pretended.starts == {0: 1, 1: 2, 2: 1}
    assert "worker 1 on host-b died 2 times in a row while it started" in crew.notes[-1]


def test_a_place_is_left_empty_after_twelve_failures(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return broken() if index == 1 else WELL

    crew, pretended = start(answers, 2)
    for _ in range(3600):
        pretended.turn(crew)

    assert crew.slots[1].phase == "retired"
    assert pretended.starts == {0: 1, 1: 12}
    assert crew.notes[-1] == "worker ray-1 on host-b is given up: the disk of the data is gone"
    assert crew.num_ready == 1


def test_loading_that_never_ends_is_given_up(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return HANGS if index == 1 else WELL

    crew, pretended = start(answers, 3)
    assert 1800 <= pretended.now_s < 1810
    assert crew.num_ready == 2
    with pytest.raises(ClusterError, match=r"worker 0 on host-a has not loaded its data in 1800"):
        start(lambda asked, index, tries: place(index) if asked == "ping" else HANGS, 2)


def test_later_loading_that_never_ends_is_tried_again(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return HANGS if tries == 2 else WELL

    crew, pretended = start(answers, 2)
    crew.replace(crew.slots[0])
    for _ in range(1900):
        pretended.turn(crew)

    assert "has not loaded its data in 1800 s" in crew.notes[0]
    assert crew.notes[1:] == ["worker ray-0 is back"]


def test_a_place_that_is_never_found_ends_the_start(start: Callable[..., Any]) -> None:
    with pytest.raises(ClusterError, match=r"asked for 2 .* but 2 of them found no place in 120"):
        start(lambda asked, index, tries: HANGS, 2)


def test_a_place_that_is_lost_with_its_node_is_not_waited_for(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if index == 1 and tries == 2:
            return HANGS
        if index == 1 and asked == "start":
            return ray.exceptions.ActorDiedError()
        return place(index) if asked == "ping" else WELL

    crew, pretended = start(answers, 2)

    assert crew.num_ready == 1
    assert 120 <= pretended.now_s < 130


def test_a_node_that_lacks_the_program_is_named(start: Callable[..., Any]) -> None:
    said = "ray::WorkerProcess.ping() (pid=7, ip=10.0.0.5)\nModuleNotFoundError: No module 'nas'"

    def answers(asked: str, index: int, tries: int) -> Any:
        return ray.exceptions.RayTaskError("ping", said, ModuleNotFoundError("nas"), pid=7)

    with pytest.raises(ClusterError, match=r"worker 0 on 10\.0\.0\.5 cannot load its part"):
        start(answers, 1)


@pytest.mark.parametrize(("num_workers", "beside"), [(4, 2), (3, 2), (1, 1)])
def test_each_is_told_how_many_share_its_machine(
    start: Callable[..., Any], num_workers: int, beside: int
) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        return place(index) if asked == "ping" else WELL

    _, pretended = start(answers, num_workers)

    assert pretended.told == dict.fromkeys(range(num_workers), beside)


def test_what_has_not_started_says_nothing_of_devices(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return broken() if index == 1 else Started(device="cuda", gpu="a GPU")

    crew, _ = start(answers, 2)

    assert crew.devices == {"cuda"}


def test_an_outage_is_not_counted_from_before_the_start(start: Callable[..., Any]) -> None:
    def answers(asked: str, index: int, tries: int) -> Any:
        if asked == "ping":
            return place(index)
        return HANGS if index == 1 else WELL

    crew, pretended = start(answers, 2)
    assert pretended.now_s > PATIENCE.restart_s
    crew.replace(crew.slots[0])
    pretended.turn(crew)
    pretended.turn(crew)

    assert crew.num_ready == 1
