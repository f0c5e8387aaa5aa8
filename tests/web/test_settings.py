from __future__ import annotations

import os
import stat
from ipaddress import ip_network
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from web.settings import Settings, SettingsError, load_settings, resolve_secret_key

KEY = "k" * 32


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """What the developer has set must not decide a test."""
    for name in list(os.environ):
        if name.startswith("SKRYNKA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


@pytest.fixture
def environment(monkeypatch):
    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"SKRYNKA_{name}", value)

    return put


def test_nothing_set_means_embedded_databases_below_the_home_directory(tmp_path):
    settings = load_settings()
    assert settings.data_dir == tmp_path / ".local/share/skrynka"
    assert (settings.mongodb_url, settings.redis_url, settings.secret_key) == (None, None, None)
    assert settings.mongodb_database == "skrynka"
    assert settings.trusted_proxies == ()
    assert settings.log_level == "INFO"


def test_files_go_to_a_bucket_only_with_everything_that_it_takes(environment):
    environment(S3_URL="https://s3.example.com/", S3_ACCESS_KEY="a", S3_SECRET_KEY="b")
    assert (load_settings().s3_url, load_settings().s3_bucket) == ("https://s3.example.com", None)
    environment(S3_BUCKET="shop-media")
    assert load_settings().s3_bucket == "shop-media"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"S3_BUCKET": "shop-media"}, "SKRYNKA_S3_URL: required"),
        ({"S3_URL": "https://s3.example.com"}, "SKRYNKA_S3_ACCESS_KEY: required"),
        ({"S3_URL": "https://s3.example.com", "S3_ACCESS_KEY": "a"}, "SKRYNKA_S3_SECRET_KEY: required"),
        ({"S3_URL": "s3.example.com"}, "SKRYNKA_S3_URL: use an address"),
        ({"S3_BUCKET": "Not A Bucket"}, "SKRYNKA_S3_BUCKET: use a bucket's name"),
    ],
)
def test_half_a_bucket_is_refused(environment, values, said):
    environment(**values)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_data_goes_where_the_desktop_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert load_settings().data_dir == tmp_path / "xdg/skrynka"


def test_everything_set(environment, tmp_path):
    environment(
        DATA_DIR="~/shop",
        MONGODB_URL="mongodb://a:1,b:2,c:3/?replicaSet=rs0",
        MONGODB_DATABASE="shop_1",
        REDIS_URL="rediss://cache:6380/1",
        SECRET_KEY=KEY,
        PUBLIC_URL="https://chat.example.com/",
        TRUSTED_PROXIES="10.0.0.0/8, 192.168.1.7,::1",
        ADMIN_EMAIL="owner@example.com",
        ADMIN_PASSWORD="correct horse",
        LOG_LEVEL="debug",
    )
    settings = load_settings()
    assert settings.data_dir == tmp_path / "shop"
    assert settings.mongodb_url == "mongodb://a:1,b:2,c:3/?replicaSet=rs0"
    assert settings.public_url == "https://chat.example.com"
    assert settings.trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "192.168.1.7/32", "::1/128")))
    assert settings.admin_password is not None
    assert settings.admin_password.get_secret_value() == "correct horse"
    assert settings.log_level == "DEBUG"


