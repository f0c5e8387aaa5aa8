"""What a rule does, in a sentence: "When a customer writes, and the shop is closed: reply “…”." Pure.

A rule is taken as it is stored; a kind of part that has no words here is said by its name.
"""

import gettext
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from web.pages.desk import View
from web.pages.hours import DAY_NAMES
from web.pages.looks import plain

_ = gettext.NullTranslations().gettext
ngettext = gettext.NullTranslations().ngettext

TEXT_LENGTH = 60
"""How much of a text a sentence quotes, in characters."""

ENTRIES = 3
"""How many words of a list a sentence names."""

TRIGGER_NAMES: Mapping[str, str] = {
    "message_received": _("a customer writes"),
    "conversation_opened": _("a conversation opens"),
    "customer_returned": _("a customer comes back"),
    "no_reply": _("nobody has answered for a while"),
    "label_added": _("a label is added"),
    "order_status_changed": _("an order moves on"),
    "parcel_waiting": _("a parcel waits to be collected for too long"),
}

INTENT_NAMES: Mapping[str, str] = {
    "order_status": _("where an order is"),
    "complaint": _("a complaint"),
    "new_order": _("a new order"),
    "delivery_price": _("delivery and its price"),
    "returning": _("sending something back"),
    "person": _("wanting a person"),
    "thanks": _("thanks"),
    "greeting": _("a greeting"),
    "other": _("something else"),
}

LANGUAGE_NAMES: Mapping[str, str] = {
    "uk": _("Ukrainian"),
    "ru": _("Russian"),
    "en": _("English"),
    "ka": _("Georgian"),
}

CARD_FIELDS: Mapping[str, str] = {
    "name": _("name"),
    "phones": _("phone"),
    "emails": _("e-mail address"),
    "tags": _("tag"),
    "language": _("language"),
    "first_contact": _("first conversation"),
}
"""What every card has, besides the shop's own fields."""

PRIORITY_NAMES: Mapping[str, str] = {
    "low": _("low"),
    "normal": _("normal"),
    "high": _("high"),
    "urgent": _("urgent"),
}


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What ids and codes stand for."""

    channels: Mapping[str, str]
    """Of channels by id, and of kinds."""
    managers: Mapping[str, str]
    teams: Mapping[str, str]
    macros: Mapping[str, str]
    stages: Mapping[str, str]
    """Of order statuses by code."""
    fields: Mapping[str, str]
    """Of the shop's own fields of cards by code."""


