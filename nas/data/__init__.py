"""Images with labels: where they come from, and how they are split."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.data._options import (
    DEFAULT_OPTIONS,
    NOT_MOVED,
    DataOptions,
    MovedData,
    Resize,
    parse_channels,
    parse_resolution,
)

if TYPE_CHECKING:
    from nas.data._fingerprint import DataFingerprint, describe_change, fingerprint
    from nas.data._fit import resize_masks
    from nas.data._folds import check_folds, fold_of
    from nas.data._images import ImageData, Images, Split
    from nas.data._known import DATASETS
    from nas.data._load import load_data, load_test
    from nas.data._loaders import Loader, find_loader, register
    from nas.data._places import absolute_data, absolute_dir
    from nas.data._scenes import write_scenes
    from nas.data._split import stratified_order
    from nas.data._summary import DataSummary, count_seen, standard_error, summarize_data
    from nas.data._targets import class_counts

__all__ = [
    "DATASETS",
    "DEFAULT_OPTIONS",
    "NOT_MOVED",
    "DataFingerprint",
    "DataOptions",
    "DataSummary",
    "ImageData",
    "Images",
    "Loader",
    "MovedData",
    "Resize",
    "Split",
    "absolute_data",
    "absolute_dir",
    "check_folds",
    "class_counts",
    "count_seen",
    "describe_change",
    "find_loader",
    "fingerprint",
    "fold_of",
    "load_data",
    "load_test",
    "parse_channels",
    "parse_resolution",
    "register",
    "resize_masks",
    "standard_error",
    "stratified_order",
    "summarize_data",
    "write_scenes",
]

_NEED_TORCH = {
    "DATASETS": "_known",
    "DataFingerprint": "_fingerprint",
    "DataSummary": "_summary",
    "ImageData": "_images",
    "Images": "_images",
    "Loader": "_loaders",
    "Split": "_images",
    "absolute_data": "_places",
    "absolute_dir": "_places",
    "check_folds": "_folds",
    "class_counts": "_targets",
    "count_seen": "_summary",
    "describe_change": "_fingerprint",
    "find_loader": "_loaders",
    "fingerprint": "_fingerprint",
    "fold_of": "_folds",
    "load_data": "_load",
    "load_test": "_load",
    "register": "_loaders",
    "resize_masks": "_fit",
    "standard_error": "_summary",
    "stratified_order": "_split",
    "summarize_data": "_summary",
    "write_scenes": "_scenes",
}


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for: options are read without."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'nas.data' has no attribute '{name}'")
    return getattr(import_module(f"nas.data.{_NEED_TORCH[name]}"), name)
