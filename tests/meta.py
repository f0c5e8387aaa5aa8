"""A shop's Instagram account, connected as an admin does it: in the inbox first, then in Meta's dashboard."""

from channels.instagram.sandbox import Account
from tests.flow import Shop

VERIFY_TOKEN = "meatyhamhock"


async def connected_account(shop: Shop, username: str = "box_shop") -> tuple[Account, str]:
    """The account at Meta, and the id of its channel."""
    account = shop.sandbox.instagram.create_account(username)
    created = await shop.owner.call(
        "POST",
        "/channels",
        {
            "kind": "instagram",
            "name": "Instagram",
            "settings": {
                "account_id": account.id,
                "access_token": account.access_token,
                "app_secret": account.app_secret,
                "meta_app_secret": account.meta_app_secret,
                "verify_token": VERIFY_TOKEN,
                "api_base": shop.sandbox.api_base("instagram"),
            },
        },
    )
    assert created.status == 201, created
    assert await account.set_webhook(created.body["webhook_url"]["absolute"], VERIFY_TOKEN)
    return account, created.body["id"]
