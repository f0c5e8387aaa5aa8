"""What leaves as a log line, seen from outside: a process that logs, and its standard error."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from web.logs import redact

REPOSITORY = Path(__file__).resolve().parents[2]
BOT_TOKEN = "123456789:AAEhBP0av28fK-abcdefghijklmnopqrstu"


def lines_of(script, level="INFO"):
    """Run a program that logs; every line on its standard error has to be JSON."""
    program = f"from web.logs import configure_logging\nconfigure_logging({level!r})\n{textwrap.dedent(script)}"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert BOT_TOKEN not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_our_line_carries_what_was_bound_to_the_journey_of_the_request():
    (line,) = lines_of("""
        import structlog
        structlog.contextvars.bind_contextvars(request_id="r-1")
        structlog.get_logger("inbox.ingest").info("message stored", conversation="c-1", parts=2)
    """)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message stored",
        "level": "info",
        "logger": "inbox.ingest",
        "request_id": "r-1",
        "conversation": "c-1",
        "parts": 2,
    }


def test_line_of_a_library_has_the_same_shape():
    (line,) = lines_of("""
        import logging, structlog
        structlog.contextvars.bind_contextvars(request_id="r-1")
        logging.getLogger("aiohttp.access").info("%s %s", "GET", "/healthz", extra={"took": 0.1})
    """)
    assert line.pop("timestamp")
    assert line == {
        "event": "GET /healthz",
        "level": "info",
        "logger": "aiohttp.access",
        "request_id": "r-1",
        "took": 0.1,
    }


def test_level_holds_for_us_and_for_libraries():
    lines = lines_of(
        """
        import logging, structlog
        for log in (structlog.get_logger("ours"), logging.getLogger("theirs")):
            log.info("quiet")
            log.warning("loud")
        """,
        level="WARNING",
    )
    assert [(line["logger"], line["event"]) for line in lines] == [("ours", "loud"), ("theirs", "loud")]


def test_exceptions_are_masked_with_everything_they_quote():
    ours, theirs, uncaught = lines_of(f"""
        import logging, structlog
        def call():
            raise ConnectionError("cannot reach http://127.0.0.1:1/bot{BOT_TOKEN}/sendMessage")
        try:
            call()
        except ConnectionError:
            structlog.get_logger("ours").exception("sending failed")
            logging.getLogger("theirs").exception("sending failed")
        call()
    """)
    for line in (ours, theirs, uncaught):
        assert "ConnectionError: cannot reach http://127.0.0.1:1/bot***/sendMessage" in line["exception"]
    assert uncaught["level"] == "critical"


def test_values_are_masked_by_their_names_at_any_depth():
    (line,) = lines_of("""
        import structlog
        structlog.get_logger("ours").info(
            "channel connected",
            settings={"token": 'a "quoted" secret', "name": "Shop", "nested": [{"app_secret": "x y"}]},
            admin_password="correct horse",
            client_token="click-1",
        )
    """)
    assert line["settings"] == {"token": "***", "name": "Shop", "nested": [{"app_secret": "***"}]}
    assert line["admin_password"] == "***"
    assert line["client_token"] == "click-1"


def test_objects_are_shown_as_text_and_masked_too():
    (line,) = lines_of(f"""
        import dataclasses, structlog
        @dataclasses.dataclass
        class Settings:
            token: str
            port: int
        structlog.get_logger("ours").info("started", settings=Settings("{BOT_TOKEN}", 80), peer=b"raw")
    """)
    assert line["settings"] == "Settings(token='***', port=80)"
    assert line["peer"] == "b'raw'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"token {BOT_TOKEN} refused", "token *** refused", id="a bot's token by itself"),
        pytest.param(f"/bot{BOT_TOKEN.replace(':', '%3A')}/getMe", "/bot***/getMe", id="percent-encoded in an address"),
        pytest.param("http://h/bot42:short/getMe", "http://h/bot***/getMe", id="a sandbox's short token"),
        pytest.param("/file/bot42:short/photos/1.jpg", "/file/bot***/photos/1.jpg", id="a file's address"),
        pytest.param("Authorization: Bearer abc.def-123", "Authorization: ***", id="header"),
        pytest.param("{'Authorization': 'Basic dXNlcjpwYXNz'}", "{'Authorization': '***'}", id="header in a repr"),
        pytest.param("'X-Viber-Auth-Token': '4a5f-b2'", "'X-Viber-Auth-Token': '***'", id="Viber's header"),
        pytest.param(r"{\"password\": \"hunter2\"}", r"{\"password\": \"***\"}", id="JSON within JSON"),
        pytest.param("?access_token=IGQV123&fields=id", "?access_token=***&fields=id", id="query"),
        pytest.param("mongodb://shop:p%40ss@db/?w=1", "mongodb://shop:***@db/?w=1", id="database address"),
        pytest.param("redis://:p@ss@cache:6379/0", "redis://:***@cache:6379/0", id="password alone, with an @"),
        pytest.param("sent bearer abcdef123", "sent bearer ***", id="bearer in prose"),
        pytest.param("http://127.0.0.1:8080/ by owner@example.com", None, id="port and e-mail are no password"),
        pytest.param("chat 99:5, order 123456:7, 12:34:56", None, id="numbers with colons"),
        pytest.param("client_token=click-1", None, id="a client token is no secret"),
        pytest.param("the bot answered /bottles/ and tokens", None, id="words that only look alike"),
    ],
)
def test_redact(text, expected):
    assert redact(text) == (text if expected is None else expected)
