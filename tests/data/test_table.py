from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from nas.data import DataOptions, load_data, load_test
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from pathlib import Path


def _write(root: Path, count: int = 24) -> list[tuple[str, str]]:
    """Grey images; the class says whether they are dark."""
    rows = []
    (root / "all").mkdir(parents=True)
    for number in range(count):
        name = f"all/{number:02}.png"
        Image.new("L", (8, 8), 10 * number).save(root / name)
        rows.append((name, "dark" if number % 2 else "light"))
    return rows


def _table(path: Path, head: str, lines: list[str]) -> str:
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8-sig")
    return str(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_and_labels(tmp_path: Path, delimiter: str) -> None:
    rows = [delimiter.join(row) for row in _write(tmp_path)]
    data = load_data(_table(tmp_path / "mine.csv", f"file{delimiter}label", rows))

    assert data.class_names == ("dark", "light")
    assert data.input_shape == (1, 8, 8)
    assert len(data.train) + len(data.val) == 20
    assert (data.train.pixels[:, 0, 0, 0] % 20 == 10).equal(data.train.labels == 0)


def test_a_column_says_the_part(tmp_path: Path) -> None:
    rows = _write(tmp_path)
    parts = ["train"] * 12 + ["Validation"] * 6 + ["test"] * 6
    lines = [",".join((*row, part)) for row, part in zip(rows, parts, strict=True)]
    table = _table(tmp_path / "labels.csv", "file,label,split", lines)

    for place in (table, str(tmp_path)):
        data, test = load_data(place), load_test(place)
        assert (len(data.train), len(data.val), len(test)) == (12, 6, 6)
        assert test.pixels[:, 0, 0, 0].tolist() == [180, 190, 200, 210, 220, 230]


@pytest.mark.parametrize("place", ["", "train"])
def test_hugging_faces_metadata(tmp_path: Path, place: str) -> None:
    for part, count in (("train", 16), ("test", 4)):
        rows = _write(tmp_path / part, count)
        if place:
            lines = [",".join(row) for row in rows]
            _table(tmp_path / part / "metadata.csv", "file_name,label", lines)
        else:
            table = tmp_path / "metadata.csv"
            old = table.read_text("utf-8-sig").splitlines()[1:] if table.exists() else []
            lines = [f"{part}/{name},{label}" for name, label in rows]
            _table(table, "file_name,label", old + lines)

    data, test = load_data(str(tmp_path)), load_test(str(tmp_path))

    assert data.class_names == ("dark", "light")
    assert (len(data.train) + len(data.val), len(test)) == (16, 4)


def test_images_of_one_group_stay_on_one_side(tmp_path: Path) -> None:
    rows = _write(tmp_path)
    lines = [f"{name},{label},p{number // 4}" for number, (name, label) in enumerate(rows)]
    table = _table(tmp_path / "mine.csv", "file,label,person", lines)
    options = DataOptions(group_by="person")

    data, test = load_data(table, options=options), load_test(table, options=options)

    people = [
        {grey // 40 for grey in images.pixels[:, 0, 0, 0].tolist()}
        for images in (data.train, data.val, test)
    ]
    assert all(people)
    assert sum(map(len, people)) == len(set.union(*people)) == 6


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("file,kind", "all/00.png,a", "columns file, kind, none of label"),
        ("picture,label", "all/00.png,a", "none of file_name, file"),
        ("file,label,split", "all/00.png,a,rest", "mine.csv:26: split 'rest' is unknown"),
        ("file,label", "all/00.png,", "mine.csv:26: the label is missing"),
        ("file,label", "all/99.png,dark", r"all/99.png: not a readable image \(no such file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, head: str, line: str, message: str) -> None:
    lines = [",".join(row) + ",train" * head.endswith("split") for row in _write(tmp_path)]

    with pytest.raises(DataError, match=message):
        load_data(_table(tmp_path / "mine.csv", head, [*lines, line]))


def test_an_unknown_group_column(tmp_path: Path) -> None:
    table = _table(tmp_path / "mine.csv", "file,label", [",".join(r) for r in _write(tmp_path)])

    with pytest.raises(OptionError, match=r"`group_by` person: no such column.*file, label"):
        load_data(table, options=DataOptions(group_by="person"))
