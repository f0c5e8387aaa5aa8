import pytest

from channels.addresses import can_fetch, can_open, provider_root, web_address


def test_an_addresss_parts():
    address = web_address("avatar", "https://shop.example:8443/logo.png?v=2", "https://x.example")
    assert (address.hostname, address.port, address.path) == ("shop.example", 8443, "/logo.png")


@pytest.mark.parametrize(
    "text",
    ["", "logo.png", "ftp://shop.example", "https://", "https://[::1", "https://a b", "https://a:0", "https://a:x"],
)
def test_what_is_no_address_of_the_web_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match=r"^avatar: give an http or https address such as https://x\.example$"):
        web_address("avatar", text, "https://x.example")


@pytest.mark.parametrize("text", ["https://api.example", "http://127.0.0.1:8081/viber", "http://[::1]:8081"])
def test_a_providers_root(text):
    provider_root(text, "https://api.example")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://api.example/", "slash at the end"),
        ("https://user:pass@api.example", "only scheme"),
        ("https://api.example?x=1", "only scheme"),
        ("https://api.example#x", "only scheme"),
        ("https://api.example/{token}", "only scheme"),
    ],
)
def test_what_is_no_root(text, words):
    with pytest.raises(ValueError, match=f"^api_base: .*{words}"):
        provider_root(text, "https://api.example")


INTERNET, SANDBOX = "https://chatapi.viber.com", "http://127.0.0.1:8081/viber"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:8080/files/t/a.png",
        "https://127.0.0.1/files/t/a.png",
        "https://localhost/files/t/a.png",
        "https://shop.localhost/files/t/a.png",
        "https://inbox.local/files/t/a.png",
        "https://192.168.1.5/files/t/a.png",
        "https://[::1]/files/t/a.png",
        "http://inbox.shop.example/files/t/a.png",
        "https://inbox/files/t/a.png",
    ],
)
def test_a_provider_on_the_internet_gets_no_file_from_where_only_we_are(url):
    assert not can_fetch(INTERNET, url)
    assert can_fetch(SANDBOX, url) == bool(url)


@pytest.mark.parametrize("url", ["https://inbox.shop.example/files/t/a.png", "https://8.8.8.8/files/t/a.png"])
def test_a_public_address_is_for_everybody(url):
    assert can_fetch(INTERNET, url)
    assert can_fetch(SANDBOX, url)


@pytest.mark.parametrize("url", ["http://inbox.shop.example/files/t/a.png", "https://inbox.shop.example/files/t/a.png"])
def test_a_customer_on_the_internet_opens_what_is_public_by_https_or_not(url):
    assert can_open(INTERNET, url)
    assert can_open(SANDBOX, url)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8080/files/t/a.png", "https://inbox.local/files/t/a.png"])
def test_a_customer_on_the_internet_opens_nothing_that_only_we_reach(url):
    assert not can_open(INTERNET, url)
    assert can_open(SANDBOX, url) == bool(url)
