"""A shop with a mailbox at the sandbox, and a customer who writes to it."""

from typing import Any

from channels.email.sandbox import Correspondence, Mailbox
from tests.flow import Shop, until


class Case:
    """Olena's letters with the shop's mailbox."""

    def __init__(self, shop: Shop, mailbox: Mailbox, channel_id: str, letters: Correspondence) -> None:
        self.shop = shop
        self.mailbox = mailbox
        self.channel_id = channel_id
        self.letters = letters
        self.id = ""

    @classmethod
    async def open(
        cls, shop: Shop, address: str = "support@shop.example", *, watched: bool = False, **settings: Any
    ) -> "Case":
        """Connect a mailbox as an admin does: to be watched by IMAP, or with the webhook named at the provider."""
        mail = shop.sandbox.email
        mailbox = mail.create_mailbox(address)
        way = {"imap_url": mail.imap_url(mailbox)} if watched else {"inbound": "postmark"}
        created = await shop.owner.call(
            "POST",
            "/channels",
            {
                "kind": "email",
                "name": "Mail",
                "settings": {
                    "address": address,
                    "from_name": "Крамниця",
                    "smtp_url": mail.smtp_url(mailbox),
                    **way,
                    **settings,
                },
            },
        )
        assert created.status == 201, created
        if not watched:
            secret = created.body.get("inbound_secret") or settings["inbound_secret"]
            mail.deliver_to(mailbox, created.body["webhook_url"]["absolute"], secret)
        letters = mail.letters(mailbox, mail.create_customer("Олена Мельник", "olena@mail.example"))
        return cls(shop, mailbox, created.body["id"], letters)

    async def opens(self) -> None:
        """Wait until the shop has the letters that were written; find their conversation."""
        await self.letters.drained()
        await self.shop.settled()
        [conversation] = await until(self.shop.conversations)
        self.id = conversation["id"]

    async def reply(self, text: str, **fields: Any) -> dict[str, Any]:
        answer = await self.shop.owner.call("POST", f"/conversations/{self.id}/messages", {"text": text, **fields})
        assert answer.status == 201, answer
        return dict(answer.body)

    async def messages(self) -> list[dict[str, Any]]:
        return await self.shop.messages(self.id)

    async def becomes(self, message: dict[str, Any], state: str) -> dict[str, Any]:
        """The message, once it is in this state."""

        async def there() -> dict[str, Any] | None:
            found = next(one for one in await self.messages() if one["id"] == message["id"])
            return found if found["state"] == state else None

        return dict(await until(there))
