"""The report as one HTML file that needs no server and no network."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.drawing import DARK_COLOURS, LIGHT_COLOURS, RULES
from nas.report._files import replacing
from nas.report._payload import drawings_of, payload_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.report._document import Document

SCRIPTS = ("core.js", "chart.js", "front.js", "tables.js", "detail.js", "main.js")
DARK_PAGE = (
    "--ink:#e4e9ee;--soft:#a3afba;--faint:#717e8a;--paper:#12171d;--panel:#1a2129;--line:#2f3943;"
    "--accent:#6cb2f5;--accent-soft:#1d3550;--dot:#7b8896;--knee:#ff9d5c;--final:#4fc79e;"
    "--final-paper:#131d1c;--published:#cf9be0;--warn:#ffc27a;--warn-paper:#33261250;"
    "--run0:#6cb2f5;--run1:#ff9d5c;--run2:#4fc79e;--run3:#e58bc6;--run4:#d8c84a;--run5:#b4bec8;"
)


def write_page(
    path: Path,
    documents: Sequence[Document],
    *,
    reload_s: int | None = None,
    masks: bytes | None = None,
) -> None:
    """Write one or several runs into one page.

    Args:
        path: The HTML file; readers see the old one or the new one.
        documents: Runs in the order in which they are shown.
        reload_s: Seconds after which the page loads itself again, for a run that goes on.
        masks: A PNG of images, masks and what the best network makes of them.

    Raises:
        RunFolderError: the file cannot be written.
    """
    text = render_page(documents, reload_s=reload_s, masks=masks)
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def render_page(
    documents: Sequence[Document], *, reload_s: int | None = None, masks: bytes | None = None
) -> str:
    """The page's text."""
    from jinja2 import Environment

    first = documents[0]
    title = f"{first.space} on {Path(first.dataset).name}"
    if len(documents) > 1:
        title = f"{len(documents)} searches compared"
    data = {
        "runs": [payload_of(one, number) for number, one in enumerate(documents)],
        "references": _references(documents),
        "comparable": _comparable(documents),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "reload_s": reload_s,
    }
    template = Environment(autoescape=True).from_string(_read("report.html.j2"))
    return template.render(
        title=title,
        eyebrow="nas report of " + ", ".join(one.name for one in documents),
        masks=base64.b64encode(masks).decode() if masks else None,
        css=_safe(_style()),
        script=_safe("\n".join(map(_read, SCRIPTS))),
        data=_packed(data),
        drawings=_packed([drawings_of(one) for one in documents]),
    )


def _comparable(documents: Sequence[Document]) -> bool:
    return len({(one.objectives, one.dataset, one.num_classes) for one in documents}) == 1


def _references(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """Published networks, if all runs are on the data set that they are known for."""
    if len({one.dataset for one in documents}) > 1:
        return []
    return [
        {name: getattr(one, name) for name in one.__dataclass_fields__}
        for one in documents[0].references
    ]


def _packed(content: Any) -> str:
    """JSON, compressed, in base 64: no character in it means anything to HTML."""
    plain = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(plain.encode(), mtime=0)).decode()


@cache
def _read(name: str) -> str:
    return files("nas.report").joinpath("page", name).read_text(encoding="utf-8")


def _style() -> str:
    parts = {
        "@LIGHT@": LIGHT_COLOURS,
        "@DARK@": DARK_COLOURS,
        "@DARKPAGE@": DARK_PAGE,
        "@RULES@": RULES,
    }
    text = _read("page.css")
    for mark, rules in parts.items():
        text = text.replace(mark, rules)
    return text


def _safe(text: str) -> Any:
    """Our own style or script as it stands; templates escape everything else."""
    from markupsafe import Markup

    return Markup(text)
