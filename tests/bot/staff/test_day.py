"""A manager's whole day on the phone, against the sandbox's Bot API over real HTTP."""

from channels.telegram.sandbox import sample_photo
from tests.flow import until


async def test_a_managers_whole_day(staffed):  # noqa: PLR0915  # A day is long, and its parts follow each other.
    shop = staffed.shop
    phone = await staffed.manager("Marta")
    colleague = await shop.manager("Ivan")
    made = await shop.owner.call(
        "POST", "/macros", {"name": "Thanks", "text": "Thank you, {{ customer.name }}!", "shared": True}
    )
    assert made.status == 201, made

    # The day begins.
    await phone.press("🟢 Free")
    await phone.shows("you are: 🟢 Free")
    assert (await phone.person.get("/me"))["status"] == "online"

    # Told of a conversation, by the customer's name and no more.
    customer = shop.customer("Olena Melnyk")
    customer.text("Is the blue one in stock?")
    told = await phone.shows("A conversation is yours")
    assert "Olena Melnyk" in told.text
    assert "blue one" not in told.text

    # Reads it.
    await phone.press("Open")
    await phone.shows("Is the blue one in stock?")

    # Answers with a text, then with a photo.
    await phone.press("Answer")
    await phone.shows("Write: what comes next goes to Olena Melnyk")
    phone.chat.text("Yes, two are left")
    await customer.until(lambda chat: "Yes, two are left" in chat.texts())
    await phone.shows("Sent to Olena Melnyk")
    photo = sample_photo(7)
    phone.chat.photo(photo, caption="This is it")
    seen = await customer.until(lambda chat: next((one for one in chat.seen() if one.text == "This is it"), None))
    assert seen.file.data == photo
    await phone.press("Done")

    # The customer sends a file, which comes to the phone when it is wanted.
    customer.document("sizes.txt", b"S, M, L", content_type="text/plain")
    conversation = await staffed.conversation(customer)

    async def stored() -> bool:
        files = [file for one in await shop.messages(conversation["id"]) for file in one["attachments"]]
        return any(file["name"] == "sizes.txt" and file["state"] == "stored" for file in files)

    await until(stored)
    await phone.press("My conversations")
    await phone.press("Olena Melnyk")
    await phone.press("sizes.txt")
    brought = await phone.chat.until(lambda chat: next((one for one in chat.seen() if one.file is not None), None))
    assert brought.file.data == b"S, M, L"

    # A macro, found by a word, filled in, and sent once it was looked at.
    await phone.press("Macro")
    await phone.press("Find a macro")
    await phone.shows("Write what the macro should have in it")
    phone.chat.text("thank")
    await phone.press("Thanks")
    await phone.shows("Olena Melnyk will get:\n\nThank you, Olena Melnyk!")
    assert "Thank you, Olena Melnyk!" not in customer.texts()
    await phone.press("Send it")
    await customer.until(lambda chat: "Thank you, Olena Melnyk!" in chat.texts())
    assert (await shop.messages(conversation["id"]))[-1]["macro_id"] == made.body["id"]

    # A note for colleagues, and over to one of them with a word.
    await phone.press("My conversations")
    await phone.press("Olena Melnyk")
    await phone.press("Note")
    await phone.shows("only colleagues will see it")
    phone.chat.text("Wants it by Friday")
    await phone.shows("The note is kept")
    await phone.press("Open")
    await phone.press("Hand over")
    await phone.press("Ivan")
    await phone.shows("Write a word")
    phone.chat.text("She asks about sizes")
    await phone.shows("Handed over")
    row = await shop.owner.get(f"/conversations/{conversation['id']}")
    assert row["assignee_id"] == colleague.id
    notes = [one["text"] for one in await shop.messages(conversation["id"]) if one["direction"] == "note"]
    assert notes == ["Wants it by Friday", "@Ivan She asks about sizes"]
    assert "Wants it by Friday" not in customer.texts()

    # Another one, which waits for too long, and is closed.
    await staffed.promise()
    other = shop.customer("Petro Bondar")
    other.text("Thanks, all arrived")
    await phone.shows("Petro Bondar")
    waiting = await staffed.conversation(other)
    await staffed.pass_by(waiting["id"], "warn_at")
    await phone.shows("An answer is soon due")
    await staffed.pass_by(waiting["id"], "warn_at", "due_at")
    await phone.shows("waits longer than promised")
    await phone.press("Open")
    await phone.shows("all arrived")
    await phone.press("Close")
    await phone.shows("Closed")
    assert (await staffed.conversation(other))["status"] == "closed"

    # The day is over.
    await phone.press("Menu")
    await phone.press("🔴 Busy")
    await phone.shows("you are: 🔴 Busy")
    assert (await phone.person.get("/me"))["status"] == "busy"
    ended = await phone.person.call("DELETE", "/me/staff-link")
    assert ended.status == 204
    phone.chat.text("/start")
    await phone.shows("This bot is for staff")

    # The audit tells it as if it had been done in the browser.
    actions = [entry["action"] for entry in (await shop.owner.get("/audit?limit=100"))["items"]]
    assert {"me.status", "message.post", "attachment.upload", "conversation.hand_over", "conversation.change"} <= set(
        actions
    )
