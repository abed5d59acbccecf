"""Reading a folder's layout: classes, parts and groups from the names of folders alone.

    cat/1.png  dog/2.png                        classes
    train/cat/1.png  Valid/cat/2.png            parts, then classes; val and test may be missing
    pets/cat/1.png  pets/dog/2.png              classes pets/cat and pets/dog
    metadata.csv  images/1.png                  a table names the files (Hugging Face)

The topmost folder on a path that holds images itself is the class. Hidden folders and those of
the system do not count; a class is never made from the name of a part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.data._listing import Listing, Part, Sample, part_of
from nas.data._table import list_table, merged
from nas.data._tree import Folder, Walk
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("metadata.csv", "labels.csv")
LAYOUT = (
    "a folder holds one subfolder of images per class, or train/ and possibly val/ and test/ that "
    "each do, or metadata.csv with the columns file_name and label"
)


def list_folder(root: Path, *, group_by: str | None = None) -> Listing:
    """The images below `root`, by part and class. No image is opened. Raises DataError."""
    table = _table_in(root)
    if table is not None:
        return list_table(table, group_by=group_by)
    walk = Walk()
    tree = _unwrapped(walk.down(root))
    parts = _part_folders(tree)
    if parts and (tables := [_table_in(folder.path) for folder in parts.values()])[0]:
        named = dict(zip(parts, tables, strict=True))
        return merged(root, {part: file for part, file in named.items() if file}, group_by)
    level = _level(group_by)
    listed = {part: _samples(folder, level) for part, folder in (parts or {"train": tree}).items()}
    _check_classes(root, parts.get("train", tree))
    return Listing(
        root=root,
        parts=listed,
        irregular=tuple(walk.irregular),
        notes=(*walk.notes(), *_said(tree)),
    )


def _table_in(folder: Path) -> Path | None:
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def _unwrapped(tree: Folder) -> Folder:
    """The folder inside, where an archive was unpacked into one folder of its own."""
    while len(tree.folders) == 1 and not tree.images:
        (only,) = tree.folders
        if part_of(only.name) or only.images or not only.folders:
            break
        tree = only
    return tree


def _part_folders(tree: Folder) -> dict[Part, Folder]:
    """Folders named as parts; empty where none is. DataError on what cannot be understood."""
    found: dict[Part, Folder] = {}
    for folder in tree.folders:
        part = part_of(folder.name)
        if part is None:
            continue
        if part in found:
            raise DataError(
                f"{tree.path}: {found[part].name}/ and {folder.name}/ both mean the {part} part; "
                "merge them, or move one away."
            )
        if folder.images and not folder.folders and not _table_in(folder.path):
            raise DataError(
                f"{folder.path}: holds images and no class folders, and no class can be called "
                f"{folder.name}, which is a part's name; rename it, or sort its images into "
                f"classes ({LAYOUT})."
            )
        found[part] = folder
    odd = [folder.name for folder in tree.folders if part_of(folder.name) is None]
    if found and odd:
        raise DataError(
            f"{tree.path}: {', '.join(odd[:5])} is not understood beside "
            f"{', '.join(folder.name for folder in found.values())} (allowed beside train/: val/ "
            f"or valid/ or validation/, test/ or testing/). Move it away, or "
            f"hide it by calling it .{odd[0]}."
        )
    if found and "train" not in found:
        raise DataError(f"{tree.path}: has {', '.join(found)}/ but no train/; {LAYOUT}.")
    return found


def _level(group_by: str | None) -> int | None:
    if group_by is None:
        return None
    if not group_by.isdecimal() or int(group_by) < 1:
        raise OptionError(
            f"`group_by` {group_by}: for a folder write the number of a folder level, 1 for the "
            "folders directly below the root or below train/; a column's name needs a table "
            "(metadata.csv) or a .npz file"
        )
    return int(group_by)


def _samples(tree: Folder, level: int | None) -> tuple[Sample, ...]:
    if level is not None:
        return tuple(
            _grouped(tree, file, level) for file in tree.all_images() if file.parent != tree.path
        )
    return tuple(
        Sample(file=file, label=label)
        for folder in _classes(tree)
        for label in [_label(folder.path.relative_to(tree.path).parts, folder.path)]
        for file in folder.all_images()
    )


def _classes(tree: Folder) -> list[Folder]:
    """The topmost folders that hold images, or nothing at all."""
    found = []
    for folder in tree.folders:
        container = folder.folders and not folder.images
        found.extend(_classes(folder) if container else [folder])
    return found


def _grouped(tree: Folder, file: Path, level: int) -> Sample:
    names = file.parent.relative_to(tree.path).parts
    if len(names) < max(2, level):
        raise OptionError(
            f"`group_by` {level}: {file} has {len(names)} folders above it, and a class is needed "
            "beside the group; write a level that every image has"
        )
    return Sample(
        file=file,
        label=_label((*names[: level - 1], *names[level:]), file.parent),
        group=names[level - 1],
    )


def _label(names: tuple[str, ...], folder: Path) -> str:
    odd = next((name for name in names if part_of(name)), None)
    if odd is not None:
        raise DataError(
            f"{folder}: {odd} is the name of a part, never of a class; put parts first "
            f"({odd}/CLASS/image), or rename the folder."
        )
    return "/".join(names)


def _check_classes(root: Path, train: Folder) -> None:
    empty = [folder for folder in _classes(train) if not folder.all_images()]
    if empty:
        raise DataError(
            f"{empty[0].path}: holds no image ({LAYOUT}; no class may be empty). Delete it, or "
            f"hide it by calling it .{empty[0].name}."
        )
    if not train.folders:
        found = (
            f"{len(train.images):,} images but no class folder"
            if train.images
            else "no class folder"
        )
        raise DataError(f"{train.path}: {found}; {LAYOUT}.")


def _said(tree: Folder) -> tuple[str, ...]:
    said = []
    if tree.images:
        said.append(f"Left out, {len(tree.images):,} images beside the folders in {tree.path}.")
    nested = [f for f in tree.folders if f.folders and not f.images and not part_of(f.name)]
    if nested:
        said.append(
            f"{nested[0].name}/ holds folders only, so each of these is a class; where they are "
            "persons or devices, say so with `group_by` 2."
        )
    return tuple(said)
