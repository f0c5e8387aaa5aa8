import io
import wave

from channels.props import Files, image_size, sample_portrait, sample_voice


def test_a_voice_note_can_be_heard():
    with wave.open(io.BytesIO(sample_voice(2))) as heard:
        assert heard.getnframes() / heard.getframerate() == 2


def test_portraits_are_of_different_people():
    drawn = {sample_portrait(variant) for variant in range(0, 500, 25)}
    assert len(drawn) == 20
    assert {image_size(picture) for picture in drawn} == {(192, 192)}


def test_old_files_make_room():
    files = Files(max_bytes=10)
    first, second = (files.add("document", "a", "text/plain", b"123456") for _ in range(2))
    assert files.get(first.id) is None
    assert files.get(second.id) is second
