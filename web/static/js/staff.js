// Profile: a link that makes one's own account on the phone the companion; the page notices when it was opened.

import { call, toast } from "./api.js";
import { refreshPlace } from "./desk.js";

const LOOK_EVERY = 2000;

const waitFor = async (place, until) => {
  while (place.isConnected && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    // A look that failed is made up for by the next one.
    const { linked } = await call("GET", "/api/v1/me/staff-link").catch(() => ({}));
    if (linked && place.isConnected) return refreshPlace();
  }
};

const offer = async (button) => {
  const place = document.getElementById("companion");
  button.disabled = true;
  try {
    const { url, expires_at: until } = await call("POST", "/api/v1/me/staff-link", {});
    const shown = place.querySelector("[data-staff-link]");
    shown.querySelector("code").textContent = url;
    shown.querySelector("a").href = url;
    for (const part of [shown, place.querySelector("[data-staff-wait]")]) part.hidden = false;
    waitFor(shown, Date.parse(until));
  } catch (refusal) {
    toast(refusal.message);
  }
  button.disabled = false;
};

export const start = () =>
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-staff-offer]");
    if (button) offer(button);
  });
