"""A study is read in without a look for cycles, and the look comes back."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from nas.search import load_evaluations
from nas.search._collector import no_garbage_collection
from tests.search.small import new_engine, open_engine, search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.search import Problem, StorageAddress


@pytest.fixture
def looks() -> Iterator[list[str]]:
    """Every look for cycles there is; one wherever ten objects are new."""
    found: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        found.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(10)
    yield found
    gc.set_threshold(*before)
    gc.callbacks.remove(note)


def test_reading_and_resuming_a_study_look_for_no_cycles(
    small: Problem, address: StorageAddress, looks: list[str]
) -> None:
    search(new_engine(small, address), 20)
    assert len(looks) > 100
    looks.clear()
    assert len(load_evaluations(small, address)) == 20
    reading = len(looks)
    open_engine(small, address)

    # What stands around it, as an engine's making, may look; a trial makes hundreds of objects.
    assert reading < 5
    assert len(looks) < 100
    assert gc.isenabled()


def test_it_is_back_after_an_error_and_stays_off_where_it_was() -> None:
    with pytest.raises(KeyError), no_garbage_collection():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with no_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
