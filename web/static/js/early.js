// What is pressed, typed or sent before the page's modules are there is done when they are: nobody's first click is lost.
// A page waits for this script alone; it has to stay small and must not import anything.

{
  const kinds = ["click", "input", "change", "submit"];
  const kept = [];

  const keep = (event) => {
    const { type, submitter } = event;
    // A link goes by itself; what is folded opens by itself.
    const target = type === "click" ? event.target.closest("button[type=button]") : event.target;
    if (!target) return;
    // Modules come one after the other: one that is there already hears of it with the others.
    event.stopImmediatePropagation();
    // Sent by the browser's own ways, a form of ours would be refused, and what was typed would be gone.
    if (type === "submit") event.preventDefault();
    // Pressed out of impatience is pressed once.
    const before = kept.findIndex((one) => one.type === type && one.target === target);
    if (before >= 0) kept.splice(before, 1);
    kept.push({ type, target, submitter, value: target.value, checked: target.checked });
  };

  const redo = ({ type, target, submitter, value, checked }) => {
    if (!target.isConnected) return;
    if (type === "click") target.click();
    else if (type === "submit") target.requestSubmit(submitter);
    else {
      // A module that fills its form when it begins does not know what was typed.
      if (target.type !== "file" && target.value !== value) target.value = value;
      if (target.checked !== checked) target.checked = checked;
      target.dispatchEvent(new Event(type, { bubbles: true }));
      // To htmx, a search field holds what it held from the beginning: it has to be asked.
      if (type === "input" && target.type === "search") target.dispatchEvent(new Event("search", { bubbles: true }));
    }
  };

  for (const kind of kinds) addEventListener(kind, keep, true);
  // On the window: after everybody who waits for the document.
  addEventListener("DOMContentLoaded", () => {
    for (const kind of kinds) removeEventListener(kind, keep, true);
    for (const one of kept) redo(one);
  });
}
