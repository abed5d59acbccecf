"""Colours and rules of drawings. A page that holds drawings brings the colours itself."""

from __future__ import annotations

LIGHT_COLOURS = (
    "--d-ink:#1d2733;--d-soft:#5b6875;--d-line:#8a96a3;--d-card:#f4f6f8;--d-edge:#d5dbe1;"
    "--d-box:#ffffff;--d-loop:#b3460b;--d-own:#0b5cad;--d-same:#c3ccd5;--d-level:#cfe0f2"
)
DARK_COLOURS = (
    "--d-ink:#e6ebf0;--d-soft:#9fabb7;--d-line:#6f7c89;--d-card:#1a2129;--d-edge:#333e49;"
    "--d-box:#222b34;--d-loop:#ff9d5c;--d-own:#6cb2f5;--d-same:#4a5763;--d-level:#28435e"
)
RING_COLOURS = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#0072b2",
    "#d55e00",
    "#999999",
    "#c7b900",
)
"""Told apart by colour-blind readers too (Okabe and Ito, Color Universal Design, 2008, the
yellow darkened for white paper); rings carry their numbers as well."""

RULES = (
    ".net text{font:12px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:var(--d-ink)}"
    ".net .s{font-size:11px;fill:var(--d-soft)}"
    ".net .b{font-weight:600}"
    ".net .t{font-size:11px;font-weight:600;fill:var(--d-soft);letter-spacing:.04em}"
    ".net .r{text-anchor:end}"
    ".net .m{text-anchor:middle}"
    ".net .card{fill:var(--d-card);stroke:var(--d-edge)}"
    ".net .box{fill:var(--d-box);stroke:var(--d-line)}"
    ".net .flow{stroke:var(--d-line);stroke-width:1.4;fill:none}"
    ".net .tip{fill:var(--d-line)}"
    ".net .loop{stroke:var(--d-loop);stroke-width:2;fill:none}"
    ".net .looptip,.net text.loops{fill:var(--d-loop)}"
    ".net text.loops{font-weight:700;font-size:13px}"
    ".net .own{fill:var(--d-own)}"
    ".net .same{fill:var(--d-same)}"
    ".net .level{fill:var(--d-level);stroke:var(--d-own);stroke-width:.8}"
    ".net text.ring{font-size:10px;font-weight:700;fill:#111;text-anchor:middle}"
)
STANDALONE = (
    f".net{{{LIGHT_COLOURS};background:#fff}}"
    f"@media(prefers-color-scheme:dark){{.net{{{DARK_COLOURS};background:#12171d}}}}"
)
