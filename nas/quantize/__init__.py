"""Networks in 8 bits: what post-training quantisation leaves of their accuracy and size."""

from __future__ import annotations

from nas.quantize._int8 import CALIBRATION_IMAGES, Int8Network, quantize_int8

__all__ = ["CALIBRATION_IMAGES", "Int8Network", "quantize_int8"]
