"""A message's HTML made harmless: shown in a frame that may run nothing, read nothing and ask nobody.

Cleaning takes out what acts or fetches; the frame's own policy forbids the same once more. Pictures that came with the
message are put into the page: a frame without an origin of its own has no cookie to ask for them with.
"""

import base64
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import nh3

_STYLES: Final = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-right"),
    *("border-spacing", "border-style", "border-top", "border-width", "color", "direction", "display", "float", "font"),
    *("font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing", "line-height", "list-style"),
    *("margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-height", "max-width", "min-width"),
    *("padding", "padding-bottom", "padding-left", "padding-right", "padding-top", "text-align", "text-decoration"),
    *("text-indent", "text-transform", "vertical-align", "white-space", "width", "word-break"),
}
_LAYOUT: Final = {
    "align",
    "valign",
    "bgcolor",
    "color",
    "width",
    "height",
    "border",
    "cellpadding",
    "cellspacing",
    "dir",
}
_TAGS: Final = (nh3.ALLOWED_TAGS | {"font", "center", "u", "tfoot"}) - {"map", "area"}
_ATTRIBUTES: Final = {
    "*": {"style", "title", "lang", *_LAYOUT},
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "font": {"face", "size"},
    "ol": {"start"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel", "cid", "data"}
_DATA: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)

_PAGE: Final = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
html {{ background: #fff; color: #1f1d1a; color-scheme: light; }}
body {{ margin: 12px; font: 14px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
img {{ max-width: 100%; height: auto; }}
blockquote {{ margin: 8px 0; padding-left: 12px; border-left: 3px solid #e5e2da; }}
</style>
</head>
<body>{body}</body>
</html>
"""


def policy(*, images: bool) -> str:
    """The frame's Content-Security-Policy: nothing runs, nothing is fetched but, on request, pictures."""
    sources = "data: https: http:" if images else "data:"
    permits = "allow-popups allow-popups-to-escape-sandbox"
    return f"default-src 'none'; img-src {sources}; style-src 'unsafe-inline'; form-action 'none'; sandbox {permits}"


def page(html: str, inline: Mapping[str, str], *, images: bool) -> str:
    """The page of a letter.

    `inline` are the pictures that came along, as `data:` addresses by the name that the HTML has for them. Pictures
    from elsewhere, which tell their sender who looked and when, stay out unless `images`.
    """

    def keep(_tag: str, attribute: str, value: str) -> str | None:
        if attribute == "src":
            return _picture(value.strip(), inline, images=images)
        if attribute == "href" and value.strip().lower().startswith(("data:", "cid:")):
            return None
        return value

    body = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes=_SCHEMES,
        filter_style_properties=_STYLES,
        clean_content_tags={"script", "style", "title", "template", "object", "iframe"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return _PAGE.format(body=body)


def as_data(content_type: str, content: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def _picture(address: str, inline: Mapping[str, str], *, images: bool) -> str | None:
    scheme, _, rest = address.partition(":")
    match scheme.lower():
        case "cid":
            return inline.get(unquote(rest))
        case "data":
            return address if _DATA.fullmatch(address) else None
        case "http" | "https":
            return address if images else None
    return None