def trigger_titles(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every trigger that there is with its words; one without words comes last, by its name."""
    told = [(trigger, TRIGGER_NAMES[trigger]) for trigger in TRIGGER_NAMES if trigger in known]
    return [*told, *((trigger, trigger) for trigger in known if trigger not in TRIGGER_NAMES)]


def sentence(rule: View, names: Names) -> str:
    """The whole rule."""
    occasion = _occasion(rule, names)
    ifs = [_part(_CONDITIONS, condition, names) for condition in rule["conditions"]]
    thens = [_part(_ACTIONS, action, names) for action in rule["actions"]]
    when = _(", and ").join([occasion, *ifs])
    return _("When %(when)s: %(then)s.") % {"when": when, "then": _(", then ").join(thens)}


def _occasion(rule: View, names: Names) -> str:
    trigger, when = rule["trigger"], rule["when"]
    if trigger == "no_reply" and "minutes" in when:
        return _("nobody has answered for %(time)s") % {"time": _span(when["minutes"])}
    if trigger == "label_added" and when.get("labels"):
        return _("the label %(labels)s is added") % {"labels": _some(when["labels"])}
    if trigger == "order_status_changed" and when.get("to"):
        return _("an order moves to %(status)s") % {"status": _some(when["to"], names.stages)}
    return TRIGGER_NAMES.get(trigger, trigger)


def _part(table: Mapping[str, Callable[[View, Names], str]], part: View, names: Names) -> str:
    say = table.get(part.get("type", ""))
    return say(part, names) if say is not None else str(part.get("type", "?"))


def _some(entries: Sequence[Any], names: Mapping[str, str] | None = None, *, most: int = ENTRIES) -> str:
    """The first few of a list, as things of which any will do."""
    shown = [(names or {}).get(str(entry), str(entry)) for entry in entries]
    left = len(shown) - most
    if left > 0:
        more = ngettext("%(count)s more", "%(count)s more", left) % {"count": left}
        shown = [*shown[:most], more]
    return _(" or ").join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _quote(text: Any) -> str:
    """The beginning of a text, in the first of its languages."""
    told = next(iter(text.values()), "") if isinstance(text, dict) else text or ""
    flat = plain(str(told))
    return f"“{flat[:TEXT_LENGTH].rstrip()}…”" if len(flat) > TEXT_LENGTH else f"“{flat}”"


def _span(minutes: Any) -> str:
    """So many minutes as people say them, in the largest unit that counts them whole."""
    whole = int(minutes)
    if whole and whole % 1440 == 0:
        return ngettext("%(count)s day", "%(count)s days", whole // 1440) % {"count": whole // 1440}
    if whole and whole % 60 == 0:
        return ngettext("%(count)s hour", "%(count)s hours", whole // 60) % {"count": whole // 60}
    return ngettext("%(count)s minute", "%(count)s minutes", whole) % {"count": whole}


def _text(part: View, _names: Names) -> str:
    told = {
        "word": _("the message has the word %(entries)s"),
        "phrase": _("the message says %(entries)s"),
        "regex": _("the message fits %(entries)s"),
    }
    return told.get(part.get("match", "word"), "%(entries)s") % {"entries": _some(part["any"])}


def _hours(part: View, _names: Names) -> str:
    told = {
        ("open", False): _("the shop is open"),
        ("closed", False): _("the shop is closed"),
        ("open", True): _("it is within these hours"),
        ("closed", True): _("it is outside these hours"),
    }
    return told[part["is"], "schedule" in part]


def _opening(part: View, _names: Names) -> str:
    return _("the conversation is new") if part["is"] == "first" else _("the conversation was there before")


def _labels(part: View, _names: Names) -> str:
    told = []
    if part.get("any"):
        told.append(_("it is labelled %(labels)s") % {"labels": _some(part["any"])})
    if part.get("none"):
        told.append(_("it is not labelled %(labels)s") % {"labels": _some(part["none"])})
    return _(", and ").join(told)


def _time(part: View, _names: Names) -> str:
    told = []
    if part.get("days"):
        told.append(_("it is %(days)s") % {"days": _some([DAY_NAMES.get(day, day) for day in part["days"]], most=7)})
    if part.get("from"):
        told.append(_("it is between %(start)s and %(end)s") % {"start": part["from"], "end": part["to"]})
    if part.get("since"):
        told.append(_("it is %(date)s or later") % {"date": part["since"]})
    if part.get("until"):
        told.append(_("it is %(date)s or earlier") % {"date": part["until"]})
    return _(", and ").join(told)


def _customer_field(part: View, names: Names) -> str:
    field = part["field"]
    if field == "first_contact":
        first = part.get("is") == "yes"
        return _("the customer never wrote before") if first else _("the customer wrote before")
    told = {"field": names.fields.get(field) or CARD_FIELDS.get(field, field)}
    if "empty" in part:
        return (_("%(field)s is empty") if part["empty"] else _("%(field)s is not empty")) % told
    if "has" in part:
        return _("%(field)s has %(value)s in it") % {**told, "value": part["has"]}
    return _("%(field)s is %(value)s") % {**told, "value": _some(part.get("one_of") or [part.get("is", "")])}


def _order_field(part: View, names: Names) -> str:
    told = []
    if part.get("status"):
        told.append(_("the order is %(status)s") % {"status": _some(part["status"], names.stages)})
    words = {
        "at_least": _("the order comes to at least %(value)s"),
        "at_most": _("the order comes to at most %(value)s"),
        "count_at_least": _("the customer has at least %(value)s orders"),
        "count_at_most": _("the customer has at most %(value)s orders"),
    }
    told.extend(words[key] % {"value": part[key]} for key in words if key in part)
    return _(", and ").join(told)


def _availability(part: View, names: Names) -> str:
    told = _("somebody is free") if part["is"] == "any" else _("nobody is free")
    team = part.get("team_id")
    return _("%(told)s in the team %(team)s") % {"told": told, "team": names.teams.get(team, team)} if team else told


_CONDITIONS: Mapping[str, Callable[[View, Names], str]] = {
    "text": _text,
    "hours": _hours,
    "channel": lambda part, names: _("it came over %(channels)s") % {"channels": _some(part["in"], names.channels)},
    "opening": _opening,
    "intent": lambda part, _names: _("the message is about %(intents)s") % {"intents": _some(part["in"], INTENT_NAMES)},
    "language": lambda part, _names: (
        _("the customer speaks %(languages)s") % {"languages": _some(part["in"], LANGUAGE_NAMES)}
    ),
    "label": _labels,
    "time": _time,
    "customer_field": _customer_field,
    "order_field": _order_field,
    "manager_availability": _availability,
}


def _label(part: View, _names: Names) -> str:
    added, removed = part.get("add"), part.get("remove")
    told = []
    if added:
        told.append(_("label it %(labels)s") % {"labels": ", ".join(added)})
    if removed:
        told.append(_("take off %(labels)s") % {"labels": ", ".join(removed)})
    return ", ".join(told)


def _ask(part: View, _names: Names) -> str:
    told = _("ask %(text)s") % {"text": _quote(part["text"])}
    count = len(part.get("buttons", ()))
    buttons = ngettext("%(count)s button", "%(count)s buttons", count) % {"count": count}
    return _("%(asked)s with %(buttons)s") % {"asked": told, "buttons": buttons} if count else told


def _assign(part: View, names: Names) -> str:
    if part.get("team_id"):
        return _("give it to the team %(name)s") % {"name": names.teams.get(part["team_id"], part["team_id"])}
    return _("give it to %(name)s") % {"name": names.managers.get(part["manager_id"], part["manager_id"])}


def _macro(part: View, names: Names) -> str:
    return _("send the macro %(name)s") % {"name": names.macros.get(part["macro_id"], part["macro_id"])}


_ACTIONS: Mapping[str, Callable[[View, Names], str]] = {
    "reply": lambda part, _names: _("reply %(text)s") % {"text": _quote(part["text"])},
    "ask": _ask,
    "macro": _macro,
    "label": _label,
    "assign": _assign,
    "handoff": lambda _part, _names: _("hand over to a person"),
    "snooze": lambda part, _names: _("snooze it for %(time)s") % {"time": _span(part["minutes"])},
    "order_status": lambda part, names: (
        _("move the order to %(status)s") % {"status": names.stages.get(part["status"], part["status"])}
    ),
    "task": lambda part, _names: _("make the task %(title)s") % {"title": _quote(part["title"])},
    "webhook": lambda part, _names: _("call %(address)s") % {"address": urlsplit(part["url"]).hostname or part["url"]},
    "priority": lambda part, _names: (
        _("set the priority to %(value)s") % {"value": PRIORITY_NAMES.get(part["value"], part["value"])}
    ),
    "close": lambda _part, _names: _("close it"),
}
