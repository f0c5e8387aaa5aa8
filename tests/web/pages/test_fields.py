"""A model becomes a form."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from web.pages.fields import fields_of


class Example(BaseModel):
    token: SecretStr
    old_secret: SecretStr | None = Field(default=None, title="Old secret", description="Until it is changed")
    how: Literal["post", "fetch"] | None = Field(default=None, json_schema_extra={"prominent": True})
    often: bool = True
    every: int = 5
    address: str = "https://api.example.com"
    ends_at: int | None = Field(default=None, json_schema_extra={"kept": True})


def test_each_field_is_told_by_its_type_and_its_words_but_those_that_the_server_keeps():
    found = {field.name: field for field in fields_of(Example)}
    assert {name: field.look for name, field in found.items()} == {
        "token": "password",
        "old_secret": "password",
        "how": "choice",
        "often": "flag",
        "every": "number",
        "address": "text",
    }
    assert [name for name, field in found.items() if field.secret] == ["token", "old_secret"]
    assert [name for name, field in found.items() if field.prominent] == ["token", "how"]
    assert (found["old_secret"].title, found["old_secret"].hint) == ("Old secret", "Until it is changed")
    assert (found["token"].title, found["token"].default, found["old_secret"].default) == ("Token", "", "")
    assert (found["how"].choices, found["address"].default) == (("post", "fetch"), "https://api.example.com")
