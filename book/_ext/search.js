// Names before text: what a reader types is looked up among the course's terms, symbols, functions, exercises and
// sections (NAMES, on the search page), and what Sphinx finds in the text follows.
const GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega".split(" ");

// One spelling for ∂L/∂W and dL/dW, η and eta, x̂ and xhat, cross-entropy and cross_entropy, logit and logits.
const spelled = (text) =>
  text.toLowerCase().normalize("NFKD").replace(/\\partial\s*|∂\s*/g, "d").replace(/\u0302/g, "hat").replace(/\p{M}/gu, "")
    .replace(/ϵ/g, "epsilon").replace(/[α-ω]/g, (letter) => GREEK[letter.charCodeAt(0) - 945])
    .split(/[^\p{L}\p{N}∇]+/u).filter(Boolean).map((word) => word.replace(/(..[^s])s$/, "$1")).join(" ");

// How well a name answers a query: 5 it is that, 4 it is spelled so, 3 it contains these words, 2 a word begins so.
const fits = (name, query) => {
  const [n, q] = [spelled(name), spelled(query)];
  if (!q) return 0;
  if (name === query) return 5;
  if (n.replaceAll(" ", "") === q.replaceAll(" ", "")) return 4;
  if (` ${n} `.includes(` ${q} `)) return 3;
  return q.length > 1 && ` ${n}`.includes(` ${q}`) ? 2 : 0;
};
const KINDS = ["section", "exercise", "function", "symbol", "term"];

const named = (query) =>
  NAMES.map((entry) => {
    const fit = Math.max(...entry.names.map((name) => fits(name, query)));
    const shown = entry.names.includes(query) && entry.shown.startsWith("<code>") ? `<code>${query}</code>` : entry.shown;
    return { ...entry, shown, score: fit && 1000 * fit + 100 * KINDS.indexOf(entry.kind) - Math.min(entry.names[0].length, 99) };
  }).filter((entry) => entry.score).sort((a, b) => b.score - a.score).slice(0, 20);

const inText = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const first = named(query.trim()).map((e) => [e.page, e.shown, "#" + e.at, e.says, e.score, e.page]);
  const shown = new Set(first.map((result) => result[0] + result[2]));
  const rest = inText(query, ...terms).filter(([page, , at]) => !at.startsWith("#term-") && !shown.has(page + at));
  return [...rest, ...first.reverse()];  // Sphinx shows them from the last to the first
};

// A single letter stands in every text: it is looked up among the names alone, and not marked.
const parsed = Search._parseQuery;
Search._parseQuery = (query) => {
  const [text, words, without, marked, ...rest] = parsed(query);
  for (const set of [words, marked]) for (const word of [...set]) if (/^[a-z]$/.test(word)) set.delete(word);
  localStorage.setItem("sphinx_highlight_terms", [...marked].join(" "));
  return [text, words, without, marked, ...rest];
};

// What is shown of a page: its article, each formula once, from where the word stands (a stem may differ in its last letter).
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const el of page.querySelectorAll(".headerlink, script, style, .katex-html, annotation, .progress-end")) el.remove();
  return (page.querySelector(anchor || "article") ?? page.querySelector("article"))?.textContent.replace(/\s+/g, " ") ?? "";
};
// What was typed is looked for first: as it is, then as a word of its own, in capitals or not; dW is no part of handwritten.
const summary = Search.makeSearchSummary;
Search.makeSearchSummary = (page, words, anchor) => {
  const text = Search.htmlToText(page, anchor);
  const typed = new URLSearchParams(location.search).get("q").trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = ["u", "iu"].map((flags) => text.search(new RegExp(`(?<![\\p{L}\\p{N}_])${typed}(?![\\p{L}\\p{N}_])`, flags))).find((at) => at >= 0);
  if (found === undefined) return summary(page, [...words].map((word) => (word.length > 4 ? word.slice(0, -1) : word)), anchor);
  const start = Math.max(found - 120, 0), shown = text.slice(start, start + 240).trim();
  return Object.assign(document.createElement("p"), { className: "context", textContent: `${start ? "…" : ""}${shown}${start + 240 < text.length ? "…" : ""}` });
};
// A page opened from a folder may not read another.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
