"""Images with labels: where they come from, and how they are split."""

from nas.data._images import ImageData, Images
from nas.data._known import DATASETS
from nas.data._load import load_data, load_test
from nas.data._split import stratified_order

__all__ = ["DATASETS", "ImageData", "Images", "load_data", "load_test", "stratified_order"]
