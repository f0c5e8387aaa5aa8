"""The table of the API: every endpoint under /api/v1, and nothing that is not in it."""

from aiohttp import web

from inbox.pictures import PREVIEW_TYPE
from web.api import (
    avatars,
    carriers,
    customer_fields,
    customer_notes,
    customers,
    erasing,
    handing_over,
    macros,
    managers,
    merging,
    notices,
    order_pipeline,
    order_sources,
    orders,
    personal_data,
    reports,
    requests,
    routing,
    rule_calls,
    rules,
    search,
    shapes,
    staff,
    suggestions,
    tasks,
    teams,
    transfers,
)
from web.api.attachments import AttachmentHandlers
from web.api.audit import AuditHandlers
from web.api.channels import ChannelHandlers
from web.api.conversations import ConversationHandlers
from web.api.live import LiveHandlers
from web.api.me import MeHandlers
from web.api.messages import MessageHandlers
from web.api.openapi import OpenApiHandlers
from web.api.quarantine import QuarantineHandlers
from web.api.rows import PREFIX, row
from web.api.services import ApiServices
from web.api.sessions import SessionHandlers
from web.api.settings import SettingsHandlers
from web.doors.bodies import PageQuery
from web.doors.gate import Doors
from web.doors.table import Route, Who


def add_api(app: web.Application, doors: Doors, services: ApiServices) -> None:
    """Serve the API through `doors`."""
    openapi = OpenApiHandlers(doors.table)
    doors.add(app, [*api_table(doors, services), openapi.row(f"{PREFIX}/openapi.json")])


def api_table(doors: Doors, services: ApiServices) -> list[Route]:
    """Every row, grouped by subject."""
    return [
        *_people(doors, services),
        *managers.rows(services),
        *teams.rows(services),
        *routing.rows(services),
        *_shop(services),
        *_conversations(services),
        *handing_over.rows(services),
        *staff.rows(services),
        *customers.rows(services),
        *customer_fields.rows(services),
        *customer_notes.rows(services),
        *avatars.rows(services),
        *macros.rows(services),
        *suggestions.rows(services),
        *merging.rows(services),
        *erasing.rows(services),
        *personal_data.rows(services),
        *transfers.rows(services),
        *rules.rows(services),
        *rule_calls.rows(services),
        *orders.rows(services),
        *order_pipeline.rows(services),
        *order_sources.rows(services),
        *tasks.rows(services),
        *search.rows(services),
        *carriers.rows(services),
        *reports.rows(services),
        *notices.rows(services),
        *_live(doors, services),
    ]


def _people(doors: Doors, services: ApiServices) -> list[Route]:
    sessions = SessionHandlers(sign_in=doors.sign_in, secure=doors.secure)
    me = MeHandlers(
        managers=services.managers,
        sign_in=doors.sign_in,
        passwords=services.passwords,
        assigner=services.assigner,
    )
    return [
        row("POST", "/sessions", Who.PUBLIC)(
            handler=sessions.open,
            summary="Sign in",
            body=requests.Credentials,
            answer=shapes.SessionShape,
            statuses=(201,),
            audit="session.open",
            checks_origin=True,
        ),
        row("DELETE", "/sessions/current", Who.SIGNED_IN)(
            handler=sessions.end, summary="Sign out", statuses=(204,), audit="session.end"
        ),
        row("GET", "/me", Who.SIGNED_IN)(handler=me.show, summary="Who is signed in", answer=shapes.MeShape),
        row("PATCH", "/me", Who.SIGNED_IN)(
            handler=me.change,
            summary="Change one's own name and languages",
            body=requests.MeChange,
            answer=shapes.MeShape,
            audit="me.change",
        ),
        row("PUT", "/me/status", Who.SIGNED_IN)(
            handler=me.set_status,
            summary="Take conversations, or stop taking them",
            body=requests.StatusBody,
            answer=shapes.MeShape,
            audit="me.status",
        ),
        row("PUT", "/me/password", Who.SIGNED_IN)(
            handler=me.set_password,
            summary="Set a new password; other sessions end",
            body=requests.PasswordBody,
            statuses=(204,),
            audit="me.password",
        ),
    ]


