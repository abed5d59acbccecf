"""The exceptions of `nas`, and nothing else.

    NasError                      root of everything raised on purpose
      UserError                   the user can mend it: exit status 2, no traceback
        ModelFileError            a model file is not well formed: file, line, path
        PluginError               a block family from outside cannot be used
        IllegalArchitecture       well formed, but the network cannot be built
        DataError                 a data set is missing or unusable
        OptionError               a command-line option or an argument is unusable
        RecipeError               a recipe does not suit the network or its data
        RunFolderError            a run folder exists, is missing, or cannot be written
        StorageError              the study's storage does not answer or is damaged
        ClusterError              Ray does not answer, or can never schedule a worker
        DisturbedError            the machine was too busy to measure latencies
      OutageError                 Ray or the database went away: exit status 75, resume goes on
      EvaluationError             one candidate failed; becomes a record, never a crash
        Diverged                  the loss or the weights became non-finite

Every message says: where, what was wrong (with the value), what is allowed, what to do.
"""

from __future__ import annotations


class NasError(Exception):
    """Root of all errors that `nas` raises on purpose."""


class UserError(NasError):
    """The user can mend it; the command line prints it without a traceback and exits 2."""


class ModelFileError(UserError):
    """A model file is not well formed. The message starts with `file:line: path:`."""


class PluginError(UserError):
    """A block family from outside cannot be imported, or does not fit the grammar."""


class IllegalArchitecture(UserError):
    """Every value is well formed, but together they describe no network that can be built.

    `rule` is the short, value-free name of the broken rule, so that failures can be counted.
    `path` is the place that breaks it, as in `stages.0.block`; empty where that is no one place.
    """

    def __init__(self, message: str, *, rule: str, path: str = "") -> None:
        """Store the full sentence, the rule's short name and the place."""
        super().__init__(message)
        self.rule = rule
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes with rule and place, which pickle would otherwise drop."""
        return _illegal, (str(self), self.rule, self.path)


def _illegal(message: str, rule: str, path: str) -> IllegalArchitecture:
    return IllegalArchitecture(message, rule=rule, path=path)


class DataError(UserError):
    """A data set is missing, unknown, or not usable as images with labels."""


class OptionError(UserError):
    """An option has a value that is not allowed."""


class RecipeError(UserError):
    """A recipe does not suit what it trains: the training diverged, or it lacks a teacher."""


class RunFolderError(UserError):
    """A run folder exists already, is missing, is in use, or cannot be written."""


class StorageError(UserError):
    """The study's storage does not answer, or what it holds cannot be read."""


class ClusterError(UserError):
    """Ray does not answer, or the cluster can never schedule the workers asked for."""


class DisturbedError(UserError):
    """Latencies were asked for, and the machine was too busy to measure them."""


class OutageError(NasError):
    """What a search stands on (Ray, its database) went away and did not come back in time.

    Nothing finished is lost, and `nas resume` goes on. The command line exits with 75, the
    EX_TEMPFAIL of sysexits.h: the same command may well succeed later.
    """


class EvaluationError(NasError):
    """One candidate could not be evaluated."""


class Diverged(EvaluationError):
    """Training produced a non-finite loss, accuracy or weight."""
