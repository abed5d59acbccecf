"""Options that several verbs share."""

from __future__ import annotations

import inspect
import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from nas.errors import OptionError
from nas.families import load_plugin
from nas.metrics import METRICS, limit_of
from nas.trial import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from nas.run import WorkerConfig

Set = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the model file."),
]
Deploy = Annotated[
    str,
    typer.Option(
        metavar="generated|materialized",
        help="How a device has the kernels of rings: made as they are needed, or stored.",
    ),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="local|N",
        help="Evaluate in this process, or on N Ray workers; as many as fit if left out.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="A running Ray cluster; starts a local Ray if left out."
    ),
]
CpusPerWorker = Annotated[float, typer.Option(help="CPUs, and so threads, of each worker.")]
GpusPerWorker = Annotated[
    float | None, typer.Option(help="GPUs of each worker; shared evenly if left out.")
]
NodeClass = Annotated[
    str | None,
    typer.Option(
        metavar="RESOURCE", help="Workers only on nodes that were started with this Ray resource."
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        help="Begin no network after so many, even where budget is left; finalists come after."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        help="fashion_mnist, mnist, cifar10, cifar100, a folder of images, a .csv of files "
        "and labels, a .npz file, or module:function."
    ),
]
MovedData = Annotated[
    str | None, typer.Option("--data", help="Where the data are now, if they were moved.")
]
DataDir = Annotated[Path | None, typer.Option(help="Where the data set's files are.")]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Optuna storage; a journal in the run folder if left out."),
]
MovedStorage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Of the study, if it was moved; its password may be in NAS_STORAGE_PASSWORD.",
    ),
]
Plugin = Annotated[
    list[str],
    typer.Option(
        metavar="FILE|MODULE",
        help="Block families or metrics of your own, by file, module or installed package; "
        "repeatable.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print the run folder and nothing else, errors excepted.")
]


def given_options(context: typer.Context) -> dict[str, object]:
    """What the command line itself says, by the option's first name."""
    return {
        option.opts[0]: context.params[option.name]
        for option in context.command.params
        if option.name in context.params
        and getattr(context.get_parameter_source(option.name), "name", "") == "COMMANDLINE"
    }


def given_again(context: typer.Context, names: Collection[str]) -> list[str]:
    """Those of these options that the command line has, as words of another command."""
    words = []
    for option in context.command.params:
        name = option.opts[0]
        value = given_options(context).get(name)
        if name not in names or value is None:
            continue
        if isinstance(value, bool):
            words.append(name if value else option.secondary_opts[0])
        else:
            words += [name, str(value)]
    return words


def worker_config(
    workers: str | None,
    address: str | None,
    cpus: float,
    gpus: float | None,
    node_class: str | None,
    minutes: float | None,
) -> WorkerConfig:
    """The record of the options that say where networks are trained, and for how long.

    Raises OptionError.
    """
    from nas.run import WorkerConfig, parse_workers

    return WorkerConfig(
        workers=parse_workers(workers),
        address=address,
        cpus_per_worker=cpus,
        gpus_per_worker=gpus,
        node_class=node_class,
        minutes=minutes,
    )


def parse_shape(text: str) -> tuple[int, int, int]:
    """`3x224x224` -> (3, 224, 224). Raises OptionError."""
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)x([1-9][0-9]*)", text)
    if match is None:
        raise OptionError(f"--input {text}: write CHANNELSxHEIGHTxWIDTH, as in 3x224x224")
    channels, height, width = (int(group) for group in match.groups())
    return channels, height, width


def with_plugins(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with an option `--plugin`: what they register is there before it reads anything."""
    signature = inspect.signature(verb, eval_str=True)
    option = inspect.Parameter(
        "plugin", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=Plugin
    )

    @wraps(verb)
    def wrapper(*args: Any, plugin: list[str], **kwargs: Any) -> None:
        for name in plugin:
            load_plugin(name)
        verb(*args, **kwargs)

    parameters = [*signature.parameters.values(), option]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return wrapper


def limit_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb one option for each metric that can be limited, and `--limit` for the rest.

    The verb takes them as `limits`, a tuple of `Limit`.
    """
    flags = {name: _flag(name) for name, metric in METRICS.items() if metric.limit_flag}

    @wraps(verb)
    def with_limits(*, limit: list[str], **given: Any) -> None:
        named = {name: given.pop(flag.name) for name, flag in flags.items()}
        bounds = {name: text for name, text in named.items() if text is not None}
        bounds.update(map(_assignment, limit))
        verb(**given, limits=tuple(limit_of(name, text) for name, text in bounds.items()))

    own = inspect.signature(verb, eval_str=True).parameters.values()
    parameters = [one for one in own if one.name != "limits"]
    place = next(n for n, one in enumerate(parameters) if one.name == "objectives") + 1
    parameters[place:place] = [*flags.values(), _LIMIT]
    keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    with_limits.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    with_limits.__annotations__ = {one.name: one.annotation for one in keywords}
    return with_limits


def _flag(name: str) -> inspect.Parameter:
    metric = METRICS[name]
    option = typer.Option(
        metric.limit_flag,
        metavar="MS" if metric.style == "latency_us" else "N",
        help=metric.limit_help,
    )
    return inspect.Parameter(
        f"limit_{name}",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )


def _assignment(text: str) -> tuple[str, str]:
    name, sign, bound = text.partition("=")
    if not sign:
        raise OptionError(f"--limit {text}: write METRIC=BOUND, as in params=100k")
    return name.strip(), bound.strip()


_LIMIT = inspect.Parameter(
    "limit",
    inspect.Parameter.KEYWORD_ONLY,
    default=[],
    annotation=Annotated[
        list[str],
        typer.Option("--limit", metavar="METRIC=BOUND", help="Of any metric, your own included."),
    ],
)


def parse_deploy(text: str) -> Deployment:
    """How a device has the kernels of rings. Raises OptionError."""
    for known in get_args(Deployment):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise OptionError(f"--deploy {text}: write {' or '.join(get_args(Deployment))}")


def parse_class_weights(text: str) -> Literal["none", "balanced"]:
    """How classes are weighed in the loss. Raises OptionError."""
    if text == "none" or text == "balanced":
        return text  # type: ignore[return-value]
    raise OptionError(f"--class-weights {text}: write none or balanced")
