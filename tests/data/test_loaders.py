from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nas.data import _loaders as module
from nas.data import load_data, load_test, register
from nas.errors import DataError, OptionError
from tests.small_data import blobs


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOADERS", {})


def mine(part: str) -> tuple[Any, ...] | None:
    return None if part == "val" else blobs(48 if part == "train" else 12, seed=len(part))


def test_a_registered_function_gives_the_data() -> None:
    register("mine", mine)

    data, test = load_data("mine"), load_test("mine")

    assert (len(data.train), len(data.val), len(test)) == (40, 8, 12)
    assert data.input_shape == (1, 16, 16)
    assert data.split is not None
    assert data.split.made == ("val",)


def test_a_part_that_is_not_given_is_split_off() -> None:
    register("mine", lambda part: blobs(48) if part == "train" else None)

    assert (len(load_data("mine").train), len(load_test("mine"))) == (33, 8)


def test_classes_may_have_names() -> None:
    register("mine", lambda part: (*blobs(48), ["n", "e", "s", "w"]) if part == "train" else None)

    assert load_data("mine").class_names == ("n", "e", "s", "w")


def test_a_function_can_be_named_by_its_module() -> None:
    assert len(load_data(f"{__name__}:mine").train) == 40
    with pytest.raises(DataError, match=r"cannot be imported.*write module:function"):
        load_data("no_such_module:mine")


def test_a_function_can_be_handed_over_without_a_name() -> None:
    assert len(load_data("anything", loader=mine).train) == 40


@pytest.mark.parametrize("name", ["mnist", "a/b", "a.npz", ""])
def test_names_that_mean_something_else(name: str) -> None:
    with pytest.raises(OptionError, match="register"):
        register(name, mine)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 8, 8)), "gave ndarray for train; return"),
        (None, "gave no training images"),
        ((np.zeros((4, 8, 8)), np.zeros(3, int)), "gave 4 images and 3 labels"),
        ((np.zeros((4, 8)), np.zeros(4, int)), r"images has shape \(4, 8\)"),
    ],
)
def test_what_a_function_may_not_give(given: Any, message: str) -> None:
    register("mine", lambda part: given)

    with pytest.raises(DataError, match=message):
        load_data("mine")
