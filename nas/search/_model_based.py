"""Search by a model of the error alone: what is known exactly is not guessed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from nas.search._acquisition import expected_improvement
from nas.search._encoding import Encoding
from nas.search._evolution import NUM_RANDOM, ParetoEvolutionSampler, SpaceExhausted, distributions
from nas.search._gaussian_process import GaussianProcess, Kernel, fit_kernel
from nas.search._problem import mutate_one

@dataclass
class Options:
    num_random: int = 16
    children: int = 64
    draws: int = 16
    rounds: int = 2
    elite: int = 8
    local: int = 6
    pool: int = 0
    max_train: int = 300
    max_fit: int = 200
    refit: float = 1.15
    features: bool = True
    genes: bool = True
    costs: bool = True
    space: str = "log"       # improvement in log error or linear
    clip: str = "none"      # none | median | warp
    ref: str = "median"     # median | worst
    pend_front: bool = True
    denoise: bool = False
    second: float = 0.2
    enumerate_all: bool = False
    margin: float = 0.0
    beta: float = 1.0     # sd inflation


@dataclass(frozen=True, eq=False)
class Idea:
    genome: Any
    arch_id: str
    costs: Any
    row: Any


class ModelBasedSampler(optuna.samplers.BaseSampler):
    def __init__(self, problem, archive, *, seed, start, options=None):
        self.o = options or Options()
        self._problem = problem
        self._archive = archive
        self._seed = seed
        self._evolution = ParetoEvolutionSampler(problem, archive, seed=seed, start=start)
        extra = getattr(problem, "features", None) if self.o.features else None
        self._extra = extra
        probe = extra(problem.space.canonical_genome(start)) if extra else ()
        self._encoding = Encoding(problem.space.genes, len(probe))
        self._costs = [n for n, one in enumerate(problem.objectives) if one.direction == "minimize"]
        self._error = next(n for n, one in enumerate(problem.objectives) if one.direction == "maximize")
        self._ideas = {}
        self._rows = {}
        self._kernel = None
        self._fitted_at = 0
        self._proposed = {}
        self._pool = []
        g = self._encoding.groups
        n = len(problem.space.genes)
        keep = np.ones(len(g), bool)
        if not self.o.genes: keep &= ~(g < n)
        if not self.o.costs: keep &= ~((g >= n) & (g < n + 3))
        self._keep = keep
        _, self._groups = np.unique(g[keep], return_inverse=True)

    def infer_relative_search_space(self, study, trial):
        return distributions(self._problem)

    def sample_relative(self, study, trial, search_space):
        rng = random.Random(f"{self._seed}:{trial.number}")
        return dict(self._problem.space.labels(self.propose(rng)))

    def sample_independent(self, study, trial, param_name, param_distribution):
        raise NotImplementedError

    def propose(self, rng):
        if len(self._archive.members) < self.o.num_random:
            genome = self._evolution.propose(rng)
        else:
            genome = self._model_proposal(rng)
        idea = self._idea(genome)
        self._proposed[idea.arch_id] = idea
        return genome

    def _idea(self, genome):
        space = self._problem.space
        genome = space.canonical_genome(genome)
        if genome not in self._ideas:
            c = self._problem.candidate(genome)
            if c.reason is not None:
                self._ideas[genome] = None
            else:
                extra = self._extra(genome) if self._extra else ()
                costs = [math.log10(max(getattr(c.cost, self._problem.objectives[n].name), 1)) for n in self._costs]
                self._ideas[genome] = Idea(genome, c.arch.id, np.array(costs), self._encoding.row(genome, space.active_genes(genome), c.cost, extra)[self._keep])
        return self._ideas[genome]

    def _training(self, cap):
        A = self._archive
        if len(A.members) <= cap:
            return A.members
        chosen = {m.number: m for m in [*A.front, *A.second][:cap * 2 // 3]}
        for m in reversed(A.members):
            if len(chosen) >= cap: break
            chosen.setdefault(m.number, m)
        return list(chosen.values())

    def _model(self):
        members = self._training(self.o.max_train)
        X = np.stack([self._idea(m.genome).row for m in members])
        E = np.array([max(1 + m.losses[self._error], 1e-4) for m in members])
        y = np.log(E)
        med = float(np.median([1 + m.losses[self._error] for m in self._archive.members[: 64]]))
        self._refe = math.log(med)
        if self.o.clip == "median":
            y = np.minimum(y, math.log(med) + 0.0)
        elif self.o.clip == "soft":
            d = y - math.log(med)
            s = np.std(y[d <= 0]) if (d <= 0).sum() > 3 else np.std(y)
            y = np.where(d > 0, math.log(med) + s * np.log1p(d / s), y)
        mean, sd = y.mean(), max(y.std(), 1e-3)
        z = (y - mean) / sd
        n = len(self._archive.members)
        if self._kernel is None or n >= self.o.refit * self._fitted_at:
            f = self._training(self.o.max_fit)
            if len(f) < len(members):
                idx = {m.number: i for i, m in enumerate(members)}
                sel = [idx[m.number] for m in f if m.number in idx]
            else:
                sel = range(len(members))
            self._kernel = fit_kernel(X[list(sel)], self._groups, z[list(sel)], None)
            self._fitted_at = n
        return GaussianProcess(self._kernel, self._groups, X, z), mean, sd

    def _model_proposal(self, rng):
        o = self.o
        gp, mean, sd = self._model()
        pending = [self._proposed[a] for a in self._archive.pending if a in self._proposed]
        front = np.array([[self._err(m.losses[self._error])] + [m.losses[n] for n in self._costs] for m in self._archive.front])
        if o.denoise:
            mu, _ = gp.predict(np.stack([self._idea(m.genome).row for m in self._archive.front]))
            front[:, 0] = self._mu(mu * sd + mean)
        if pending:
            P = np.stack([p.row for p in pending])
            mu, _ = gp.predict(P)
            gp = gp.imagine(P)
            if o.pend_front:
                add = np.column_stack([self._mu(mu * sd + mean), np.stack([p.costs for p in pending])])
                front = np.concatenate([front, add])
        front = _nondominated(front)
        if o.ref == "median":
            allc = np.array([[m.losses[n] for n in self._costs] for m in self._archive.members])
            ref = np.array([self._err(math.exp(self._refe) - 1), *(allc.max(0) + 0.01)])
        else:
            allc = np.array([[m.losses[n] for n in self._costs] for m in self._archive.members])
            ref = np.array([max(self._err(m.losses[self._error]) for m in self._archive.members), *(allc.max(0) + 0.01)])
        def score(ideas):
            if not ideas: return np.empty(0)
            mu, s = gp.predict(np.stack([i.row for i in ideas]))
            C = np.stack([i.costs for i in ideas])
            mu, s = mu * sd + mean, s * sd * o.beta
            if o.space == "linear":
                e = np.exp(mu + s * s / 2); s = e * np.sqrt(np.expm1(s * s)); mu = e
            return expected_improvement(mu, s, C, front - np.array([o.margin] + [0] * C.shape[1]), ref)
        seen = {}
        def fresh(genomes):
            out = []
            for g in genomes:
                i = self._idea(g)
                if i is None or i.arch_id in seen or self._archive.knows(i.arch_id): continue
                seen[i.arch_id] = i
                out.append(i)
            return out
        if o.enumerate_all:
            first = fresh(self._problem.rows)
        else:
            first = fresh(i.genome for i in self._pool) + fresh(self._evolution._child(rng) for _ in range(o.children)) + fresh(self._problem.space.random_genome(rng) for _ in range(o.draws))
        values = score(first)
        ideas = list(first)
        if not o.enumerate_all:
            for _ in range(o.rounds):
                order = np.argsort(-values, kind="stable")[: o.elite]
                new = fresh(mutate_one(self._problem.space, ideas[k].genome, rng) for k in order for _ in range(o.local))
                ideas += new
                values = np.concatenate([values, score(new)])
        if not ideas:
            return self._evolution.propose(rng)
        order = np.argsort(-values, kind="stable")
        self._pool = [ideas[k] for k in order[: o.pool]]
        self.last = values[order[0]]
        return ideas[order[0]].genome

    def _err(self, loss):
        e = max(1 + loss, 1e-4)
        return math.log(e) if self.o.space == "log" else e

    def _mu(self, m):
        return m if self.o.space == "log" else np.exp(m)


def _nondominated(points):
    keep = []
    for n, p in enumerate(points):
        q = points[np.arange(len(points)) != n]
        if not ((q <= p).all(1) & ((q < p).any(1))).any():
            keep.append(n)
    return points[keep]
