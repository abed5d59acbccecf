"""Passwords of storage URLs never leave the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.search import absolute_url, hide_passwords, with_password, without_password
from nas.search._secrets import PASSWORD_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

URLS = [
    ("postgresql://ann:sesame@host/db", "postgresql://ann@host/db"),
    ("postgresql+psycopg2://ann:ses%40me@host:5/db", "postgresql+psycopg2://ann@host:5/db"),
    ("mysql://ann@host/db?password=sesame&x=1", "mysql://ann@host/db?x=1"),
    ("mysql://host/db?ssl_passphrase=sesame", "mysql://host/db"),
    ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
]


@pytest.mark.parametrize(("url", "public"), URLS)
def test_what_is_written_has_no_password(url: str, public: str) -> None:
    assert without_password(url) == public


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://ann:sesame@host/db",
        "postgresql://ann:ses@me:sesame@host/db",
        "no such option: password=sesame&x=1",
        "mysql://ann:sesame@[::1/db is no URL",
        "FATAL: 'sesame' is wrong",
    ],
)
def test_what_is_printed_has_no_password(text: str) -> None:
    assert "sesame" not in hide_passwords(text, "postgresql://ann:sesame@host/db")


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg//ann:sesame@h/db", "postgresql:ann:sesame@h", "mysql:/ann:sesame@h/db"],
)
def test_a_mistyped_url_shows_no_password(url: str) -> None:
    assert "sesame" not in hide_passwords(f"`storage` {url}: cannot be parsed: {url!r}", url)


def test_a_password_with_an_at_that_is_not_quoted_shows_in_no_host() -> None:
    url = "postgresql://ann:pass/word@sesame@127.0.0.1:1/nas"

    said = hide_passwords("failed to resolve host 'sesame@127.0.0.1'", url)

    assert said == "failed to resolve host '***@127.0.0.1'"


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "sesame")

    assert with_password("postgresql://ann@host/db") == "postgresql://ann:sesame@host/db"
    for unchanged in ("postgresql://ann:other@host/db", "postgresql://host/db", "sqlite:///a.db"):
        assert with_password(unchanged) == unchanged
    monkeypatch.delenv(PASSWORD_VARIABLE)
    assert with_password("postgresql://ann@host/db") == "postgresql://ann@host/db"


def test_a_database_file_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert absolute_url("sqlite:///a.db") == f"sqlite:///{tmp_path}/a.db"
    for unchanged in ("sqlite:////x/a.db", "sqlite://", "sqlite:///:memory:", "mysql://h/d"):
        assert absolute_url(unchanged) == unchanged
