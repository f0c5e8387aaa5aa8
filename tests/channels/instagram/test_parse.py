"""Meta's events in our words: each fixture to its exact message, batches, and whatever else may come."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.instagram import Instagram, InstagramSettings, parse
from inbox.model.channel import RawEvent, WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    ButtonPress,
    Echo,
    Incoming,
    Link,
    Media,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    Placeholder,
    ReactionChanged,
    Receipt,
)

HERE = Path(__file__).parent
ACCOUNT = "17841400000000001"
URL = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=17900000000000001&signature=Ab1"
AT = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
OLENA = Person(external_id="1254459154682919")
COMMENTER = Person(external_id=OLENA.external_id, username="olena_m")

SETTINGS = InstagramSettings(
    account_id=ACCOUNT,
    access_token=SecretStr("IGAAtoken"),
    app_secret=SecretStr("instagram-app-secret"),
    meta_app_secret=SecretStr("meta-app-secret"),
    verify_token=SecretStr("s3cret"),
)


def request(body: bytes | Any, **headers: str) -> WebhookRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(headers=headers, query={}, body=content)


def split(body: bytes | Any) -> list[RawEvent]:
    return parse.split(SETTINGS, request(body))


def fixture(name: str) -> bytes:
    return (HERE / "fixtures" / f"{name}.json").read_bytes()


def message(**fields: Any) -> NewMessage:
    return NewMessage(**{"person": OLENA, "external_id": "m1", "sent_at": AT, **fields})


def media(kind: Any, url: str = URL, part: str = "0000") -> Media:
    return Media(type=kind, ref=url, part=part)


def comment(**fields: Any) -> NewMessage:
    return NewMessage(
        **{"person": COMMENTER, "external_id": "comment:17865799348089039", "sent_at": AT, "public": True, **fields}
    )


EXPECTED: dict[str, list[Incoming]] = {
    "messages__text": [message(text="Привіт! Є дубова?")],
    "messages__reply": [message(text="так, цю", reply_to="m0")],
    "messages__photo": [message(media=(media("photo"),))],
    "messages__several_photos": [
        message(media=(media("photo", URL + "a"), media("photo", URL + "b", "0001"))),
    ],
    "messages__video": [message(media=(media("video"),))],
    "messages__voice": [message(media=(media("audio"),))],
    "messages__file": [message(media=(media("document"),))],
    "messages__story_reply": [
        message(text="Скільки коштує?", media=(media("photo"),), content=Link(url=URL, title="Your story"))
    ],
    "messages__story_mention": [message(content=Link(url=URL, title="A story that mentions you"))],
    "messages__post": [message(media=(media("photo"),), content=Link(url=URL, title="Дубова скринька"))],
    "messages__reel": [message(media=(media("video"),), content=Link(url=URL, title="Як ми шліфуємо"))],
    "messages__share": [message(media=(media("photo"),), content=Link(url=URL, title="A post"))],
    "messages__story": [message(media=(media("photo"),), content=Link(url=URL, title="A story"))],
    "messages__ig_story": [message(media=(media("photo"),), content=Link(url=URL, title="A story"))],
    "messages__reel_of_old": [message(media=(media("video"),), content=Link(url=URL, title="A reel"))],
    "messages__media": [message(content=Link(url=URL, title="media"))],
    "messages__view_once": [message(content=Placeholder(what="a photo or video to be seen once"))],
    "messages__unsupported": [message(content=Placeholder(what="something that Instagram shows only in its app"))],
    "messages__unknown_attachment": [message(content=Placeholder(what="hologram"))],
    "messages__quick_reply": [message(text="Беремо", content=ButtonPress(data="yes"))],
    "messages__from_ad": [message(text="Ще діє?", source="ad 120000000000000: Осіння знижка")],
    "messages__deleted": [MessageDeleted(person=OLENA, external_id="m1", at=AT)],
    "messages__self": [],
    "messages__echo": [Echo(person=OLENA, external_id="m5", sent_at=AT, text="Так, є")],
    "messages__echo_photo": [Echo(person=OLENA, external_id="m5", sent_at=AT, media=(media("photo"),))],
    "messages__echo_of_a_post": [
        Echo(
            person=OLENA,
            external_id="m5",
            sent_at=AT,
            text="Липова скринька: https://www.instagram.com/p/x",
            media=(media("photo", "https://www.instagram.com/p/x"),),
        )
    ],
    "messages__echo_deleted": [MessageDeleted(person=OLENA, external_id="m5", at=AT)],
    "messages__standby": [message(text="Бот, ти тут?", quiet=True)],
    "messages__dashboard_sample": [message(external_id="random_mid", text="random_text")],
    "message_edit__text": [
        MessageEdited(
            person=OLENA, external_id="m1", at=AT.replace(minute=54, second=10), sequence=1, text="Привіт! Є липова?"
        )
    ],
    "message_edit__announcement": [],
    "message_reactions__react": [ReactionChanged(person=OLENA, external_id="m5", at=AT, emoji=("❤",))],
    "message_reactions__without_emoji": [ReactionChanged(person=OLENA, external_id="m5", at=AT, emoji=("😆",))],
    "message_reactions__unreact": [ReactionChanged(person=OLENA, external_id="m5", at=AT, emoji=())],
    "message_reactions__by_the_shop": [],
    "messaging_seen__read": [Receipt(person=OLENA, external_id="m5", at=AT, state="read", all_before=True)],
    "messaging_postbacks__ice_breaker": [
        message(external_id="m7", text="Ціни", content=ButtonPress(data="PRICES")),
    ],
    "messaging_referral__link": [
        message(
            external_id="referral:1254459154682919:1760000000000",
            content=Placeholder(what="opened the chat by spring_sale"),
            source="spring_sale",
            quiet=True,
        )
    ],
    "comments__changes": [comment(text="Яка ціна?", source="comment feed 17887498072083520")],
    "comments__direct": [
        comment(text="Яка ціна?", source="comment reels 17887498072083520", reply_to="comment:17865799348089000")
    ],
    "comments__under_an_ad": [comment(text="Є ще?", source="ad 120000000000000: Осіння знижка")],
    "comments__own": [],
    "batch__several": [
        message(text="раз"),
        message(external_id="m2", text="два", sent_at=AT.replace(second=21)),
        message(external_id="m3", text="три", sent_at=AT.replace(second=22)),
    ],
}


class TestFixtures:
    def test_each_is_expected(self):
        assert {path.stem for path in (HERE / "fixtures").glob("*.json")} == set(EXPECTED)

    @pytest.mark.parametrize("name", sorted(EXPECTED))
    def test_it_becomes_exactly_this(self, name):
        assert [found for event in split(fixture(name)) for found in parse.read(event.raw)] == EXPECTED[name]

    def test_the_event_keys_differ(self):
        keys = {name: [event.key for event in split(fixture(name))] for name in EXPECTED}
        texts_of_m1 = {name for name, found in keys.items() if found[0] == f"{ACCOUNT}:message:m1"}
        assert f"{ACCOUNT}:deleted:m1" in keys["messages__deleted"]
        assert "messages__deleted" not in texts_of_m1
        changed = (
            "message_reactions__react",
            "message_reactions__unreact",
            "messaging_seen__read",
            "message_edit__text",
        )
        assert len({keys[name][0] for name in changed}) == len(changed)

    def test_a_comment_has_one_key_in_either_shape(self):
        [in_a_list], [direct] = split(fixture("comments__changes")), split(fixture("comments__direct"))
        assert in_a_list.key == direct.key


def event(**fields: Any) -> dict[str, Any]:
    ends = {"sender": {"id": OLENA.external_id}, "recipient": {"id": ACCOUNT}}
    return {**ends, "timestamp": 1760000000000, **fields}


def entry(*events: Any, **fields: Any) -> dict[str, Any]:
    return {"id": ACCOUNT, "time": 1760000000500, "messaging": list(events), **fields}


def call(*entries: Any) -> dict[str, Any]:
    return {"object": "instagram", "entry": list(entries)}


GOOD = event(message={"mid": "good", "text": "добре"})


class TestBatches:
    @pytest.mark.parametrize(
        "broken",
        [
            None,
            7,
            "text",
            [],
            event(message=None, reaction="?"),
            event(message={"text": "no mid"}),
            event(message={"mid": "", "text": "empty mid"}),
            event(message={"mid": "m", "text": 7}),
            event(message={"mid": "m", "attachments": {"type": "image"}}),
            event(timestamp="yesterday", message={"mid": "m"}),
            event(timestamp=10**30, message={"mid": "m"}),
            {"message": {"mid": "m", "text": "by nobody"}, "timestamp": 1},
            event(sender={"id": ""}, message={"mid": "m"}),
        ],
    )
    def test_one_broken_event_is_set_aside_alone(self, broken):
        first, second, third = split(
            call(entry(GOOD, broken), entry(event(message={"mid": "other", "text": "і далі"})))
        )
        read = [found for kept in (first, third) for found in parse.read(kept.raw)]
        assert [found.external_id for found in read if isinstance(found, NewMessage)] == ["good", "other"]
        assert second.key
        with pytest.raises(Unreadable) as raised:
            parse.read(second.raw)
        assert str(raised.value)

    @pytest.mark.parametrize("broken", [None, 7, {"id": ACCOUNT, "messaging": "?"}, {"messaging": []}, {"id": {}}])
    def test_one_broken_entry_is_set_aside_alone(self, broken):
        bad, good = split(call(broken, entry(GOOD)))
        with pytest.raises(Unreadable):
            parse.read(bad.raw)
        assert len(parse.read(good.raw)) == 1

    def test_an_event_of_another_account_is_set_aside_and_says_why(self):
        [stray] = split(call(entry(GOOD) | {"id": "17841499999999999"}))
        with pytest.raises(Unreadable, match=f"the Instagram account 17841499999999999; this channel is {ACCOUNT}"):
            parse.read(stray.raw)

    def test_a_redelivered_event_keeps_its_key_in_another_batch(self):
        alone, [_, again] = split(call(entry(GOOD))), split(call(entry(event(message={"mid": "x"}), GOOD)))
        assert alone[0].key == again.key

    def test_bytes_are_kept_as_they_came(self):
        body = b'{"object":"instagram","entry":[{"id":"%s","messaging":[%s]}]}' % (
            ACCOUNT.encode(),
            b'{"sender":{"id":"1"},"recipient":{"id":"%s"},"timestamp":1,"message":{"mid":"m","text":"\\u0456"}}'
            % ACCOUNT.encode(),
        )
        [kept] = split(body)
        assert b'"text":"\\u0456"' in kept.raw

    def test_nothing_happened(self):
        assert split(call()) == []

    @pytest.mark.parametrize("about", ["page", "whatsapp_business_account", ""])
    def test_what_is_not_about_instagram_is_unreadable(self, about):
        with pytest.raises(Unreadable, match="not about Instagram"):
            split({"object": about, "entry": []})


class TestKinds:
    def test_unknown_reactions_have_a_sign(self):
        [kept] = split(call(entry(event(reaction={"mid": "m", "action": "react", "reaction": "hug"}))))
        [reaction] = parse.read(kept.raw)
        assert isinstance(reaction, ReactionChanged)
        assert reaction.emoji == ("❔",)

    def test_an_unknown_attachment_with_an_address_is_a_link(self):
        attachment = {"type": "hologram", "payload": {"url": URL}}
        [kept] = split(call(entry(event(message={"mid": "m1", "attachments": [attachment]}))))
        assert parse.read(kept.raw) == [message(content=Link(url=URL, title="hologram"))]

    def test_a_postback_without_an_id_has_one_made_of_what_it_is(self):
        pressed = event(postback={"title": "Ціни", "payload": "P", "referral": {"ref": "link"}})
        [kept] = split(call(entry(pressed)))
        [found] = parse.read(kept.raw)
        assert isinstance(found, NewMessage)
        assert (found.external_id, found.source) == (f"postback:{OLENA.external_id}:1760000000000", "link")

    def test_seconds_and_milliseconds(self):
        for stamp in (1760000000, "1760000000", 1760000000000, "1760000000000"):
            [kept] = split(call(entry(event(timestamp=stamp, message={"mid": "m1", "text": "x"}))))
            assert parse.read(kept.raw) == [message(text="x")]

    def test_ids_may_be_numbers(self):
        ends = {"sender": {"id": int(OLENA.external_id)}, "recipient": {"id": int(ACCOUNT)}}
        [kept] = split(call(entry(event(message={"mid": "m1", "text": "x"}) | ends) | {"id": int(ACCOUNT)}))
        assert parse.read(kept.raw) == [message(text="x")]

    def test_an_unknown_change_shows_nothing(self):
        [kept] = split(call({"id": ACCOUNT, "time": 1, "changes": [{"field": "story_insights", "value": {}}]}))
        assert parse.read(kept.raw) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = ("message", "message_edit", "reaction", "read", "postback", "referral", "sender", "recipient", "timestamp")
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # A busy machine is no finding.


class TestFuzz:
    """Whatever comes, it is events or Unreadable, and never takes a good neighbour along."""

    @patient
    @given(st.dictionaries(st.sampled_from(names), anything, max_size=4))
    def test_any_event(self, odd):
        self.swallow(call(entry(event() | odd, GOOD)))

    @patient
    @given(
        st.dictionaries(
            st.sampled_from(("text", "attachments", "reply_to", "quick_reply", "referral", "is_echo", "is_deleted")),
            anything | st.lists(st.fixed_dictionaries({"type": st.text(), "payload": anything}), max_size=2),
        )
    )
    def test_any_message(self, odd):
        self.swallow(call(entry(event(message={"mid": "m", **odd}), GOOD)))

    @patient
    @given(st.dictionaries(st.sampled_from(("id", "time", "standby", "changes", "field", "value")), anything))
    def test_any_entry(self, odd):
        self.swallow(call({"id": ACCOUNT, **odd}, entry(GOOD)))

    def swallow(self, body: Any) -> None:
        found: list[Incoming] = []
        for kept in split(body):
            assert kept.key
            with contextlib.suppress(Unreadable):
                found += parse.read(kept.raw)
        assert any(isinstance(one, NewMessage) and one.external_id == "good" for one in found)


class TestAuthenticate:
    body = b'{"object":"instagram","entry":[],"text":"\\u0456"}'

    @pytest.mark.parametrize("secret", ["instagram-app-secret", "meta-app-secret"])
    def test_either_secret_signs(self, secret):
        shown = parse.signature(secret, self.body).decode()
        Instagram().authenticate(SETTINGS, request(self.body, **{parse.SIGNATURE_HEADER: shown}))

    def test_only_the_one_there_is(self):
        alone = SETTINGS.model_copy(update={"meta_app_secret": None})
        shown = parse.signature("meta-app-secret", self.body).decode()
        with pytest.raises(Forged):
            Instagram().authenticate(alone, request(self.body, **{parse.SIGNATURE_HEADER: shown}))

    def test_the_bytes_are_signed_and_not_their_meaning(self):
        shown = parse.signature("instagram-app-secret", self.body).decode()
        said_otherwise = json.dumps(json.loads(self.body), ensure_ascii=False).encode()
        with pytest.raises(Forged):
            Instagram().authenticate(SETTINGS, request(said_otherwise, **{parse.SIGNATURE_HEADER: shown}))

    @pytest.mark.parametrize(
        "change", [str.upper, lambda shown: shown.removeprefix("sha256="), lambda shown: shown + "0"]
    )
    def test_another_spelling_is_forged(self, change):
        shown = change(parse.signature("instagram-app-secret", self.body).decode())
        with pytest.raises(Forged):
            Instagram().authenticate(SETTINGS, request(self.body, **{parse.SIGNATURE_HEADER: shown}))


class TestHandshake:
    def shake(self, **changes: str) -> str:
        query = {"hub.mode": "subscribe", "hub.verify_token": "s3cret", "hub.challenge": "1158201444"} | {
            f"hub.{name}": value for name, value in changes.items()
        }
        return Instagram().handshake(SETTINGS, WebhookRequest(headers={}, query=query, body=b""))

    def test_the_challenge_comes_back(self):
        assert self.shake() == "1158201444"

    @pytest.mark.parametrize(
        "changes",
        [
            {"mode": "unsubscribe"},
            {"mode": ""},
            {"challenge": ""},
            {"challenge": "<script>alert(1)</script>"},
            {"challenge": "1" * 257},
            {"verify_token": "s3cret "},
        ],
    )
    def test_anything_else_is_forged(self, changes):
        with pytest.raises(Forged):
            self.shake(**changes)


class TestSettings:
    def make(self, **fields: Any) -> InstagramSettings:
        return InstagramSettings.model_validate({**SETTINGS.model_dump(), **fields})

    @pytest.mark.parametrize("account_id", ["", "box_shop", "@box_shop", "1784 1400", "1" * 33])
    def test_an_account_is_named_by_digits(self, account_id):
        with pytest.raises(ValueError, match="account_id: digits only"):
            self.make(account_id=account_id)

    @pytest.mark.parametrize("name", ["access_token", "app_secret", "meta_app_secret", "verify_token"])
    def test_what_a_copied_line_brings_along_is_cut_off(self, name):
        assert getattr(self.make(**{name: " a1B2c3d4\n"}), name).get_secret_value() == "a1B2c3d4"

    @pytest.mark.parametrize("version", ["25.0", "v25", "latest", "v25.0/"])
    def test_a_version_looks_like_one(self, version):
        with pytest.raises(ValueError, match=r"api_version: such as v25\.0"):
            self.make(api_version=version)

    @pytest.mark.parametrize("address", ["graph.instagram.com", "https://graph.instagram.com/v25.0", "https://x/"])
    def test_an_address_stands_before_the_version(self, address):
        with pytest.raises(ValueError, match="api_base: "):
            self.make(api_base=address)
