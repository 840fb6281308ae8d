// What a reader has done is kept in the browser: chapters marked as done, and the answers to quizzes. Nothing is sent.
{
  const SLOT = "from-one-neuron-to-gpt-scale";
  const slug = /(ch\d\d_\w+?)(\.html)?$/.exec(location.pathname)?.[1];
  const questions = [...document.querySelectorAll(".quiz-question[data-key]")];

  // {done: {slug: date}, quiz: {slug: {of, right, chosen: {question: option}}}}
  const empty = () => ({ course: SLOT, done: {}, quiz: {} });
  let full = null;  // what the storage had no room for

  function sound(data) {
    const texts = (object, test) => object && typeof object === "object" && Object.entries(object).every(([key, value]) => /^\w+$/.test(key) && test(value));
    return data?.course === SLOT && texts(data.done, (date) => typeof date === "string") &&
      texts(data.quiz, (q) => Number.isInteger(q.of) && Number.isInteger(q.right) && texts(q.chosen, (option) => typeof option === "string"));
  }
  function load() {
    if (full) return full;
    try {
      const data = JSON.parse(localStorage.getItem(SLOT));
      return sound(data) ? data : empty();
    } catch { return empty(); }
  }
  function save(data) {
    try {
      localStorage.setItem(SLOT, JSON.stringify(data));
      full = null;
    } catch { full = data; }
    show();
  }

  const make = (tag, text = "", more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  // [class, words] of a chapter: how far the reader is.
  function state(data, name) {
    const quiz = data.quiz[name];
    const counted = quiz ? `${quiz.right} of ${plural(quiz.of, "question")}` : "";
    if (data.done[name]) return ["done", counted ? `done, ${counted}` : "done"];
    return quiz ? ["begun", counted] : ["", ""];
  }

  // The map, and the chapters' links in the sidebar.
  function mark(el, [kind, words]) {
    el.classList.remove("done", "begun");
    if (kind) el.classList.add(kind);
    el.dataset.progress = words;
    if (el instanceof SVGElement) {
      el.dataset.name ??= el.getAttribute("aria-label") ?? el.textContent.trim();
      el.setAttribute("aria-label", words ? `${el.dataset.name}, ${words}` : el.dataset.name);
      return;
    }
    el.querySelector(":scope > .progress-mark")?.remove();
    if (!kind) return;
    const note = make("span", "", { className: "progress-mark" });
    note.append(make("span", kind === "done" ? "✓" : words.split(" ").slice(0, 3).join(" ").replace(" of ", "/"), { ariaHidden: "true" }),
      make("span", ` (${words})`, { className: "visually-hidden" }));
    el.append(" ", note);
  }

  function show() {
    const data = load();
    for (const el of document.querySelectorAll("[data-chapter]")) mark(el, state(data, el.dataset.chapter));
    for (const el of document.querySelectorAll(".bd-sidebar-primary a")) {
      const name = /(ch\d\d_\w+)\.html$/.exec(el.href)?.[1] ?? (el.closest(".current") && el.getAttribute("href") === "#" ? slug : undefined);
      if (name) mark(el, state(data, name));
    }
    showEnd(data);
    showPanel(data);
  }

  // The quiz of this chapter.
  function restore(data) {
    for (const question of questions) {
      const chosen = data.quiz[slug]?.chosen[question.dataset.key];
      for (const input of question.querySelectorAll("input")) {
        const was = input.checked;
        input.checked = input.value === chosen;
        if (input.checked && !was) input.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: "restored" }));
        if (!input.checked && was) input.closest(".quiz-option").classList.remove("chosen", "right", "wrong");
      }
    }
  }
  document.addEventListener("change", (event) => {
    if (event.detail === "restored" || !slug || !event.target.matches?.(".quiz-question[data-key] input")) return;
    const data = load();
    const inputs = questions.flatMap((q) => [...q.querySelectorAll("input:checked")].map((input) => [q.dataset.key, input]));
    data.quiz[slug] = {
      of: questions.length,
      right: inputs.filter(([, input]) => input.dataset.right === "true").length,
      chosen: Object.fromEntries(inputs.map(([key, input]) => [key, input.value])),
    };
    save(data);
  });

  // The end of a chapter: how far, and the button.
  let end;
  const where = () => full || localStorage.fleeting
    ? "Your browser keeps nothing for this site: what you do here lasts until you leave the page, and is sent to nobody."
    : "What you do here is kept in this browser’s local storage, and sent to nobody.";
  function buildEnd() {
    const article = document.querySelector("article.bd-article");
    if (!slug || !article) return;
    end = make("section", "", { className: "progress-end", ariaLabel: "Your progress in this chapter" });
    const button = make("button", "", { type: "button" });
    button.addEventListener("click", () => {
      const data = load();
      if (data.done[slug]) delete data.done[slug];
      else data.done[slug] = new Date().toISOString().slice(0, 10);
      save(data);
    });
    end.append(make("p", "", { className: "progress-count", role: "status" }), button, make("p", "", { className: "progress-where" }));
    article.append(end);
  }
  function showEnd(data) {
    if (!end) return;
    const [name, done, quiz] = [`hapter ${Number(slug.slice(2, 4))}`, data.done[slug], data.quiz[slug]];
    const button = end.querySelector("button");
    button.textContent = done ? `C${name} is not done after all` : `Mark c${name} as done`;
    button.classList.toggle("main", !done);
    end.querySelector(".progress-count").textContent = [done && `C${name} is done.`, quiz && `${quiz.right} of ${plural(quiz.of, "question")} right.`].filter(Boolean).join(" ");
    end.querySelector(".progress-where").textContent = where();
  }

  // The panel on the welcome page: where the data lies, and how to take it along or be rid of it.
  const panel = document.getElementById("progress");
  function buildPanel() {
    if (!panel) return;
    const status = make("p", "", { className: "progress-status", role: "status" });
    const says = (text) => { status.textContent = text; };
    const exporting = make("button", "Export", { type: "button" });
    exporting.addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([JSON.stringify(load(), null, 1)], { type: "application/json" }));
      make("a", "", { href: url, download: `${SLOT}-progress.json` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      says("Your progress is in your downloads.");
    });
    const file = make("input", "", { type: "file", accept: ".json,application/json", hidden: true });
    file.addEventListener("change", async () => {
      let data;
      try { data = JSON.parse(await file.files[0].text()); } catch { /* not JSON: said below */ }
      file.value = "";
      if (!sound(data)) return says("That file is not an export of this course. Nothing was changed.");
      const old = load();
      save({ course: SLOT, done: { ...old.done, ...data.done }, quiz: { ...old.quiz, ...data.quiz } });
      says("Imported.");
    });
    const importing = make("button", "Import", { type: "button" });
    importing.addEventListener("click", () => file.click());
    const erasing = make("button", "Erase", { type: "button" });
    erasing.addEventListener("click", () => {
      if (!confirm("Erase your answers and the chapters you have done from this browser?")) return;
      full = null;
      localStorage.removeItem(SLOT);
      show();
      says("Erased.");
    });
    const buttons = make("p", "", { className: "progress-buttons" });
    buttons.append(exporting, importing, erasing, file);
    panel.append(make("h2", "Your progress", { id: "your-progress" }), make("p", "", { className: "progress-summary" }), buttons, status);
  }
  function showPanel(data) {
    if (!panel) return;
    const right = Object.values(data.quiz).reduce((sum, quiz) => sum + quiz.right, 0);
    panel.querySelector(".progress-summary").textContent =
      `${plural(Object.keys(data.done).length, "chapter")} done, ${plural(right, "question")} answered rightly. ${where()}`;
  }

  buildEnd();
  buildPanel();
  if (slug) restore(load());
  show();
  // Another page of the course has changed it, or this one comes back as it was left.
  const again = () => { if (slug) restore(load()); show(); };
  addEventListener("storage", (event) => { if (event.key === SLOT || event.key === null) again(); });
  addEventListener("pageshow", (event) => { if (event.persisted) again(); });
}
