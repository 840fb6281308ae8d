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
    return { ...entry, score: fit && 1000 * fit + 100 * KINDS.indexOf(entry.kind) - Math.min(entry.names[0].length, 99) };
  }).filter((entry) => entry.score).sort((a, b) => b.score - a.score).slice(0, 20);

const inText = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const first = named(query.trim()).map((e) => [e.page, e.shown, "#" + e.at, e.says, e.score, e.page]);
  const shown = new Set(first.map((result) => result[0] + result[2]));
  const rest = inText(query, ...terms).filter(([page, , at]) => !at.startsWith("#term-") && !shown.has(page + at));
  return [...rest, ...first.reverse()];  // Sphinx shows them from the last to the first
};
// A page opened from a folder may not read another for its summary.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
