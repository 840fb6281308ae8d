// Quizzes: the reason of an option shows when it is chosen. Without scripts all reasons show.
document.documentElement.classList.add("js");
document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.(".quiz-option input")) return;
  const question = input.closest(".quiz-question");
  for (const option of question.querySelectorAll(".quiz-option")) option.classList.remove("chosen", "right", "wrong");
  input.closest(".quiz-option").classList.add("chosen", input.dataset.right === "true" ? "right" : "wrong");
});

// Keyboard readers can scroll what is wider than the page.
const scrollers = new ResizeObserver((entries) => {
  for (const { target } of entries)
    target.scrollWidth > target.clientWidth ? (target.tabIndex = 0) : target.removeAttribute("tabindex");
});
document.addEventListener("DOMContentLoaded", () => {
  const wide = "div.highlight pre, .cell_output > .output, .katex-display, .pst-scrollable-table-container, .set-table";
  for (const el of document.querySelectorAll(wide)) scrollers.observe(el);
});

// A page that is laid out as it is read (layout.html) is whole before the first jump, so that the jump leads where it should.
for (const type of ["click", "keydown", "hashchange"])
  addEventListener(type, () => delete document.documentElement.dataset.fresh, { capture: true, once: true });

// A link may lead into what is folded.
const unfold = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
document.addEventListener("DOMContentLoaded", unfold);

// Notebooks open in the browser where the site is served; from a folder, a browser lets no Python in.
if (location.protocol.startsWith("http"))
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".set-live").forEach((el) => (el.hidden = false)));
