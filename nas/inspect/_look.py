"""One network looked into from end to end, its weights read, drawn or trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import Diverged, OptionError, RunFolderError
from nas.files import drafted
from nas.inspect._inspection import (
    build_trained,
    build_untrained,
    build_with_weights,
    check_subject,
    inspect_network,
)
from nas.model import save_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.inspect._inspection import Inspection
    from nas.model import Network
    from nas.trial import Fidelity

WEIGHTS = "weights.safetensors"


def look_into(
    arch: Architecture,
    data: ImageData,
    *,
    weights: Path | None = None,
    training: Fidelity | None = None,
    keep_in: Path,
    tell: Callable[[str], object] = lambda line: None,
) -> Inspection:
    """Look at the kernels, feature maps and rings of `arch` on validation images of `data`.

    Args:
        arch: The network.
        data: What it is, or shall be, trained on.
        weights: A safetensors file; where None, the network is trained.
        training: How; where None, the weights stay as they are drawn.
        keep_in: The folder that the weights of such a training go to.
        tell: Called with a line before it begins.

    Raises:
        UserError: network, weights and data do not fit together, the training diverged, or a
            file cannot be read or written.
    """
    check_subject(arch, data)
    if weights is not None:
        network = build_with_weights(arch, data, _read(weights), source=str(weights))
        words = f"weights {weights.name}"
    elif training is None:
        network, words = build_untrained(arch, data), "untrained"
    else:
        words = f"trained for {_words(training, data)}"
        tell(
            f"No weights given: training {arch.name} for {_words(training, data)}. Kernels take "
            "their shape late; weights from a full training show more."
        )
        network = _trained(arch, data, training)
        _keep(keep_in / WEIGHTS, save_weights(network))
    trained = weights is not None or training is not None
    return inspect_network(arch, network, data, weights=words, trained=trained)


def _words(training: Fidelity, data: ImageData) -> str:
    turns = "1 epoch" if training.epochs == 1 else f"{training.epochs} epochs"
    return f"{turns} over {training.train_images:,} images of {data.name}"


def _trained(arch: Architecture, data: ImageData, training: Fidelity) -> Network:
    try:
        return build_trained(arch, data, training)
    except Diverged as error:
        raise OptionError(
            f"{arch.name}: the brief training diverged: {error}; change `epochs`, or bring "
            "`weights`"
        ) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunFolderError(
            f"{file}: weights cannot be read: {error.strerror}; a run keeps those of its front "
            "alone, and `weights` names any other file"
        ) from error


def _keep(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with drafted(file) as draft:
            draft.write_bytes(content)
    except OSError as error:
        raise RunFolderError(
            f"{file}: cannot be written: {error.strerror}; free space or name another `out`"
        ) from error
