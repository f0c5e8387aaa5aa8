"""Updates are built with python-telegram-bot, so that no JSON here is our own guess of Telegram's."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import aiogram.types
import pytest
import telegram as ptb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.telegram import Telegram, parse
from channels.telegram.fields import ENVELOPE, SERVICE
from channels.telegram.spec import TelegramSettings
from inbox.model.channel import WebhookRequest
from inbox.model.failures import Forged, Unreadable
from inbox.model.incoming import (
    AccountChanged,
    ButtonPress,
    Contact,
    Echo,
    Link,
    Location,
    Media,
    MessageDeleted,
    MessageEdited,
    NewMessage,
    Person,
    Placeholder,
    ReachabilityChanged,
    ReactionChanged,
)

SENT_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
CHAT = ptb.Chat(99, "private", first_name="Олена", last_name="Мельник", username="olena_m")
USER = ptb.User(99, "Олена", False, last_name="Мельник", username="olena_m", language_code="uk")
OLENA = Person(external_id="99", name="Олена Мельник", username="olena_m", language="uk")
SETTINGS = TelegramSettings(token=SecretStr("123456789:" + "A" * 35), secret_token=SecretStr("s3cret"))


def message(message_id: int = 5, **fields: Any) -> ptb.Message:
    return ptb.Message(message_id, SENT_AT, fields.pop("chat", CHAT), from_user=fields.pop("from_user", USER), **fields)


def raw(**fields: Any) -> bytes:
    return ptb.Update(7, **fields).to_json().encode()


def read_one(**fields: Any) -> Any:
    [event] = parse.read(raw(**fields))
    return event


def read_message(**fields: Any) -> NewMessage:
    event = read_one(message=message(**fields))
    assert isinstance(event, NewMessage)
    return event


class TestText:
    def test_says_who_wrote_what_when(self):
        assert read_message(text="Добрий день") == NewMessage(
            person=OLENA, external_id="99:5", sent_at=SENT_AT, sequence=5, text="Добрий день"
        )

    def test_marks_keep_their_utf16_offsets(self):
        entities = [ptb.MessageEntity("bold", 3, 4), ptb.MessageEntity("text_link", 8, 4, url="https://example.com")]
        assert read_message(text="🙂 bold link", entities=entities).entities == (
            {"type": "bold", "offset": 3, "length": 4},
            {"type": "text_link", "offset": 8, "length": 4, "url": "https://example.com"},
        )

    def test_ids_beyond_32_bits(self):
        chat = ptb.Chat(2**52 + 1, "private", first_name="A")
        assert read_message(text="hi", chat=chat).external_id == "4503599627370497:5"

    def test_reply_names_the_answered_message(self):
        assert read_message(text="так", reply_to_message=message(4, text="?")).reply_to == "99:4"

    def test_forwarded(self):
        origin = ptb.MessageOriginHiddenUser(SENT_AT, "Somebody")
        assert read_message(text="look", forward_origin=origin).forwarded

    @pytest.mark.parametrize(
        ("text", "source"),
        [("/start spring_sale-1", "spring_sale-1"), ("/start@shop_bot ad7", "ad7"), ("/start", ""), ("/starts x", "")],
    )
    def test_deep_link_tells_where_the_customer_came_from(self, text, source):
        found = read_message(text=text)
        assert (found.text, found.source) == (text, source)

    def test_a_bot_is_a_machine(self):
        assert read_message(text="hi", from_user=ptb.User(99, "Robot", True)).person.machine

    def test_what_was_sent_by_an_implicit_action_is_a_machine(self):
        assert read_message(text="I am away", is_from_offline=True).person.machine

    def test_without_a_sender_the_chat_gives_the_name(self):
        assert read_message(text="hi", from_user=None).person.name == "Олена Мельник"


FILE: Any = {"file_id": "F", "file_unique_id": "U", "file_size": 1000}
PART = "00000000000000000005"


class TestMedia:
    def test_the_largest_photo_with_its_caption(self):
        sizes = [ptb.PhotoSize("small", "1", 90, 60), ptb.PhotoSize("large", "2", 1280, 853, file_size=80_000)]
        found = read_message(photo=sizes, caption="Ось вона", caption_entities=[ptb.MessageEntity("bold", 0, 3)])
        assert found.text == "Ось вона"
        assert found.entities == ({"type": "bold", "offset": 0, "length": 3},)
        assert found.media == (
            Media(
                type="photo",
                ref="large",
                part=PART,
                same="2",
                content_type="image/jpeg",
                size=80_000,
                width=1280,
                height=853,
            ),
        )

    @pytest.mark.parametrize(
        ("fields", "media"),
        [
            (
                {"document": ptb.Document(**FILE, file_name="чек.pdf", mime_type="application/pdf")},
                Media(type="document", ref="F", name="чек.pdf", content_type="application/pdf"),
            ),
            (
                {"video": ptb.Video(**FILE, width=640, height=480, duration=9, mime_type="video/mp4")},
                Media(type="video", ref="F", content_type="video/mp4", width=640, height=480, duration=9),
            ),
            (
                {"video_note": ptb.VideoNote(**FILE, length=240, duration=3)},
                Media(type="video", ref="F", content_type="video/mp4", width=240, height=240, duration=3),
            ),
            (
                {
                    "animation": ptb.Animation(**FILE, width=320, height=200, duration=2),
                    "document": ptb.Document(**FILE),
                },
                Media(type="video", ref="F", content_type="video/mp4", width=320, height=200, duration=2),
            ),
            (
                {"voice": ptb.Voice(**FILE, duration=4, mime_type="audio/ogg")},
                Media(type="voice", ref="F", content_type="audio/ogg", duration=4),
            ),
            (
                {"audio": ptb.Audio(**FILE, duration=200, file_name="song.mp3")},
                Media(type="audio", ref="F", name="song.mp3", content_type="audio/mpeg", duration=200),
            ),
            (
                {
                    "sticker": ptb.Sticker(
                        **FILE, width=512, height=512, is_animated=False, is_video=True, type="regular", emoji="🎉"
                    )
                },
                Media(type="sticker", ref="F", name="🎉", content_type="video/webm", width=512, height=512),
            ),
        ],
        ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
    )
    def test_each_kind_of_file(self, fields, media):
        [found] = read_message(**fields).media
        assert (found.part, found.size) == (PART, 1000)
        assert (found.type, found.ref, found.name, found.content_type) == (
            media.type,
            media.ref,
            media.name,
            media.content_type,
        )
        assert (found.width, found.height, found.duration) == (media.width, media.height, media.duration)

    def test_parts_of_an_album_share_a_group_and_sort_by_part(self):
        photo = [ptb.PhotoSize("F", "U", 90, 90)]
        parts = [read_message(message_id=number, photo=photo, media_group_id="G") for number in (10, 9)]
        assert {part.group for part in parts} == {"99:album:G"}
        assert [part.external_id for part in parts] == ["99:10", "99:9"]
        assert sorted(parts, key=lambda part: part.media[0].part) == parts[::-1]


class TestContent:
    def test_location(self):
        found = read_message(location=ptb.Location(longitude=30.52, latitude=50.45))
        assert found.content == Location(latitude=50.45, longitude=30.52)

    def test_a_venue_is_more_than_its_location(self):
        spot = ptb.Location(longitude=30.52, latitude=50.45)
        venue = ptb.Venue(spot, title="Відділення 7", address="Хрещатик, 1")
        assert read_message(location=spot, venue=venue).content == Location(
            latitude=50.45, longitude=30.52, title="Відділення 7", address="Хрещатик, 1"
        )

    @pytest.mark.parametrize(("user_id", "own"), [(99, True), (98, False), (None, False)])
    def test_only_the_senders_own_contact_proves_a_phone(self, user_id, own):
        contact = ptb.Contact("380671112233", "Олена", last_name="Мельник", user_id=user_id)
        assert read_message(contact=contact).content == Contact(phone="380671112233", name="Олена Мельник", own=own)

    @pytest.mark.parametrize("field", ["story", "reply_to_story"])
    def test_a_story_of_somebody_with_a_name_is_a_link(self, field):
        story = ptb.Story(ptb.Chat(1, "channel", username="shop"), 3)
        assert read_message(text="Ось ця", **{field: story}).content == Link(url="https://t.me/shop/s/3", title="story")

    def test_a_story_of_nobody_known_keeps_its_name(self):
        assert read_message(story=ptb.Story(ptb.Chat(1, "private"), 3)).content == Placeholder(what="story")

    @pytest.mark.parametrize("what", ["poll", "dice", "game", "checklist"])
    def test_what_we_cannot_show_is_shown_by_name(self, what):
        update = json.loads(raw(message=message()))
        update["message"][what] = {}
        [found] = parse.read(json.dumps(update).encode())
        assert isinstance(found, NewMessage)
        assert found.content == Placeholder(what=what)

    def test_what_telegram_has_not_invented_yet_keeps_its_name(self):
        update = json.loads(raw(message=message()))
        update["message"]["hologram"] = {"file_id": "F"}
        [found] = parse.read(json.dumps(update).encode())
        assert isinstance(found, NewMessage)
        assert found.content == Placeholder(what="hologram")

    @pytest.mark.parametrize(
        "fields",
        [
            {"connected_website": "shop.example"},
            {"write_access_allowed": ptb.WriteAccessAllowed()},
            {"message_auto_delete_timer_changed": ptb.MessageAutoDeleteTimerChanged(86400)},
            {},
        ],
    )
    def test_service_messages_show_nothing(self, fields):
        assert parse.read(raw(message=message(**fields))) == []

    def test_every_field_of_a_message_has_been_thought_of(self):
        """Fails when aiogram learns a new field: read it, list it in `fields`, or let it be a placeholder here."""
        placeholders = {"checklist", "dice", "game", "gift", "gift_upgrade_sent", "giveaway", "giveaway_winners"}
        placeholders |= {"invoice", "paid_media", "passport_data", "poll", "refunded_payment", "rich_message", "story"}
        placeholders |= {"successful_payment", "unique_gift", "web_app_data"}
        known = {field.alias or name for name, field in aiogram.types.Message.model_fields.items()}
        assert known == ENVELOPE | SERVICE | placeholders


class TestChanges:
    def test_an_edit_happens_when_it_was_edited(self):
        edited_at = datetime(2026, 11, 2, 9, 31, tzinfo=UTC)
        assert read_one(edited_message=message(text="hi!", edit_date=edited_at)) == MessageEdited(
            person=OLENA, external_id="99:5", at=edited_at, sequence=7, text="hi!"
        )

    def test_an_edited_caption(self):
        photo = [ptb.PhotoSize("F", "U", 90, 90)]
        assert read_one(edited_message=message(photo=photo, caption="new", edit_date=SENT_AT)).text == "new"

    def test_a_moving_live_location_is_no_edit(self):
        moved = message(location=ptb.Location(30.5, 50.4, live_period=900), edit_date=SENT_AT)
        assert parse.read(raw(edited_message=moved)) == []

    @pytest.mark.parametrize(
        ("reactions", "emoji"),
        [
            ([ptb.ReactionTypeEmoji("👍"), ptb.ReactionTypeEmoji("❤")], ("👍", "❤")),
            ([ptb.ReactionTypeCustomEmoji("123")], ("❔",)),
            ([ptb.ReactionTypePaid()], ("⭐",)),
            ([], ()),
        ],
    )
    def test_reactions_are_the_whole_new_set(self, reactions, emoji):
        changed = ptb.MessageReactionUpdated(CHAT, 6, SENT_AT, [ptb.ReactionTypeEmoji("👎")], reactions, user=USER)
        assert read_one(message_reaction=changed) == ReactionChanged(
            person=OLENA, external_id="99:6", at=SENT_AT, sequence=7, emoji=emoji
        )

    @pytest.mark.parametrize(
        ("member", "reachable", "reason"),
        [
            (ptb.ChatMemberBanned(USER, SENT_AT), False, "blocked the bot"),
            (ptb.ChatMemberMember(USER), True, ""),
        ],
    )
    def test_blocking_and_unblocking(self, member, reachable, reason):
        changed = ptb.ChatMemberUpdated(CHAT, USER, SENT_AT, ptb.ChatMemberMember(USER), member)
        assert read_one(my_chat_member=changed) == ReachabilityChanged(
            person=OLENA, at=SENT_AT, reachable=reachable, reason=reason
        )


class TestButtons:
    KEYBOARD = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Так", callback_data="yes")]])

    def press(self, under: Any, data: str = "yes") -> NewMessage:
        body = raw(callback_query=ptb.CallbackQuery("17", USER, "instance", message=under, data=data))
        [event] = parse.split(WebhookRequest(headers={}, query={}, body=body))
        assert event.key == "7"
        [found] = parse.read(event.raw)
        assert isinstance(found, NewMessage)
        return found

    def test_a_press_reads_as_the_buttons_title(self):
        before = datetime.now(UTC).replace(microsecond=0)
        found = self.press(message(6, text="Підтверджуєте?", reply_markup=self.KEYBOARD))
        assert found.text == "Так"
        assert found.content == ButtonPress(data="yes", acknowledge="17")
        assert (found.external_id, found.reply_to) == ("99:cb:17", "99:6")
        assert before <= found.sent_at <= datetime.now(UTC), "the press happens now, not when the question was sent"

    def test_a_title_that_is_not_found_reads_as_the_data(self):
        assert self.press(message(6, text="?", reply_markup=self.KEYBOARD), data="no").text == "no"

    def test_a_button_under_an_old_message_has_only_ids(self):
        assert self.press(ptb.InaccessibleMessage(CHAT, 6)).reply_to == "99:6"


OWNER = ptb.User(42, "Mary", False, language_code="en")


def business(message_id: int = 5, **fields: Any) -> ptb.Message:
    return message(message_id, business_connection_id="BQ-1_x", **fields)


class TestBusiness:
    """A customer's chat with a person whose account lets the bot answer: another chat than the bot's own with them."""

    def test_what_the_customer_writes(self):
        found = read_one(business_message=business(text="Є у наявності?", reply_to_message=business(4, text="?")))
        assert found == NewMessage(
            person=Person(external_id="99@BQ-1_x", name="Олена Мельник", username="olena_m", language="uk"),
            external_id="99@BQ-1_x:5",
            sent_at=SENT_AT,
            sequence=5,
            text="Є у наявності?",
            reply_to="99@BQ-1_x:4",
        )

    def test_what_the_owner_writes_is_the_shops(self):
        answered = business(4, text="?")
        found = read_one(business_message=business(from_user=OWNER, text="Так", reply_to_message=answered))
        assert found == Echo(
            person=Person(external_id="99@BQ-1_x", name="Олена Мельник", username="olena_m"),
            external_id="99@BQ-1_x:5",
            sent_at=SENT_AT,
            sequence=5,
            text="Так",
            reply_to="99@BQ-1_x:4",
        )

    def test_what_we_sent_ourselves_comes_back_under_the_same_id(self):
        shop = ptb.User(7, "Shop", True)
        found = read_one(business_message=business(from_user=OWNER, sender_business_bot=shop, text="Так"))
        assert (type(found), found.external_id) == (Echo, "99@BQ-1_x:5")

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"location": ptb.Location(longitude=30.52, latitude=50.45)}, "50.45, 30.52"),
            (
                {"venue": ptb.Venue(ptb.Location(longitude=30.52, latitude=50.45), "Склад", "Хрещатик, 1")},
                "Склад, Хрещатик, 1, 50.45, 30.52",
            ),
            ({"contact": ptb.Contact("380671112233", "Mary")}, "Mary 380671112233"),
            ({"story": ptb.Story(ptb.Chat(1, "channel", username="shop"), 3)}, "https://t.me/shop/s/3"),
            ({"dice": ptb.Dice(6, "🎲")}, "dice"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_what_the_owner_sends_besides_texts_and_files_is_told_in_words(self, fields, text):
        assert read_one(business_message=business(from_user=OWNER, **fields)).text == text

    def test_what_the_owner_sends_by_schedule_is_the_shops_too(self):
        found = read_one(business_message=business(from_user=OWNER, is_from_offline=True, text="Ми зачинені"))
        assert (type(found), found.person.machine) == (Echo, False)

    @pytest.mark.parametrize("sender", [USER, OWNER])
    def test_edits_of_both_sides(self, sender):
        edited = business(from_user=sender, text="Завтра", edit_date=SENT_AT)
        found = read_one(edited_business_message=edited)
        assert isinstance(found, MessageEdited)
        assert (found.person.external_id, found.person.name) == ("99@BQ-1_x", "Олена Мельник")
        assert (found.external_id, found.sequence, found.text) == ("99@BQ-1_x:5", 7, "Завтра")

    def test_deletions_happen_when_we_hear_of_them(self):
        before = datetime.now(UTC).replace(microsecond=0)
        body = raw(deleted_business_messages=ptb.BusinessMessagesDeleted("BQ-1_x", CHAT, [5, 6]))
        [event] = parse.split(WebhookRequest(headers={}, query={}, body=body))
        found = parse.read(event.raw)
        assert parse.read(event.raw) == found
        assert [type(one) for one in found] == [MessageDeleted] * 2
        assert [one.external_id for one in found if isinstance(one, MessageDeleted)] == ["99@BQ-1_x:5", "99@BQ-1_x:6"]
        assert all(before <= one.at <= datetime.now(UTC) for one in found if isinstance(one, MessageDeleted))
        with pytest.raises(Unreadable, match="time of the deletion"):
            parse.read(body)

    @pytest.mark.parametrize(
        ("connection", "trouble"),
        [
            ({"is_enabled": True, "rights": {"can_reply": True, "can_read_messages": True}}, ""),
            ({"is_enabled": True, "can_reply": True}, ""),
            ({"is_enabled": True, "rights": {"can_read_messages": True}}, "Mary does not allow the bot to reply"),
            ({"is_enabled": True}, "Mary does not allow the bot to reply"),
            ({"is_enabled": False}, "Mary took the bot away"),
            ({"is_enabled": False, "rights": {"can_reply": True}}, "Mary took the bot away"),
        ],
    )
    def test_what_its_owner_allows(self, connection, trouble):
        about = {"id": "BQ-1_x", "user": {"id": 7, "is_bot": False, "first_name": "Mary"}, "user_chat_id": 7, "date": 1}
        body = json.dumps({"update_id": 7, "business_connection": about | connection}).encode()
        before = datetime.now(UTC).replace(microsecond=0)
        [event] = parse.split(WebhookRequest(headers={}, query={}, body=body))
        [found] = parse.read(event.raw)
        assert isinstance(found, AccountChanged)
        assert (found.account, found.sequence) == ("BQ-1_x", 7)
        assert found.trouble.startswith(trouble)
        assert bool(found.trouble) == bool(trouble)
        # Telegram's own date is that of the first consent.
        assert before <= found.at <= datetime.now(UTC)

    def test_a_pressed_button(self):
        under = business(6, from_user=OWNER, text="Беремо?", reply_markup=TestButtons.KEYBOARD)
        found = read_one(callback_query=ptb.CallbackQuery("17", USER, "instance", message=under, data="yes"))
        assert (found.person.external_id, found.external_id) == ("99@BQ-1_x", "99@BQ-1_x:cb:17")
        assert (found.text, found.reply_to) == ("Так", "99@BQ-1_x:6")

    def test_an_album(self):
        photo = [ptb.PhotoSize("F", "U", 90, 90)]
        assert read_one(business_message=business(photo=photo, media_group_id="G")).group == "99@BQ-1_x:album:G"

    def test_what_telegram_has_not_invented_yet_keeps_its_name(self):
        update = json.loads(raw(business_message=business()))
        update["business_message"]["hologram"] = {}
        [found] = parse.read(json.dumps(update).encode())
        assert isinstance(found, NewMessage)
        assert found.content == Placeholder(what="hologram")

    def test_a_connection_that_would_look_like_an_address_is_unreadable(self):
        update = raw(business_message=message(text="hi", business_connection_id="1:2@3"))
        with pytest.raises(Unreadable, match="business_connection_id"):
            parse.read(update)


class TestIgnored:
    @pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
    def test_groups_and_channels(self, kind):
        assert parse.read(raw(message=message(text="hi", chat=ptb.Chat(-100, kind, title="G")))) == []

    def test_an_update_of_a_kind_never_asked_for(self):
        assert parse.read(b'{"update_id": 7, "teleport": {"to": "Kyiv"}}') == []


class TestUnreadable:
    @pytest.mark.parametrize("body", [b"", b"hi", b"[]", b"\xff", b'{"update_id": "7"}', b"{}", b"[" * 100_000])
    def test_a_call_that_is_no_update(self, body):
        with pytest.raises(Unreadable):
            parse.split(WebhookRequest(headers={}, query={}, body=body))

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"message_id": "5"}, "message_id"),
            ({"message_id": 2**70}, "message_id"),
            ({"chat": None}, "chat"),
            ({"date": -1}, "date"),
            ({"date": 10**12}, "date"),
            ({"date": 0}, "date"),
            ({"photo": [{}]}, "photo"),
        ],
    )
    def test_the_reason_names_the_field(self, change, field):
        update = json.loads(raw(message=message(text="hi")))
        update["message"] |= change
        with pytest.raises(Unreadable, match=field):
            parse.read(json.dumps(update).encode())


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
plausible = st.fixed_dictionaries(
    {"message_id": st.integers(), "chat": st.just({"id": 99, "type": "private"}), "date": st.integers()},
    optional={
        name: anything | st.integers() | st.text()
        for name in (
            "from",
            "text",
            "photo",
            "document",
            "contact",
            "location",
            "reply_markup",
            "new_thing",
            "edit_date",
        )
    },
)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # A busy machine is no finding.


class TestFuzz:
    """Whatever comes, it is events or Unreadable."""

    @patient
    @given(st.binary())
    def test_any_bytes(self, body):
        self.swallow(body)

    @patient
    @given(st.dictionaries(st.sampled_from(parse.ALLOWED_UPDATES), anything | plausible, max_size=2))
    def test_any_json_where_an_update_is_expected(self, update):
        self.swallow(json.dumps(update | {"update_id": 1}).encode())

    @patient
    @given(plausible)
    def test_a_message_with_any_content(self, content):
        self.swallow(json.dumps({"update_id": 1, "message": content}).encode())

    def swallow(self, body: bytes) -> None:
        with contextlib.suppress(Unreadable):
            [event] = parse.split(WebhookRequest(headers={}, query={}, body=body))
            for found in parse.read(event.raw):
                assert isinstance(found, AccountChanged) or found.person.external_id.partition("@")[0] == "99"


class TestAuthenticate:
    def call(self, **headers: str) -> None:
        Telegram().authenticate(SETTINGS, WebhookRequest(headers=headers, query={}, body=b"{}"))

    def test_the_right_secret(self):
        self.call(**{parse.SECRET_HEADER: "s3cret"})

    @pytest.mark.parametrize("shown", ["", "s3cre", "s3crett", "S3CRET", "ключ", "s3cret\udcff", "\ud800"])
    def test_any_other(self, shown):
        with pytest.raises(Forged):
            self.call(**{parse.SECRET_HEADER: shown})

    def test_none(self):
        with pytest.raises(Forged):
            self.call()


class TestSettings:
    @pytest.mark.parametrize("token", ["", "abc", "123456789", ":" + "A" * 35, "12 3:" + "A" * 35, "123:" + "ї" * 35])
    def test_a_token_that_cannot_be_one(self, token):
        with pytest.raises(ValueError, match=r"token: not a bot token; copy it whole from @BotFather"):
            TelegramSettings(token=SecretStr(token))

    def test_a_token_copied_with_its_line_end(self):
        token = "123456789:" + "A" * 35
        assert TelegramSettings(token=SecretStr(f" {token}\n")).token.get_secret_value() == token

    @pytest.mark.parametrize("secret", ["", "two words", "x" * 257, "ключ"])
    def test_a_secret_that_telegram_would_not_take(self, secret):
        with pytest.raises(ValueError, match="secret_token: use 1 to 256 of"):
            TelegramSettings(token=SETTINGS.token, secret_token=SecretStr(secret))

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "api.telegram.org",
            "ftp://api.telegram.org",
            "https://",
            "https://api.telegram.org/",
            "https://api.telegram.org/bot123:abc",
            "https://user:pass@api.telegram.org",
            "https://api.telegram.org?x=1",
            "https://[::1",
            "https://api.telegram.org:99999",
            "https://api.telegram.org/{token}",
            "https://api telegram.org",
        ],
    )
    def test_an_address_that_cannot_be_called(self, address):
        with pytest.raises(ValueError, match=r"api_base: "):
            TelegramSettings(token=SETTINGS.token, api_base=address)

    @pytest.mark.parametrize(
        "address", ["http://127.0.0.1:8081/telegram", "http://[::1]:8081", "https://proxy.example"]
    )
    def test_an_address_that_can(self, address):
        assert TelegramSettings(token=SETTINGS.token, api_base=address).api_base == address
