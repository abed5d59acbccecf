"""YAML -> SearchSpace -> Architecture: a model file with open values is a search space."""

from __future__ import annotations

from nas.space._files import (
    catalogue,
    catalogue_folder,
    dump_architecture,
    find_model_file,
    load_architecture,
    load_space,
    parse_space,
)
from nas.space._impossible import illegal_choices, impossible_choices
from nas.space._parse_record import parse_record
from nas.space._reference import Key, explain, reference
from nas.space._size import Size, estimate_size
from nas.space._space import SearchSpace, is_legal
from nas.space._template import Gene, Genome, Label

__all__ = [
    "Gene",
    "Key",
    "Genome",
    "Label",
    "SearchSpace",
    "Size",
    "catalogue",
    "catalogue_folder",
    "dump_architecture",
    "estimate_size",
    "explain",
    "find_model_file",
    "illegal_choices",
    "impossible_choices",
    "is_legal",
    "load_architecture",
    "load_space",
    "parse_record",
    "parse_space",
    "reference",
]
