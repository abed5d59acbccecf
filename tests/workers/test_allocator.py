from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.workers import _allocator as module
from nas.workers import allocator_variables

if TYPE_CHECKING:
    from collections.abc import Callable

GLIBC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.delenv("LD_PRELOAD", raising=False)

    def install(*names: str) -> None:
        files = {name: f"lib{name}.so.4" for name in names}
        monkeypatch.setattr(module, "_tcmalloc", module._tcmalloc.__wrapped__)
        monkeypatch.setattr(module, "find_library", files.get)

    return install


def test_glibc_keeps_its_memory(installed: Callable[..., None]) -> None:
    installed()
    assert allocator_variables() == GLIBC


@pytest.mark.parametrize("names", [("tcmalloc_minimal",), ("tcmalloc_minimal", "tcmalloc")])
def test_tcmalloc_is_used_where_it_is_there(
    installed: Callable[..., None], names: tuple[str, ...]
) -> None:
    installed(*names)
    assert allocator_variables() == {**GLIBC, "LD_PRELOAD": "libtcmalloc_minimal.so.4"}


def test_the_larger_library_will_do(installed: Callable[..., None]) -> None:
    installed("tcmalloc")
    assert allocator_variables()["LD_PRELOAD"] == "libtcmalloc.so.4"


def test_what_is_preloaded_already_stays(
    installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("tcmalloc")
    monkeypatch.setenv("LD_PRELOAD", "libjemalloc.so.2")
    assert allocator_variables() == GLIBC
