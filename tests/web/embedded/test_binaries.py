from __future__ import annotations

import pytest

from web.embedded.binaries import find_mongod, find_valkey
from web.embedded.errors import BinaryUnavailable


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """A PATH with nothing on it but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_wheels_serve_where_the_path_has_nothing(on_path):
    assert find_mongod(None).path.is_relative_to(on_path) is False
    assert find_mongod(None).version == "6.0.5"
    assert find_valkey().path.name == "valkey-server"


def test_program_on_the_path_is_preferred(on_path):
    own = program(on_path, "mongod", "echo 'db version v6.0.19'")
    assert find_mongod("6.0.5").path == own
    redis_server = program(on_path, "redis-server", "echo 'Redis server v=7.0.15 sha=0'")
    assert find_valkey().path == redis_server


def test_wheel_goes_on_serving_data_that_a_newer_program_on_the_path_cannot_read(on_path):
    program(on_path, "mongod", "echo 'db version v8.0.4'")
    assert find_mongod("6.0.5").version == "6.0.5"


def test_missing_system_library_is_named_with_its_remedy(on_path):
    complaint = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    program(on_path, "mongod", f"echo '{complaint}' >&2; exit 127")
    with pytest.raises(BinaryUnavailable, match=r"libcurl\.so\.4.*apt-get install libcurl4"):
        find_mongod(None)


def test_program_that_does_not_run_here_names_the_settings_to_use_instead(on_path):
    program(on_path, "mongod", "echo 'Illegal instruction' >&2; exit 132")
    with pytest.raises(BinaryUnavailable, match="SKRYNKA_MONGODB_URL and SKRYNKA_REDIS_URL"):
        find_mongod(None)
