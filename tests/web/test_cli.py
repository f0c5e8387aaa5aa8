"""The console script as a person meets it: a process, its exit code, what it prints."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("skrynka")


@pytest.fixture
def skrynka(tmp_path):
    def call(*arguments, typed="", **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SKRYNKA_")}
        environment |= {"SKRYNKA_DATA_DIR": str(tmp_path / "data")}
        environment |= {f"SKRYNKA_{name}": value for name, value in settings.items()}
        return subprocess.run(
            [SCRIPT, *arguments], input=typed, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return call


def complaint_of(done, exit_code):
    """The one line that it complained with."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    "command", [(), ("serve",), ("demo",), ("doctor",), ("reindex",), ("admin",), ("admin", "add")]
)
def test_every_command_explains_itself(skrynka, command):
    done = skrynka(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: skrynka")


def test_version(skrynka):
    assert skrynka("--version").stdout.strip().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["sreve"], '"sreve"', id="unknown command"),
        pytest.param(["serve", "--prot", "1"], "--prot", id="unknown option"),
        pytest.param(["serve", "--port", "many"], "--port", id="no number"),
        pytest.param(["serve", "--port", "65536"], "--port", id="no port"),
        pytest.param(["demo", "--port", "-1"], "--port", id="negative port"),
        pytest.param(["serve", "extra"], "extra", id="one word too many"),
        pytest.param(["admin", "add"], "EMAIL", id="nobody named"),
        pytest.param(["admin", "add", "a@b.c"], "--name", id="no name"),
        pytest.param(["admin", "add", "a@b.c", "--name", "A", "--role", "king"], "--role", id="no such role"),
    ],
)
def test_wrong_command_line_gets_one_line_that_names_what_is_wrong(skrynka, arguments, named):
    assert named in complaint_of(skrynka(*arguments), 2)


@pytest.mark.parametrize(
    "command",
    [["serve"], ["demo"], ["doctor"], ["reindex"], ["admin", "add", "a@b.c", "--name", "A"]],
    ids=lambda words: words[0],
)
def test_bad_setting_is_one_line_for_every_command(skrynka, command):
    line = complaint_of(skrynka(*command, LOG_LEVEL="loud"), 2)
    assert line.startswith("skrynka: SKRYNKA_LOG_LEVEL: use one of")


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_port_in_use_is_one_line_and_starts_nothing(skrynka, tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = complaint_of(skrynka(command, "--port", str(port)), 1)
    assert line.startswith(f"skrynka: --port: {port} is already in use on 127.0.0.1")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host", "a..b"])
def test_host_that_is_not_ours_is_one_line(skrynka, host):
    assert complaint_of(skrynka("serve", "--host", host, "--port", "0"), 1).startswith(f"skrynka: --host: {host!r}")


def test_missing_password_is_one_line_without_a_prompt(skrynka):
    line = complaint_of(skrynka("admin", "add", "a@b.c", "--name", "A"), 2)
    assert "password" in line


def test_help_loads_neither_drivers_nor_frameworks():
    heavy = ("aiogram", "aiohttp", "motor", "pymongo", "pydantic", "redis", "jinja2")
    probe = f"import sys, web.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
