"""The command line as users know it: a verb or option appears or goes only on purpose.

No new option without deleting or justifying one: *what* is searched lives in the model file,
options say where and how many.
"""

from __future__ import annotations

import typer

from nas.cli import app

SURFACE = {
    "data": [
        "PATH", "--data-dir", "--resolution", "--resize", "--channels", "--flip/--no-flip",
        "--group-by", "--skip-bad", "--task", "--json",
    ],
    "scenes": ["FILE.npz", "--of", "--data-dir", "--scenes", "--side", "--seed"],
    "search": [
        "--space", "--budget", "--minutes", "--data", "--data-dir", "--objectives",
        "--min-accuracy",
        "--max-params", "--max-macs", "--max-peak-bytes", "--max-stored-bytes",
        "--max-int8-stored-bytes", "--max-int8-peak-bytes", "--max-latency-ms", "--limit",
        "--epochs", "--train-images", "--resolution", "--resize", "--channels",
        "--flip/--no-flip", "--group-by", "--skip-bad", "--task", "--folds", "--class-weights",
        "--loss", "--ladder", "--sampler",
        "--seed", "--deterministic", "--workers", "--address", "--cpus-per-worker",
        "--gpus-per-worker", "--node-class", "--task-timeout",
        "--storage", "--out", "--deploy", "--finalists", "--set", "--quiet", "--json",
        "--plugin",
    ],
    "resume": [
        "RUN", "--budget", "--minutes", "--workers", "--address", "--cpus-per-worker",
        "--gpus-per-worker",
        "--node-class", "--data", "--data-dir", "--storage", "--join", "--quiet", "--json",
    ],
    "train": [
        "MODEL|RUN:ID|RUN", "--recipe", "--set", "--data", "--data-dir", "--resolution",
        "--resize", "--channels", "--flip/--no-flip", "--group-by", "--skip-bad", "--task",
        "--seeds", "--finalists", "--first-seed", "--teacher", "--init", "--device", "--threads",
        "--kernels", "--workers", "--address", "--out", "--resume", "--json", "--plugin",
    ],
    "recipes": ["[NAME]", "--json"],
    "tune": [
        "MODEL|RUN:ID", "--recipe", "--set", "--key", "--budget", "--data", "--data-dir",
        "--resolution", "--resize", "--channels", "--flip/--no-flip", "--group-by", "--skip-bad",
        "--task", "--seed", "--workers", "--gpus-per-worker", "--address", "--out", "--json",
        "--plugin",
    ],
    "runs": ["FOLDER", "--json"],
    "report": ["RUN...", "--watch", "--out", "--int8", "--data-dir", "--storage", "--json"],
    "export": [
        "RUN", "--pick", "--out", "--proxies", "--materialize", "--code-only", "--qat", "--tflite",
        "--force", "--data", "--data-dir", "--storage", "--json",
    ],
    "repair": ["RUN", "--copy"],
    "track": ["RUN", "--mlflow", "--tensorboard"],
    "spaces": ["--json"],
    "show": ["NAME", "--set", "--svg", "--input", "--classes", "--json", "--plugin"],
    "cost": [
        "NAME", "--input", "--classes", "--set", "--deploy", "--json", "--modules", "--plugin",
    ],
    "explain": ["[KEY]", "--json", "--plugin"],
    "latency": [
        "MODEL", "--calibrate", "--networks", "--parts", "--device", "--input", "--classes",
        "--set", "--fresh", "--json", "--plugin",
    ],
    "inspect": [
        "MODEL", "--weights", "--data", "--data-dir", "--epochs", "--train-images",
        "--untrained", "--out", "--set", "--json", "--plugin",
    ],
    "bench": [
        "--tables", "--samplers", "--seeds", "--first-seed", "--budget", "--workers", "--out",
        "--json",
    ],
    "check-plugin": ["FILE|MODULE"],
}  # fmt: skip


def found() -> dict[str, list[str]]:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        verb: [
            "/".join([*option.opts, *option.secondary_opts])
            if option.param_type_name == "option"
            else option.metavar
            for option in command.params
        ]
        for verb, command in verbs.items()
    }


def test_verbs_and_options_are_those_listed_here() -> None:
    assert found() == SURFACE


def test_everything_has_a_help_text() -> None:
    for verb, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert command.help, verb
        for option in command.params:
            assert option.help, f"{verb} {option.name}"
