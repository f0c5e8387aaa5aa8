"""What is done at a time, and every so often."""

from bot.hearing import NO_REPLY
from bot.skills.rating import ASK
from bot.staff.accounts import CHECK as STAFF_CHECK
from bot.staff.telling import TELL
from bot.webhooks import POST
from inbox.codes import SEND as SEND_CODE
from inbox.imports import TIMER as IMPORT
from inbox.proofs import CODE_TYPED, PROVEN, TOLD
from inbox.ratings import GIVEN
from inbox.storage.erasing import TIMER as ERASE
from inbox.storage.merging import TIMER as SETTLE
from inbox.storage.timers import FOLLOW_UP
from inbox.sweeper import Chore, Sweeper
from inbox.teams import DISSOLVE
from inbox.timers import Timers
from routing.clocks import STRIKE
from routing.finding import WAIT
from routing.priorities import LOOK_SECONDS
from routing.relief import TIMER as RELIEVE
from routing.shifts import TIMER as SHIFT
from web.house.floors import Floors
from web.memory import give_back


def at_a_time(floors: Floors) -> Timers:
    """What a timer of each kind has done when it is due."""
    timers = Timers(floors.stores.timers, floors.basics.wakeups)
    timers.handle("media.fetch", floors.flow.media.fetch)
    timers.handle("channel.check", floors.basics.channels.check_again)
    timers.handle("channel.acknowledge", floors.basics.channels.acknowledge)
    timers.handle("conversation.wake", floors.desk.conversations.wake)
    timers.handle(WAIT, floors.routing.assigner.wait_is_over)
    timers.handle(SHIFT, floors.routing.shifts.turn)
    timers.handle(RELIEVE, floors.routing.relief.relieve)
    timers.handle(DISSOLVE, floors.crew.teams.dissolve)
    timers.handle(FOLLOW_UP, floors.rules.follow_ups.finish)
    timers.handle(SETTLE, floors.people.merging.settle)
    timers.handle(IMPORT, floors.desk.imports.run)
    timers.handle(ERASE, floors.desk.erasing.finish)
    timers.handle(PROVEN, floors.people.proofs.learn)
    timers.handle(TOLD, floors.people.proofs.hear)
    timers.handle(SEND_CODE, floors.desk.codes.send)
    timers.handle(CODE_TYPED, floors.desk.codes.read)
    timers.handle("identity.profile", floors.people.profiles.learn)
    timers.handle_at_leisure("identity.avatar", floors.people.avatars.fetch)
    timers.handle_at_leisure(STAFF_CHECK, floors.companion.accounts.look_after)
    timers.handle_at_leisure(TELL, floors.companion.tellings.tell)
    timers.handle_at_leisure(POST, floors.bot.webhooks.deliver)
    timers.handle(GIVEN, floors.bot.ratings.take)
    timers.handle(ASK, floors.skills.rating.ask)
    timers.handle("task.due", floors.desk.tasks.ring)
    timers.handle(STRIKE, floors.routing.clocks.strike)
    timers.handle("carrier.look", floors.ordering.tracking.look)
    timers.handle(NO_REPLY, floors.bot.hearing.strike)
    return timers


def every_so_often(floors: Floors) -> Sweeper:
    """Each chore, and after how many seconds again."""
    return Sweeper(
        [
            Chore("adopt_events", 2.0, floors.flow.ingest.adopt),
            Chore("renew_leases", 2.0, floors.flow.ingest.renew_leases),
            Chore("renew_staff_leases", 2.0, floors.companion.ingest.renew_leases),
            Chore("look_after_staff_bot", 60.0, floors.companion.accounts.look_after_all),
            Chore("adopt_lanes", 5.0, floors.stores.outbox.reopen_strays),
            Chore("follow_parcels", 15.0, floors.ordering.tracking.adopt),
            Chore("look_after_channels", 60.0, floors.basics.channels.look_after_all),
            Chore("note_arrivals", 15.0, floors.basics.channels.note_heard),
            Chore("renew_presence", 5.0, floors.routing.presence.renew),
            Chore("look_for_absent", 1.0, floors.routing.presence.look),
            Chore("check_presence", 60.0, floors.routing.presence.look_after_all),
            Chore("check_shifts", 60.0, floors.routing.shifts.look_after_all),
            Chore("check_relief", 60.0, floors.routing.relief.look_after_all),
            Chore("reconcile_loads", 5.0, floors.routing.assigner.reconcile),
            Chore("look_at_the_queue", LOOK_SECONDS, floors.routing.priorities.look),
            Chore("check_clocks", 60.0, floors.routing.clocks.look_after_all),
            Chore("forget_frames", 600.0, floors.basics.feed.forget),
            Chore("forget_files", 600.0, floors.basics.files.forget_released),
            Chore("forget_imported_files", 600.0, floors.desk.imports.forget_files),
            Chore("forget_large_events", 60.0, floors.stores.journal.forget_large),
            Chore("give_back_memory", 5.0, give_back),
        ]
    )