def test_empty_value_means_not_set(environment):
    environment(MONGODB_URL="", REDIS_URL="", LOG_LEVEL="", TRUSTED_PROXIES="")
    assert load_settings().mongodb_url is None


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"LOG_LEVEL": "loud"}, "SKRYNKA_LOG_LEVEL: use one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ({"MONGODB_URL": "http://db", "SECRET_KEY": KEY}, "SKRYNKA_MONGODB_URL: use an address like mongodb://"),
        ({"MONGODB_DATABASE": "a b"}, "SKRYNKA_MONGODB_DATABASE: use 1 to 38 letters"),
        ({"REDIS_URL": "cache:6379"}, "SKRYNKA_REDIS_URL: use an address like redis://"),
        ({"REDIS_URL": "redis://cache:port"}, "SKRYNKA_REDIS_URL: use an address like redis://"),
        ({"SECRET_KEY": "short"}, "SKRYNKA_SECRET_KEY: shorter than 16 characters: generate one with"),
        ({"MONGODB_URL": "mongodb://db"}, "SKRYNKA_SECRET_KEY: required once SKRYNKA_MONGODB_URL is set: generate"),
        ({"PUBLIC_URL": "chat.example.com"}, "SKRYNKA_PUBLIC_URL: use an address like https://chat.example.com"),
        ({"PUBLIC_URL": "https://example.com/chat"}, "SKRYNKA_PUBLIC_URL: use scheme and host alone"),
        ({"PUBLIC_URL": "https://"}, "SKRYNKA_PUBLIC_URL: use"),
        (
            {"TRUSTED_PROXIES": "10.0.0.0/8,10.0.0.1/8"},
            "SKRYNKA_TRUSTED_PROXIES: '10.0.0.1/8' is no network: use CIDRs",
        ),
        ({"TRUSTED_PROXIES": "everyone"}, "SKRYNKA_TRUSTED_PROXIES: 'everyone' is no network"),
        ({"ADMIN_EMAIL": "owner", "ADMIN_PASSWORD": "p"}, "SKRYNKA_ADMIN_EMAIL: use an e-mail address"),
        ({"ADMIN_EMAIL": "a@b.c"}, "SKRYNKA_ADMIN_PASSWORD: required together with SKRYNKA_ADMIN_EMAIL"),
        ({"ADMIN_PASSWORD": "p"}, "SKRYNKA_ADMIN_EMAIL: required together with SKRYNKA_ADMIN_PASSWORD"),
    ],
)
def test_bad_value_is_refused_in_one_line_with_the_remedy(environment, values, complaint):
    environment(**values)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith(complaint)
    assert "\n" not in str(refusal.value)


def test_all_problems_are_told_at_once_and_no_secret_is_repeated(environment):
    environment(SECRET_KEY="hunter2", LOG_LEVEL="loud", MONGODB_URL="postgres://u:hunter2@db")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    for name in ("SECRET_KEY", "LOG_LEVEL", "MONGODB_URL"):
        assert f"SKRYNKA_{name}: " in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_secrets_do_not_show_in_the_settings_text(environment):
    environment(SECRET_KEY=KEY, ADMIN_EMAIL="a@b.c", ADMIN_PASSWORD="hunter2")
    assert KEY not in repr(load_settings())
    assert "hunter2" not in repr(load_settings())


def test_secret_key_that_was_set_is_used_and_not_written_down(tmp_path, environment):
    environment(SECRET_KEY=KEY, DATA_DIR=str(tmp_path / "data"))
    assert resolve_secret_key(load_settings()) == KEY
    assert not (tmp_path / "data").exists()


def test_secret_key_is_generated_once_for_our_eyes_only(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    key = resolve_secret_key(settings)
    assert len(key) >= 32
    assert resolve_secret_key(settings) == key
    (file,) = settings.data_dir.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_secret_key_generated_by_several_at_once_is_one_key(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with ThreadPool(8) as pool:
        assert len(set(pool.map(lambda _: resolve_secret_key(settings), range(32)))) == 1


def test_secret_key_file_without_a_key_is_named(tmp_path):
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(SettingsError, match=rf"SKRYNKA_SECRET_KEY: {tmp_path}/secret\.key holds no key"):
        resolve_secret_key(Settings(data_dir=tmp_path))


def test_data_dir_that_cannot_hold_the_key_is_named(tmp_path):
    occupied = tmp_path / "data"
    occupied.write_text("")
    with pytest.raises(SettingsError, match=f"SKRYNKA_DATA_DIR: {occupied}"):
        resolve_secret_key(Settings(data_dir=Path(occupied)))
