from __future__ import annotations

import pytest

from nas.trial import OUT_OF_MEMORY, Failure


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 GB"),
    ],
)
def test_whatever_says_that_memory_ran_out_is_one_kind_of_failure(error: Exception) -> None:
    assert Failure.from_exception(error).kind == OUT_OF_MEMORY


def test_other_exceptions_keep_their_names() -> None:
    assert Failure.from_exception(ValueError("no such layer")).kind == "ValueError"
