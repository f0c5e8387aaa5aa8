// What is pressed, typed or sent before the page's modules are there is done when they are: nobody's first click is lost.
// A page waits for this script alone; it has to stay small and must not import anything.

{
  const kinds = ["click", "input", "change", "submit"];
  const kept = [];

  const keep = (event) => {
    // Sent by the browser's own ways, a form of ours would be refused, and what was typed would be gone.
    if (event.type === "submit") event.preventDefault();
    const { type, submitter } = event;
    // A link goes by itself; what is folded opens by itself.
    const target = type === "click" ? event.target.closest("button[type=button]") : event.target;
    if (!target) return;
    // Pressed out of impatience is pressed once.
    if (!kept.some((one) => one.type === type && one.target === target)) kept.push({ type, target, submitter });
  };

  const redo = ({ type, target, submitter }) => {
    if (!target.isConnected) return;
    if (type === "click") target.click();
    else if (type === "submit") target.requestSubmit(submitter);
    // To htmx, a search field holds what it held from the beginning: it has to be asked.
    else target.dispatchEvent(new Event(target.type === "search" ? "search" : type, { bubbles: true }));
  };

  for (const kind of kinds) addEventListener(kind, keep, true);
  // On the window: after everybody who waits for the document.
  addEventListener("DOMContentLoaded", () => {
    for (const kind of kinds) removeEventListener(kind, keep, true);
    for (const one of kept) redo(one);
  });
}
