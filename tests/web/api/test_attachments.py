"""Files: in under a limit, out to those who may see them, in ranges, and never as active content."""

import json

import pytest
from aiohttp import FormData

from inbox.media import MAX_UPLOAD_BYTES
from tests.inbox.test_pictures import drawn
from tests.web.api.desk import Answer, Caller, written
from web.api import shapes

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
TEXT = bytes(range(48, 58)) * 100_000


def form(content: bytes, name: str = "photo.png", content_type: str = "image/png", field: str = "file") -> FormData:
    data = FormData()
    data.add_field(field, content, filename=name, content_type=content_type)
    return data


async def upload(caller: Caller, data: FormData) -> Answer:
    return await caller.call("POST", "/attachments", data=data)


async def test_a_file_goes_in_and_comes_out(desk):
    stored = (await upload(desk.manager, form(PNG, "фото.png"))).fits(shapes.AttachmentShape)
    assert stored.status == 201
    assert (stored.body["name"], stored.body["content_type"], stored.body["size"]) == (
        "фото.png",
        "image/png",
        len(PNG),
    )
    got = await desk.manager.call("GET", f"/attachments/{stored.body['id']}")
    assert (got.status, got.raw) == (200, PNG)
    assert got.headers["Content-Type"] == "image/png"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith("inline; filename*=UTF-8''%D1%84")
    head = await desk.manager.call("HEAD", f"/attachments/{stored.body['id']}")
    assert (head.status, head.raw, head.headers["Content-Length"]) == (200, b"", str(len(PNG)))


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)),
        ("bytes=999990-", 206, (999_990, 1_000_000)),
        ("bytes=-10", 206, (999_990, 1_000_000)),
        ("bytes=300000-700000", 206, (300_000, 700_001)),
        ("bytes=999999-5000000", 206, (999_999, 1_000_000)),
        ("bytes=-5000000", 200, (0, 1_000_000)),
        ("bytes=0-", 200, (0, 1_000_000)),
        ("bytes=0-1,5-6", 200, (0, 1_000_000)),
        ("bytes=9-1", 200, (0, 1_000_000)),
        ("bytes=-", 200, (0, 1_000_000)),
        ("lines=1-2", 200, (0, 1_000_000)),
        ("bytes=" + "9" * 5000 + "-", 200, (0, 1_000_000)),
    ],
)
async def test_a_part_is_sent_as_asked(desk, asked, status, span):
    key = (await upload(desk.manager, form(TEXT, "log.txt", "text/plain"))).body["id"]
    got = await desk.manager.call("GET", f"/attachments/{key}", headers={"Range": asked})
    start, end = span
    assert (got.status, got.raw) == (status, TEXT[start:end])
    assert got.headers["Content-Length"] == str(end - start)
    assert got.headers.get("Content-Range") == (f"bytes {start}-{end - 1}/{len(TEXT)}" if status == 206 else None)
    assert got.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=1000000-", "bytes=2000000-3000000", "bytes=-0"])
async def test_a_part_that_is_not_there_is_416(desk, asked):
    key = (await upload(desk.manager, form(TEXT, "log.txt", "text/plain"))).body["id"]
    got = await desk.manager.call("GET", f"/attachments/{key}", headers={"Range": asked})
    assert (got.status, got.headers["Content-Range"]) == (416, "bytes */1000000")


async def test_what_the_browser_has_is_not_sent_again(desk):
    key = (await upload(desk.manager, form(PNG))).body["id"]
    tag = (await desk.manager.call("GET", f"/attachments/{key}")).headers["ETag"]
    assert (await desk.manager.call("GET", f"/attachments/{key}", headers={"If-None-Match": tag})).status == 304
    changed = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert (await desk.manager.call("GET", f"/attachments/{key}", headers=changed)).status == 200


@pytest.mark.parametrize(
    ("content", "name", "claimed"),
    [
        (b"<html><script>alert(1)</script></html>", "page.html", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a.svg", "image/svg+xml"),
        (b"<script>alert(1)</script>", "picture.png", "image/png"),
        (b"%PDF-1.4 rest", "a.pdf", "application/pdf"),
        (b"alert(1)", "a.js", "text/javascript"),
    ],
)
async def test_active_content_is_never_shown_in_place(desk, content, name, claimed):
    key = (await upload(desk.manager, form(content, name, claimed))).body["id"]
    got = await desk.manager.call("GET", f"/attachments/{key}")
    assert got.raw == content
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]


async def test_an_upload_is_its_uploaders_until_it_is_sent(desk, database):
    key = (await upload(desk.manager, form(PNG))).body["id"]
    assert (await desk.owner.call("GET", f"/attachments/{key}")).status == 404
    assert (await desk.anonymous.call("GET", f"/attachments/{key}")).status == 401
    conversation = await written(database)
    note = {"kind": "note", "text": "See", "attachments": [key]}
    posted = await desk.manager.call("POST", f"/conversations/{conversation['_id']}/messages", note)
    (shown,) = posted.fits(shapes.MessageShape).body["attachments"]
    assert (shown["id"], shown["content_type"], shown["url"]) == (key, "image/png", f"/api/v1/attachments/{key}")
    assert (await desk.owner.call("GET", f"/attachments/{key}")).raw == PNG