def _shop(services: ApiServices) -> list[Route]:
    settings = SettingsHandlers(settings=services.settings)
    audit = AuditHandlers(audit=services.audit)
    channels = ChannelHandlers(channels=services.channels)
    quarantine = QuarantineHandlers(quarantine=services.quarantine)
    return [
        row("GET", "/settings", Who.ADMIN)(
            handler=settings.show, summary="The shop's settings", answer=shapes.SettingsShape
        ),
        row("PATCH", "/settings", Who.ADMIN)(
            handler=settings.change,
            summary="Change the shop's settings",
            body=requests.SettingsChange,
            answer=shapes.SettingsShape,
            audit="settings.change",
        ),
        row("GET", "/audit", Who.ADMIN)(
            handler=audit.index,
            summary="Who did what, newest first",
            query=requests.AuditPageQuery,
            answer=shapes.Page[shapes.AuditShape],
        ),
        row("GET", "/channels", Who.SIGNED_IN)(
            handler=channels.index,
            summary="Connected accounts; their settings are for admins",
            query=PageQuery,
            answer=shapes.Page[shapes.ChannelShape],
        ),
        row("POST", "/channels", Who.ADMIN)(
            handler=channels.create,
            summary="Connect an account: checked with its provider, its webhook registered",
            body=requests.NewChannel,
            answer=shapes.NewChannelShape,
            statuses=(201,),
            audit="channel.create",
        ),
        row("GET", "/channels/{id}", Who.ADMIN)(
            handler=channels.show, summary="One channel", answer=shapes.ChannelShape
        ),
        row("PATCH", "/channels/{id}", Who.ADMIN)(
            handler=channels.change,
            summary="Rename a channel or give it other settings",
            body=requests.ChannelChange,
            answer=shapes.ChannelShape,
            audit="channel.change",
        ),
        row("DELETE", "/channels/{id}", Who.ADMIN)(
            handler=channels.delete, summary="Disconnect an account", statuses=(204,), audit="channel.delete"
        ),
        row("POST", "/channels/{id}/check", Who.ADMIN)(
            handler=channels.check,
            summary="Check a channel again; lifts the pause of a repaired one",
            answer=shapes.ChannelShape,
            audit="channel.check",
        ),
        row("GET", "/quarantine", Who.ADMIN)(
            handler=quarantine.index,
            summary="Authentic events that could not be read, newest first",
            query=PageQuery,
            answer=shapes.Page[shapes.QuarantinedShape],
        ),
        row("POST", "/quarantine/{id}/replay", Who.ADMIN)(
            handler=quarantine.replay,
            summary="Put an event back to work",
            answer=shapes.ReplayedShape,
            statuses=(202,),
            audit="quarantine.replay",
        ),
    ]


