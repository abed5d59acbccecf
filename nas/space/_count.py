"""How many settings a space has: exactly where that can be said in short, or else a bound.

Settings are choices of the active genes. A tied value is chosen once for all its uses, and not at
all where no use is active, so settings are counted by the set of tied values that they use: the
sum over these sets of (ways to use just them) x (settings of each). There may be as many sets as
tied values that are in play *at once*: a value is settled, and drops out of the sets, after the
last part of the file that may use it. In general, counting is as hard as finding the smallest
vertex cover of a graph (stages are edges that use one of two tied values), hence the bound.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from graphlib import TopologicalSorter
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from nas.space._template import Open, Record, Sequenced, Tied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nas.space._template import Template

MAX_STEPS = 200_000
"""Pairs of sets that are combined, about a fifth of a second; beyond it the count is a bound."""

Usage: TypeAlias = "Mapping[frozenset[str], int]"
"""Settings counted by the tied values that they use; every tied value itself counts once."""

UNUSED: Usage = {frozenset(): 1}


class SettingCount(NamedTuple):
    """The number of settings, or an upper bound on it."""

    settings: int
    is_exact: bool


def count_settings(template: Template, tied: Mapping[str, Template]) -> SettingCount:
    """Settings of a file's template; `tied` are its tied values by name."""
    try:
        return SettingCount(_ExactCount(tied).of(template), is_exact=True)
    except _TooManySteps:
        # As if every tied value were used in every setting.
        always = math.prod(value.ways for value in tied.values())
        return SettingCount(template.ways * always, is_exact=False)


class _TooManySteps(Exception):
    pass


class _ExactCount:
    def __init__(self, tied: Mapping[str, Template]) -> None:
        self.tied = tied
        self.steps_left = MAX_STEPS

    def of(self, template: Template) -> int:
        factors = [*_factors(template)]
        state = UNUSED
        for part, names in zip(factors, self.settled_after(factors), strict=True):
            state = self.combine(state, self.usage(part))
            for name in names:
                state = self.settle(state, name)
        return sum(state.values())

    def settled_after(self, factors: list[Template]) -> Iterator[list[str]]:
        """For every factor, the tied values that nothing behind it uses: users before used."""
        users: dict[str, set[str]] = {name: set() for name in self.tied}
        for user, value in self.tied.items():
            for name in _names(value):
                users[name].add(user)
        last = {name: place for place, part in enumerate(factors) for name in _names(part)}
        settled = defaultdict[int, list[str]](list)
        for name in TopologicalSorter(users).static_order():
            last[name] = max([last.get(name, 0), *(last[user] for user in users[name])])
            settled[last[name]].append(name)
        return (settled[place] for place in range(len(factors)))

    def settle(self, state: Usage, name: str) -> Usage:
        """`state` with the tied value replaced by its own settings."""
        inner, total = self.usage(self.tied[name]), Counter[frozenset[str]]()
        for used, ways in state.items():
            once: Usage = {used - {name}: ways}
            total.update(self.combine(once, inner) if name in used else once)
        return total

    def usage(self, template: Template) -> Usage:
        if isinstance(template, Tied):
            return {frozenset({template.name}): 1}
        if isinstance(template, Open):
            total = Counter[frozenset[str]]()
            for option in template.options:
                total.update(self.usage(option))
            return total
        usage = UNUSED
        if isinstance(template, Record | Sequenced):
            for part in template.parts:
                usage = self.combine(usage, self.usage(part))
        return usage

    def combine(self, one: Usage, other: Usage) -> Usage:
        self.steps_left -= len(one) * len(other)
        if self.steps_left < 0:
            raise _TooManySteps
        total = Counter[frozenset[str]]()
        for (used, ways), (more, times) in product(one.items(), other.items()):
            total[used | more] += ways * times
        return total


def _factors(template: Template) -> Iterator[Template]:
    """What is chosen independently, in the file's order; never empty."""
    if isinstance(template, Record | Sequenced):
        for part in template.parts:
            yield from _factors(part)
    else:
        yield template


def _names(template: Template) -> set[str]:
    """The tied values that a template itself refers to."""
    if isinstance(template, Tied):
        return {template.name}
    if isinstance(template, Open):
        return set().union(*map(_names, template.options))
    if isinstance(template, Record | Sequenced):
        return set().union(*map(_names, template.parts))
    return set()
