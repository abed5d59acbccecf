"""Images with labels: where they come from, and how they are split."""

from nas.data._fingerprint import DataFingerprint, describe_change, fingerprint
from nas.data._images import ImageData, Images, Split
from nas.data._known import DATASETS
from nas.data._load import load_data, load_test
from nas.data._loaders import Loader, find_loader, register
from nas.data._options import (
    DEFAULT_OPTIONS,
    DataOptions,
    Resize,
    parse_channels,
    parse_resolution,
)
from nas.data._split import stratified_order
from nas.data._summary import DataSummary, standard_error, summarize_data

__all__ = [
    "DATASETS",
    "DEFAULT_OPTIONS",
    "DataFingerprint",
    "DataOptions",
    "DataSummary",
    "ImageData",
    "Images",
    "Loader",
    "Resize",
    "Split",
    "describe_change",
    "find_loader",
    "fingerprint",
    "load_data",
    "load_test",
    "parse_channels",
    "parse_resolution",
    "register",
    "standard_error",
    "stratified_order",
    "summarize_data",
]
