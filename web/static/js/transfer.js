// A file that is to be read in: it is tried first, and the page shows how far it is.

import { Refusal, headers, refresh, signInAgain } from "./api.js";
import { clear, complain } from "./forms.js";

const send = async (form) => {
  const query = new URLSearchParams({ table: form.elements.table.value, encoding: form.elements.encoding.value, dry_run: "true" });
  const body = new FormData();
  body.append("file", form.elements.file.files[0]);
  const response = await fetch(`/api/v1/imports?${query}`, { method: "POST", headers: headers(), body }).catch(() => null);
  if (!response) throw new Refusal(0);
  if (response.status === 401) signInAgain();
  if (!response.ok) throw new Refusal(response.status, (await response.json().catch(() => null)) ?? {});
};

export const start = () => {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-import]");
    if (!form) return;
    event.preventDefault();
    clear(form);
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await send(form);
      form.reset();
      refresh("live:place"); // In one line with what live frames ask for, so that the latest answer stands.
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      complain(form, refusal);
    } finally {
      button.disabled = false;
    }
  });
};
