"""Renders templates: one environment, and what every page of a signed-in person carries."""

import gettext
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from inbox.model.channel import ChannelKind
from inbox.model.look import Look
from inbox.model.people import Viewer
from web.doors.table import Call
from web.pages import hours, looks, orders, thread
from web.pages.cards import about
from web.pages.desk import View
from web.pages.ways import ways

_WEB = Path(__file__).resolve().parent.parent
TEMPLATES = _WEB / "templates"
STATIC = _WEB / "static"
KIND_STYLES = "css/kinds.css"
"""Where the colours of the kinds are served: the one stylesheet that is no file, but made of what the kinds declare."""
VENDOR = (
    *("vendor/htmx.min.js", "vendor/idiomorph-ext.min.js", "vendor/icons.svg"),
    *("vendor/uplot.min.js", "vendor/uplot.min.css"),
)
"""What set-up brings in; without it there are no pages."""

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "skrynka_theme"
ZONE_COOKIE = "skrynka_zone"
LANGUAGE = "en"


class Pages:
    """The templates and the files they name, read once. `kinds` are those whose signs are shown."""

    def __init__(self, kinds: Mapping[str, ChannelKind], static: Path = STATIC) -> None:
        self.static = static
        self.styles = looks.kind_styles({name: kind.look for name, kind in kinds.items()})
        self.version = _fingerprint(static, self.styles)
        self._icons = {name: kind.look.icon for name, kind in kinds.items()}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        # The i18n extension's own methods are not known to type checkers.
        install: Any = self._environment.install_gettext_translations  # type: ignore[attr-defined]
        install(gettext.NullTranslations(), newstyle=True)
        self._environment.globals.update(static=self._address)
        self._environment.filters.update(
            about=about,
            by_day=hours.by_day,
            channel_title=_channel_title,
            file_icon=looks.file_icon,
            files=thread.files,
            hour_lines=hours.lines,
            hue=looks.hue,
            initials=looks.initials,
            kind_icon=self._kind_icon,
            lasting=looks.lasting,
            link=looks.link,
            moment=looks.moment,
            money=orders.money,
            picture_url=thread.picture_url,
            plain=looks.plain,
            ready=thread.is_ready,
            size=looks.size,
            ways=ways,
            window=looks.window,
        )

    def _address(self, path: str) -> str:
        """Where a file is served: under the fingerprint of all of them, so that it may be cached for good."""
        return f"/static/{self.version}/{path}"

    def _kind_icon(self, kind: str) -> str:
        """The path of a kind's sign."""
        return self._icons.get(kind, Look().icon)

    def missing(self) -> list[str]:
        """The front-end files that set-up has yet to bring in."""
        return [name for name in VENDOR if not (self.static / name).exists()]

    def render(self, template: str, **context: Any) -> str:
        """A template as text."""
        return self._environment.get_template(template).render(context)

    def html(self, request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
        """A template as an answer for this request's browser. Never kept: it is somebody's inbox."""
        body = self.render(template, theme=theme_of(request), language=LANGUAGE, **context)
        headers = {"Cache-Control": "no-store", "Vary": "HX-Request"}
        return web.Response(status=status, text=body, content_type="text/html", headers=headers)


def theme_of(request: web.Request) -> str:
    """The colours that this browser asked for."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def clock_for(request: web.Request, shop: View) -> looks.Clock:
    """The wall clock of the viewer's browser; the shop's where that is not known yet."""
    return looks.Clock(looks.zone(request.cookies.get(ZONE_COOKIE), shop.get("timezone")))


def wants_fragment(request: web.Request) -> bool:
    """Whether a part of a page asks for its content; going back in the history asks for the whole page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def frame(call: Call[Any, Any], me: View, shop: View, section: str) -> dict[str, Any]:
    """What the frame of a signed-in page needs."""
    viewer: Viewer = call.viewer
    return {
        "me": me,
        "csrf_token": call.signed_in.csrf_token,
        "administers": viewer.administers,
        "clock": clock_for(call.request, shop),
        "section": section,
    }


def _channel_title(channel_id: str, channels: Mapping[str, View]) -> str | None:
    channel = channels.get(channel_id)
    return channel["title"] if channel else None


def _fingerprint(folder: Path, styles: str) -> str:
    digest = hashlib.blake2b(styles.encode(), digest_size=8)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
