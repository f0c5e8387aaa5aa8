from datetime import UTC, datetime

import pytest

from channels.email.spec import EmailSettings

RECEIVED = datetime(2025, 11, 3, 10, 0, 5, tzinfo=UTC)
"""When the letters of the fixtures came."""


@pytest.fixture
def settings() -> EmailSettings:
    """A mailbox whose key is fixed, so that letters of ours in fixtures are truly ours."""
    return EmailSettings.model_validate(
        {
            "address": "support@shop.example",
            "from_name": "Крамниця",
            "smtp_url": "smtp://shop:pass-w0rd@127.0.0.1:2525",
            "inbound": "postmark",
            "inbound_secret": "s3cret-of-the-webhook",
            "signing_key": "k" * 43,
        }
    )
