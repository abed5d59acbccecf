"""Carry out a Dockerfile's instructions in a clean Debian root, where there is no Docker.

A root of Debian is unpacked by debootstrap, and COPY, RUN, ENV, ARG, USER and WORKDIR are done
to it in order, each RUN in a chroot with its own mounts and processes. It ends with the image's
entry point. Needs root, debootstrap and 25 GB of disk; the folder stays, and is removed by hand.

    python docker/rehearse.py [--target gpu] [--ca FILE] FOLDER [-- ARGUMENTS OF NAS...]
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTEXT = Path(__file__).resolve().parents[1]


@dataclass(slots=True)
class Image:
    """A root, and what the instructions so far have set."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH})
    folder: str = "/"
    user: str = "root"
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        """The user's, by the root's own /etc/passwd."""
        rows = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
        return next((row[5] for row in rows if self.user in (row[0], row[2])), "/")

    def run(self, words: list[str]) -> None:
        """In the root, as the user; CalledProcessError where it fails."""
        variables = [f"{key}={value}" for key, value in self.environment.items()]
        # A login of the user without its environment, with /proc and /dev of the root's own.
        inside = ["env", "-i", f"HOME={self.home}"]
        chroot = ["chroot", f"--userspec={self.user}", str(self.root), *inside, *variables]
        enter = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        mount = f"mount -t proc proc {self.root}/proc && mount --rbind /dev {self.root}/dev"
        script = f"{mount} && exec {shlex.join([*chroot, '/bin/sh', '-c', enter])}"
        subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", script], check=True
        )


def instructions(text: str, target: str) -> list[tuple[str, str]]:
    """(keyword, rest) of the stages up to `target`, one after another."""
    joined = re.sub(r"\\\n(\s*#.*\n)*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    found: list[tuple[str, str]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM" and found and found[-1] == ("END", target):
            break
        if keyword == "FROM":
            if found:
                found.pop()
            found += [("FROM", rest), ("END", rest.split()[-1])]
            continue
        found.insert(len(found) - 1, (keyword, " ".join(rest.split())))
    return found[:-1]


def carry_out(image: Image, keyword: str, rest: str) -> None:
    """Do one instruction to the image."""
    if keyword == "RUN":
        image.run([*image.shell, rest])
    elif keyword == "COPY":
        copy(image, shlex.split(rest))
    elif keyword in ("ENV", "ARG"):
        for word in shlex.split(rest):
            key, _, value = word.partition("=")
            value = re.sub(r"\$(\w+)", lambda name: image.environment[name[1]], value)
            image.environment[key] = value
    elif keyword == "WORKDIR":
        image.folder = rest
        (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif keyword == "USER":
        image.user = rest
    elif keyword in ("SHELL", "ENTRYPOINT", "CMD"):
        attribute = {"SHELL": "shell", "ENTRYPOINT": "entry", "CMD": "command"}[keyword]
        setattr(image, attribute, json.loads(rest))
    elif keyword == "FROM":
        if "debian:" in rest:
            unpack(image, rest)
    else:
        raise SystemExit(f"{keyword} {rest}: not known here; teach docker/rehearse.py")


def unpack(image: Image, rest: str) -> None:
    """A clean Debian, less even than its slim image has."""
    suite = rest.split()[0].partition(":")[2].partition("-")[0]
    if not (image.root / "etc" / "debian_version").exists():
        image.root.mkdir(parents=True, exist_ok=True)
        words = ["debootstrap", "--variant=minbase", suite, str(image.root), MIRROR]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    # As Docker gives its containers.
    shutil.copy("/etc/resolv.conf", image.root / "etc" / "resolv.conf")


def copy(image: Image, words: list[str]) -> None:
    """Files and folders of the context; a folder's contents, as Docker has it."""
    *sources, goal = words
    there = image.root / image.folder.lstrip("/") / goal
    for source in sources:
        if (CONTEXT / source).is_dir():
            shutil.copytree(
                CONTEXT / source,
                there,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        else:
            to = there / Path(source).name if goal.endswith("/") else there
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CONTEXT / source, to)


def main() -> None:
    """Rehearse, and say of each instruction how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--dockerfile", type=Path, default=CONTEXT / "docker" / "Dockerfile")
    parser.add_argument("--ca", type=Path, help="certificates that pip trusts, behind a proxy")
    parser.add_argument("command", nargs="*", help="instead of the image's own")
    options = parser.parse_args()
    image = Image(options.folder.resolve())
    for keyword, rest in instructions(options.dockerfile.read_text(), options.target):
        print(f"{keyword} {rest}", flush=True)
        began_s = time.monotonic()
        carry_out(image, keyword, rest)
        if keyword == "FROM" and options.ca:
            shutil.copy(options.ca, image.root / "etc" / "rehearsal.crt")
            image.environment["PIP_CERT"] = "/etc/rehearsal.crt"
        print(f"  done in {time.monotonic() - began_s:.1f} s", flush=True)
    sys.stdout.flush()
    image.run([*image.entry, *(options.command or image.command)])


if __name__ == "__main__":
    main()
