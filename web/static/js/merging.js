// Cards become one and two again while their conversations are open: the page follows what was said.

import { openedId } from "./desk.js";
import { moveDraft } from "./composer.js";
import { refresh } from "./api.js";

/** What was said in the conversation `id` is in `into` now; the same id where some of it only came or went. */
export const moved = ({ id, into }) => {
  if (id === openedId() && into !== id) {
    moveDraft(id, into);
    history.replaceState(history.state, "", `/inbox/${into}${location.search}`);
    htmx.ajax("GET", `/inbox/${into}`, { target: "#desk" });
  } else if (into === openedId()) {
    for (const lane of document.querySelectorAll(".lane:not(#messages)")) htmx.trigger(lane, "live:lane");
    refresh("live:messages", "live:bar", "live:card");
  }
};
