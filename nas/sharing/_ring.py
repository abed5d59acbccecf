"""A parameter ring, from which the kernels of several layers are generated.

Paper: Recurrent Parameter Generators - https://arxiv.org/abs/2107.07110. Kernel i is
K_i = s_i * sign_i * W[index_i]: ring elements at fixed random places, with fixed random signs
and one fixed scale per kernel. As in the authors' code, the index list repeats the ring as often
as it fits, fills up with distinct random elements, is permuted once and dealt out in slices.
Differs: indices and signs follow from a seed instead of being stored; all kernels of a ring are
gathered at once; the options of `Ring`.

Imports torch and the standard library only, so that export can copy this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn


class Ring(nn.Module):
    """One trained vector, and the layers that read their `weight` from it.

    Calling it gives the kernels: generated anew in training mode, kept in eval mode until the
    ring changes or gets a gradient. Indices and signs are made from the seed when first needed.

    Recurrent Parameter Generators - https://arxiv.org/abs/2107.07110. Kernel i is
    s_i * sign_i * W[index_i], with fixed places, signs and scale.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[nn.Module]],
        *,
        size: int,
        scales: Sequence[float],
        std: float,
        seed: int = 0,
        even: str = "network",
        permute: bool = True,
        signs: bool = True,
        block: int = 1,
        gradient_factor: float = 1.0,
    ) -> None:
        """`layers[i]` all read kernel i and lose their own weight; draws N(0, std) values.

        Args:
            layers: One group of equally shaped layers for every kernel.
            size: Trained scalars, at least `block`.
            scales: One factor per kernel.
            std: Standard deviation of the initial values.
            seed: Below 2**63.
            even: "network" uses elements evenly over all kernels together, "layer" within each.
            permute: Read in random order; otherwise in order, wrapping around.
            signs: Flip signs at random.
            block: Neighbouring elements that stay together.
            gradient_factor: What gradients are multiplied by.
        """
        super().__init__()
        self.layers = tuple(tuple(group) for group in layers)
        self.shapes = [cast("Tensor", group[0].weight).shape for group in self.layers]
        self.scales, self.seed, self.even, self.block = tuple(scales), seed, even, block
        self.permute, self.signs, self.gradient_factor = permute, signs, gradient_factor
        self.values = nn.Parameter(torch.empty(size))
        nn.init.normal_(self.values, std=std)
        self.register_buffer("checksum", torch.zeros((), dtype=torch.int64))
        self._places: _Places | None = None
        self._kept: tuple[Any, tuple[Tensor, ...]] | None = None
        for group in self.layers:
            for layer in group:
                del layer.weight

    def forward(self) -> tuple[Tensor, ...]:
        """One kernel for every group of layers."""
        if self.training or self.values.is_inference():
            self.forget()
            return self._generate()
        wanted = torch.is_grad_enabled() and self.values.requires_grad
        state = (id(self.values), self.values._version, wanted)
        if self._kept is None or self._kept[0] != state:
            with torch.inference_mode(False), torch.set_grad_enabled(wanted):
                self._kept = state, self._generate()
        return self._kept[1]

    def places(self) -> _Places:
        """Where every kernel element comes from, on the ring's device; made when first asked."""
        if self._places is None:
            with torch.inference_mode(False), torch.no_grad():
                self._places = _Places(self)
                self.checksum = self._places.checksum()
        return self._places

    def _generate(self) -> tuple[Tensor, ...]:
        kernels: tuple[Tensor, ...] = _Gather.apply(self.values, self)
        return kernels

    def forget(self) -> None:
        """Generate the kernels anew when they are next asked for."""
        self._kept = None

    def train(self, mode: bool = True) -> Ring:
        """Switch modes; kernels are generated anew."""
        self.forget()
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> Ring:
        # Both are made again, on the device and in the precision in which they are then needed.
        self._places = self._kept = None
        return cast("Ring", super()._apply(fn, recurse))  # type: ignore[no-untyped-call]

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles take along: not what can be made again."""
        return {**self.__dict__, "_places": None, "_kept": None}

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        self.places()  # the checksum is there once they are
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, metadata: Any, strict: bool, missing: list[str],
        unexpected: list[str], errors: list[str],
    ) -> None:  # fmt: skip
        self.forget()
        own = self.places().checksum()
        super()._load_from_state_dict(
            state_dict, prefix, metadata, strict, missing, unexpected, errors
        )
        saved = state_dict.get(f"{prefix}checksum", own)
        if not own.is_meta and not saved.is_meta and int(saved) != int(own):
            errors.append(
                f"{prefix}checksum: {int(saved)} came with the weights, but the indices and signs "
                f"here have {int(own)}; use the sharing options and the seed of training"
            )


@contextmanager
def generated(rings: nn.ModuleList) -> Iterator[None]:
    """Within this context the layers of `rings` have their weights, and nowhere else."""
    pairs = [
        (layer, kernel)
        for ring in cast(Iterable[Ring], rings)
        for kernel, group in zip(ring(), ring.layers, strict=True)
        for layer in group
    ]
    for layer, kernel in pairs:
        layer.weight = kernel
    try:
        yield
    finally:
        for layer, _ in pairs:
            del layer.weight


class _Places:
    """Ring indices and signed scales of all generated elements, kernel after kernel.

    `index` (M,) names blocks of the ring, `factor` (M * block,) is sign times scale. Every kernel
    starts at a block's beginning; what its last block has too much is cut off. The ring's last
    block ends where the ring does, and so may overlap the one before.
    """

    def __init__(self, ring: Ring) -> None:
        """Depends on the ring's options alone, not on its values."""
        values, block = ring.values, ring.block
        self.rows = (-1,) if block == 1 else (-1, block)
        self.block, self.overlap = block, -len(values) % block
        self.shapes = ring.shapes
        self.blocks = [-(-shape.numel() // block) for shape in ring.shapes]
        self.sizes = [count * block for count in self.blocks]
        self.index = self._indices(ring)
        self.factor = torch.ones(sum(self.sizes), dtype=values.dtype, device=values.device)
        if ring.signs:
            self.factor.sub_(_random_bits(len(self.factor), ring.seed, values.device), alpha=2)
        for factor, scale in zip(torch.split(self.factor, self.sizes), ring.scales, strict=True):
            if scale != 1:
                factor *= scale

    @cached_property
    def in_ring_order(self) -> list[tuple[Tensor, Tensor]]:
        """For every kernel, its elements from the ring's first to its last, and their indices."""
        sorts = (index.sort() for index in torch.split(self.index, self.blocks))
        return [(order.int(), index) for index, order in sorts]

    def _indices(self, ring: Ring) -> Tensor:
        size, device = -(-len(ring.values) // ring.block), ring.values.device
        if not ring.permute:
            runs = self.blocks if ring.even == "layer" else [sum(self.blocks)]
            return torch.cat([_in_order(count, size, device) for count in runs])
        if ring.even == "network":
            return _at_random(sum(self.blocks), size, device, ring.seed, stream=0)
        return torch.cat(
            [
                _at_random(count, size, device, ring.seed, stream=3 * number)
                for number, count in enumerate(self.blocks)
            ]
        )

    def in_blocks(self, values: Tensor) -> Tensor:
        """The ring's blocks one after the other, of which the last may overlap."""
        if self.overlap:
            whole = len(values) - self.block + self.overlap
            values = torch.cat((values[:whole], values[-self.block :]))
        return values.view(self.rows)

    def out_of_blocks(self, blocks: Tensor) -> Tensor:
        """The gradient of a ring from that of its blocks."""
        flat = blocks.view(-1)
        if not self.overlap:
            return flat
        whole = len(flat) - self.block
        total = flat.new_zeros(len(flat) - self.overlap)
        total[:whole] = flat[:whole]
        total[-self.block :] += flat[whole:]
        return total

    def scatter(self, kernel: int, gradient: Tensor, total: Tensor) -> None:
        """Add a kernel's gradient to the ring's.

        Single elements are sorted first: the ring is then walked through once for every kernel,
        not jumped about in, which takes four times as long.
        """
        if self.rows == (-1,):
            order, index = self.in_ring_order[kernel]
            gradient = gradient.index_select(0, order)
        else:
            index = torch.split(self.index, self.blocks)[kernel]
        total.index_add_(0, index, gradient)

    def checksum(self) -> Tensor:
        """A number that changes with any index or sign; int64, modulo 2**64."""
        signs = (self.factor < 0).to(torch.int64)
        odd = torch.arange(1, 2 * len(signs), 2, device=signs.device)
        index = self.index.to(torch.int64)
        return (index * odd[: len(index)]).sum() * _GOLDEN + (signs * odd).sum()


class _Gather(torch.autograd.Function):
    """All kernels of a ring in one gather; their gradients scattered back one by one.

    torch's own gradient of the same operations would write all kernels' gradients behind each
    other first, and a signed copy of them.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, ring: Ring) -> Any:
        # Constants may be kept as attributes: so backward can run more than once.
        ctx.ring, ctx.places = ring, ring.places()
        places: _Places = ctx.places
        flat = places.in_blocks(values).index_select(0, places.index).view(-1)
        pieces = torch.split(flat.mul_(places.factor), places.sizes)
        return tuple(
            piece[: shape.numel()].view(shape)
            for piece, shape in zip(pieces, places.shapes, strict=True)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        ring, places = ctx.ring, ctx.places
        # A step will follow, and fused optimisers do not count up the ring's version.
        ring.forget()
        total = places.factor.new_zeros(len(ring.values) + places.overlap).view(places.rows)
        factors = torch.split(places.factor, places.sizes)
        for number, (gradient, factor) in enumerate(zip(gradients, factors, strict=True)):
            gradient = gradient.reshape(-1)
            if excess := len(factor) - len(gradient):
                gradient = nn.functional.pad(gradient, (0, excess))
            places.scatter(number, (gradient * factor).view(places.rows), total)
        if ring.gradient_factor != 1:
            total *= ring.gradient_factor
        return places.out_of_blocks(total), None


def _in_order(count: int, size: int, device: torch.device) -> Tensor:
    """0 to `size` - 1, again and again until there are `count`; int32."""
    ring = torch.arange(size, dtype=torch.int32, device=device)
    return ring.repeat(-(-count // size))[:count]


def _at_random(count: int, size: int, device: torch.device, seed: int, stream: int) -> Tensor:
    """`count` shuffled indices below `size`, each used equally often or once more; int32."""
    whole, rest = divmod(count, size)
    ring = torch.arange(size, dtype=torch.int32, device=device)
    leftover = _scramble(size, seed, stream, device).argsort(stable=True)[:rest]
    order = _scramble(count, seed, stream + 1, device).argsort(stable=True)
    return torch.cat((ring.repeat(whole), ring[leftover])).index_select(0, order)


def _random_bits(count: int, seed: int, device: torch.device) -> Tensor:
    """`count` random zeros and ones, 64 from every scrambled number."""
    words = _scramble(-(-count // 64), seed, 2, device)
    bits = words[:, None] >> torch.arange(64, device=device)
    return bits.bitwise_and_(1).view(-1)[:count]


def _scramble(count: int, seed: int, stream: int, device: torch.device) -> Tensor:
    """The numbers 1 to `count`, each turned into 64 random bits; int64.

    SplitMix64 (Steele, Lea, Flood 2014, https://doi.org/10.1145/2660193.2660195) in integer
    arithmetic alone, so that a seed means the same on every device and in every version of torch.
    """
    start = _mix(_mix(torch.tensor(seed, device=device)) + stream)
    return _mix(torch.arange(1, count + 1, device=device).mul_(_GOLDEN).add_(start))


_GOLDEN = 0x9E3779B97F4A7C15 - 2**64


def _mix(x: Tensor) -> Tensor:
    """SplitMix64's output function, in place."""
    x.bitwise_xor_(_shift(x, 30)).mul_(0xBF58476D1CE4E5B9 - 2**64)
    x.bitwise_xor_(_shift(x, 27)).mul_(0x94D049BB133111EB - 2**64)
    return x.bitwise_xor_(_shift(x, 31))


def _shift(x: Tensor, bits: int) -> Tensor:
    # Shifting int64 drags the sign along; the mask drops its copies.
    return (x >> bits).bitwise_and_((1 << (64 - bits)) - 1)