def _conversations(services: ApiServices) -> list[Route]:
    conversations = ConversationHandlers(
        conversations=services.conversations,
        replies=services.replies,
        assigner=services.assigner,
        teams=services.teams,
    )
    messages = MessageHandlers(
        conversations=services.conversations,
        customers=services.customers,
        follow_ups=services.follow_ups,
        macros=services.macros,
        messages=services.messages,
        replies=services.replies,
        media=services.media,
    )
    attachments = AttachmentHandlers(media=services.media, conversations=services.conversations, macros=services.macros)
    return [
        row("GET", "/conversations", Who.SIGNED_IN)(
            handler=conversations.index,
            summary="Conversations that the caller may see; assignee is me, none or an id",
            query=requests.ConversationsQuery,
            answer=shapes.Page[shapes.ConversationShape],
        ),
        row("POST", "/conversations", Who.SIGNED_IN)(
            handler=conversations.create,
            summary="Write first, where the channel allows it",
            body=requests.NewConversation,
            answer=shapes.StartedShape,
            statuses=(201, 200),
            audit="conversation.start",
        ),
        row("GET", "/conversations/{id}", Who.SIGNED_IN)(
            handler=conversations.show, summary="One conversation", answer=shapes.ConversationShape
        ),
        row("PATCH", "/conversations/{id}", Who.SIGNED_IN)(
            handler=conversations.change,
            summary="Change status, holder, team, labels or priority; 409 where version is stale",
            body=requests.ConversationPatch,
            answer=shapes.ConversationShape,
            audit="conversation.change",
        ),
        row("GET", "/conversations/{id}/messages", Who.SIGNED_IN)(
            handler=messages.index,
            summary="What was said, newest first",
            query=PageQuery,
            answer=shapes.Page[shapes.MessageShape],
        ),
        row("POST", "/conversations/{id}/messages", Who.SIGNED_IN)(
            handler=messages.create,
            summary="Reply or take a note; 200 for a known client_token",
            body=requests.NewMessage,
            answer=shapes.MessageShape,
            statuses=(201, 200),
            audit="message.post",
        ),
        row("POST", "/conversations/{id}/read", Who.SIGNED_IN)(
            handler=conversations.mark_read,
            summary="Everything so far was seen",
            answer=shapes.ConversationShape,
        ),
        row("POST", "/conversations/{id}/typing", Who.SIGNED_IN)(
            handler=conversations.show_typing, summary="Show the customer that somebody writes", statuses=(204,)
        ),
        row("POST", "/messages/{id}/retry", Who.SIGNED_IN)(
            handler=messages.retry,
            summary="Send again what is not known to have been sent",
            answer=shapes.MessageShape,
            audit="message.retry",
        ),
        row("GET", "/messages/{id}/html", Who.SIGNED_IN)(
            handler=messages.html,
            summary="A message's HTML, made harmless, for a sandboxed frame; pictures from elsewhere with images=1",
            query=requests.HtmlQuery,
            media_type="text/html",
        ),
        row("PATCH", "/messages/{id}", Who.SIGNED_IN)(
            handler=messages.edit,
            summary="Replace the text of a message, where the channel can",
            body=requests.MessageEdit,
            answer=shapes.MessageShape,
            audit="message.edit",
        ),
        row("DELETE", "/messages/{id}", Who.SIGNED_IN)(
            handler=messages.unsend,
            summary="Take a message back, where the channel can",
            answer=shapes.MessageShape,
            audit="message.unsend",
        ),
        row("POST", "/attachments", Who.SIGNED_IN)(
            handler=attachments.upload,
            summary="Upload a file for a message",
            uploads=True,
            answer=shapes.AttachmentShape,
            statuses=(201,),
            audit="attachment.upload",
        ),
        row("GET", "/attachments/{id}", Who.SIGNED_IN)(
            handler=attachments.download,
            summary="A file, whole or in ranges",
            statuses=(200, 206, 304),
            media_type="application/octet-stream",
        ),
        row("GET", "/attachments/{id}/preview", Who.SIGNED_IN)(
            handler=attachments.preview,
            summary="A picture's small copy",
            statuses=(200, 206, 304),
            media_type=PREVIEW_TYPE,
        ),
    ]


def _live(doors: Doors, services: ApiServices) -> list[Route]:
    live = LiveHandlers(
        feed=services.feed,
        gathering=services.gathering,
        conversations=services.conversations,
        presence=services.presence,
        sign_in=doors.sign_in,
    )
    return [
        row("GET", "/live", Who.SIGNED_IN)(
            handler=live.follow,
            summary="A WebSocket of frames {seq, type, data}; since resumes; a page may say what it views",
            query=requests.LiveQuery,
            statuses=(101,),
            checks_origin=True,
        )
    ]
