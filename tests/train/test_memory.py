"""The memory that a process may use, by the cgroups of Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.train._memory import NO_LIMIT, cgroup_limit_bytes, memory_bytes


def write(folder: Path, limits: dict[str, str]) -> Path:
    """Files of a hierarchy below `folder`, by path."""
    for path, content in limits.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content + "\n")
    return folder


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        pytest.param(
            "0::/batch/job7/step0\n",
            {"batch/job7/step0/memory.max": "8000", "batch/job7/memory.max": "max"},
            8000,
            id="version 2, our own",
        ),
        pytest.param(
            "0::/batch/job7/step0\n",
            {"batch/job7/step0/memory.max": "8000", "batch/memory.max": "3000"},
            3000,
            id="version 2, a parent's is tighter",
        ),
        pytest.param("0::/\n", {"memory.max": "5000"}, 5000, id="version 2, a container's root"),
        pytest.param(
            "0::/../../other\n", {"memory.max": "5000"}, 5000, id="version 2, out of our sight"
        ),
        pytest.param("0::/a\n", {"b/memory.max": "5000"}, NO_LIMIT, id="somebody else's"),
        pytest.param("0::/a\n", {"a/memory.max": "max"}, NO_LIMIT, id="version 2, none"),
        pytest.param(
            "9:cpu,cpuacct:/x\n7:memory:/docker/f00\n0::/\n",
            {
                "memory/docker/f00/memory.limit_in_bytes": "6000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            6000,
            id="version 1",
        ),
        pytest.param(
            "7:memory:/docker/f00\n",
            {"memory/memory.limit_in_bytes": "7000"},
            7000,
            id="version 1, a container that sees the host's path",
        ),
        pytest.param(
            "4:memory,hugetlb:/a\n0::/a\n",
            {"memory/a/memory.limit_in_bytes": "900", "unified/a/memory.max": "800"},
            800,
            id="both",
        ),
        pytest.param("", {"memory.max": "5000"}, NO_LIMIT, id="no cgroups"),
    ],
)
def test_the_tightest_limit_of_our_group_and_its_parents(
    tmp_path: Path, own: str, limits: dict[str, str], expected: int
) -> None:
    (tmp_path / "own").write_text(own)
    mounted = write(tmp_path / "mounted", limits)

    assert cgroup_limit_bytes(tmp_path / "own", mounted) == expected


def test_where_there_are_no_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup_limit_bytes(tmp_path / "own", tmp_path / "mounted") == NO_LIMIT


def test_the_machine_is_a_limit_too() -> None:
    assert 0 < memory_bytes() < NO_LIMIT
