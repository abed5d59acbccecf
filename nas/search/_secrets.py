"""Passwords of storage URLs: never written, never printed, and taken from the environment.

A URL may hold one as `user:password@host`, or as a parameter (`?password=...`). libpq reads
`~/.pgpass` by itself where a PostgreSQL URL has none.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

PASSWORD_VARIABLE = "NAS_STORAGE_PASSWORD"
"""Environment variable with the password of a storage URL that names a user and has none."""
_HIDDEN = "***"
_SECRET_NAME = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)
# For text that is no URL, or a mistyped one: whatever stands between `//user:` or `:user:` and the
# last @, and such parameters.
_IN_TEXT = re.compile(
    r"((?://|:/?)[^:/@\s]*):[^\s]*@|(\b\w*(?:pass|pwd|secret|token)\w*=)[^&\s]+", re.I
)
_USER_INFO = re.compile(r"//[^:/@\s]*:([^\s]*)@")


def without_password(url: str) -> str:
    """The URL as it may be written into files: the password is gone."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        return hide_passwords(url)
    secret = [name for name in parsed.query if _SECRET_NAME.search(name)]
    public = parsed.difference_update_query(secret).set(password=None)
    # URL.set() cannot take a password away.
    bare = public._replace(password=None)
    return bare.render_as_string(hide_password=False)


def absolute_url(url: str) -> str:
    """The URL from any working directory: the file of an SQLite database by its whole path."""
    parsed = _parsed(url)
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    if parsed.database == ":memory:" or parsed.database.startswith("file:"):
        return url
    path = Path(parsed.database).expanduser().absolute()
    return parsed.set(database=str(path)).render_as_string(hide_password=False)


def with_password(url: str) -> str:
    """The URL with a password from the environment, where it names a user and has none."""
    password = os.environ.get(PASSWORD_VARIABLE)
    parsed = _parsed(url)
    if password is None or parsed is None or not parsed.username or _passwords(parsed):
        return url
    return parsed.set(password=password).render_as_string(hide_password=False)


def hide_passwords(text: str, url: str | None = None) -> str:
    """The text with `***` for every password in it: the URL's own, and what looks like one."""
    parsed = _parsed(url) if url else None
    for password in _passwords(parsed) if parsed else ():
        text = text.replace(password, _HIDDEN)
    for part in _beyond_an_at(url or ""):
        text = text.replace(f"{part}@", f"{_HIDDEN}@")
    return _IN_TEXT.sub(
        lambda found: f"{found[1]}:{_HIDDEN}@" if found[1] else f"{found[2]}{_HIDDEN}", text
    )


def _beyond_an_at(url: str) -> list[str]:
    """What a driver takes for the host of a password with an @ in it, which had to be quoted."""
    found = _USER_INFO.search(url)
    return [part for part in found[1].split("@")[1:] if part] if found else []


def _parsed(url: str) -> URL | None:
    try:
        return make_url(url)
    except (SQLAlchemyError, ValueError):
        return None


def _passwords(url: URL) -> tuple[str, ...]:
    inner = (url.query[name] for name in url.query if _SECRET_NAME.search(name))
    found = (url.password, *inner)
    return tuple(str(one) for one in found if one)
