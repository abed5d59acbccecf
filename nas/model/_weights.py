"""A model's weights as safetensors bytes, in which a shared tensor is stored once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import safetensors.torch
import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def save_weights(model: nn.Module) -> bytes:
    """The model's state; of names that share a tensor, the first stands for all."""
    state = model.state_dict()
    kept = {
        name: state[name].detach().to("cpu", memory_format=torch.contiguous_format)
        for name in dict.fromkeys(_first_names(state).values())
    }
    return safetensors.torch.save(kept)


def load_weights(model: nn.Module, weights: bytes) -> None:
    """Put a saved state into a model of the same architecture; RuntimeError if it does not fit."""
    saved = safetensors.torch.load(weights)
    firsts = _first_names(model.state_dict())
    state = {name: saved[first] for name, first in firsts.items() if first in saved}
    extra = {name: tensor for name, tensor in saved.items() if name not in firsts}
    model.load_state_dict(state | extra)


def _first_names(state: dict[str, Tensor]) -> dict[str, str]:
    """For every name, the first name of the same tensor."""
    first_by_tensor: dict[tuple[int, torch.Size], str] = {}
    return {
        name: first_by_tensor.setdefault((tensor.data_ptr(), tensor.shape), name)
        for name, tensor in state.items()
    }
