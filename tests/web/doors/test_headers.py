"""What every answer carries."""

import pytest

from tests.web.doors.house import BuildHouse, Serve


@pytest.mark.parametrize("path", ["/api/hello", "/api/inside", "/api/nowhere", "/api/broken", "/page"])
async def test_every_answer_is_guarded(build_house: BuildHouse, serve: Serve, path):
    client = await serve(await build_house())
    answer = await client.get(path, allow_redirects=False)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers
    assert len(answer.headers["X-Request-Id"]) == 24


async def test_other_sites_may_frame_where_that_is_set(build_house: BuildHouse, serve: Serve):
    client = await serve(
        await build_house(public_url="https://inbox.example", frame_ancestors=("http://demo.example",))
    )
    answer = await client.get("/api/hello")
    assert "frame-ancestors 'self' http://demo.example" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize(
    ("offered", "kept"),
    [("request-of-the-test", True), ("short", False), ("with space and more", False), ("x" * 65, False)],
)
async def test_a_fit_request_id_is_kept(build_house: BuildHouse, serve: Serve, offered, kept):
    client = await serve(await build_house())
    answer = await client.get("/api/hello", headers={"X-Request-Id": offered})
    assert (answer.headers["X-Request-Id"] == offered) is kept