async def test_a_large_picture_has_a_small_copy_for_the_same_eyes(desk, database):
    photo = drawn((1600, 800), "JPEG")
    stored = (await upload(desk.manager, form(photo, "photo.jpg", "image/jpeg"))).fits(shapes.AttachmentShape).body
    assert (stored["width"], stored["height"]) == (1600, 800)
    url = stored["preview_url"].removeprefix("/api/v1")
    got = await desk.manager.call("GET", url)
    assert (got.status, got.headers["Content-Type"]) == (200, "image/webp")
    assert len(got.raw) < len(photo)
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    whole = await desk.manager.call("GET", f"/attachments/{stored['id']}")
    assert whole.headers["ETag"] != got.headers["ETag"]
    assert (await desk.owner.call("GET", url)).status == 404
    conversation = await written(database)
    note = {"kind": "note", "text": "See", "attachments": [stored["id"]]}
    posted = await desk.manager.call("POST", f"/conversations/{conversation['_id']}/messages", note)
    (shown,) = posted.fits(shapes.MessageShape).body["attachments"]
    assert (shown["width"], shown["height"], shown["preview_url"]) == (1600, 800, stored["preview_url"])
    assert (await desk.owner.call("GET", url)).raw == got.raw


async def test_a_file_whose_bytes_are_out_of_reach_says_so_by_its_status(desk, database):
    key = (await upload(desk.manager, form(PNG))).body["id"]
    await database.durable.attachments.update_one({"_id": key}, {"$set": {"file_id": "s3:shop-media/gone"}})
    assert (await desk.manager.call("GET", f"/attachments/{key}")).status == 503


async def test_what_has_no_small_copy_says_so(desk):
    stored = (await upload(desk.manager, form(TEXT, "log.txt", "text/plain"))).body
    assert stored["preview_url"] is None
    assert (await desk.manager.call("GET", f"/attachments/{stored['id']}/preview")).status == 404


async def test_a_file_follows_its_conversation_out_of_sight(desk, database):
    team = (await desk.owner.call("POST", "/teams", {"name": "Returns"})).body["id"]
    conversation = await written(database, team_id=team)
    key = (await upload(desk.owner, form(PNG))).body["id"]
    note = {"kind": "note", "text": "See", "attachments": [key]}
    assert (await desk.owner.call("POST", f"/conversations/{conversation['_id']}/messages", note)).status == 201
    assert (await desk.manager.call("GET", f"/attachments/{key}")).status == 404
    assert (await desk.admin.call("GET", f"/attachments/{key}")).status == 200


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\files\\photo.png", "photo.png"),
        ("line\r\nbreak.png", "linebreak.png"),
        ("", "file"),
    ],
)
async def test_a_name_is_only_a_name(desk, name, kept):
    boundary = "x"
    quoted = name.replace("\r\n", "%0D%0A").replace("\\", "\\\\")
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
        + PNG
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    stored = await desk.manager.call("POST", "/attachments", data=body, headers=headers)
    assert stored.status == 201
    assert stored.body["name"] == kept


async def test_what_is_no_file_is_refused_by_name(desk, database):
    for data, field in (
        (form(PNG, field="picture"), "picture"),
        (form(b""), "file"),
        (FormData({"file": "x"}), "file"),
    ):
        refused = await upload(desk.manager, data)
        assert refused.status in (415, 422), data
        if refused.status == 422:
            assert refused.fields == [field]
    assert (await desk.manager.call("POST", "/attachments", {"file": "x"})).status == 415
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"rubbish", b"--x\r\nrubbish", b"--x--\r\n"):
        refused = await desk.manager.call("POST", "/attachments", data=body, headers=headers)
        assert refused.status in (400, 422), body
    no_boundary = await desk.manager.call(
        "POST", "/attachments", data=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    assert no_boundary.status == 400
    assert await database.durable["media.chunks"].count_documents({}) == 0


async def test_a_file_that_is_too_large_is_stopped_and_leaves_nothing(desk, database):
    async def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        for _ in range((MAX_UPLOAD_BYTES >> 20) + 4):
            yield bytes(1 << 20)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = await desk.manager.call("POST", "/attachments", data=endless(), headers=headers)
    assert (refused.status, refused.fields) == (422, ["file"])
    assert json.loads(refused.raw)["detail"].startswith("file: is larger than 50 MB")
    assert await database.durable["media.files"].count_documents({}) == 0
    assert await database.durable["media.chunks"].count_documents({}) == 0
