// What playable figures are made of. Every control has a visible name, works by keyboard, and is a native element.
const kit = {
  css: __CSS__,

  // kit.h("p", {class: "x"}, "text", child): an HTML element
  h(tag, attributes = {}, ...children) {
    const el = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) k.startsWith("on") ? el.addEventListener(k.slice(2), v) : el.setAttribute(k, v);
    el.append(...children);
    return el;
  },

  // kit.s("circle", {cx: 1}): an SVG element
  s(tag, attributes = {}, ...children) {
    const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) el.setAttribute(k, v);
    el.append(...children);
    return el;
  },

  // A drawing of that many units, scaled to the page's width, but no further than it can be read well.
  // label is its text alternative; update it with kit.label.
  svg(width, height, label) { return kit.sheet(kit.s("svg", {role: "img", "aria-label": label}), width, height); },
  // The same drawing, emptied and of another size.
  sheet(svg, width, height) {
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.maxWidth = `${Math.min(640, 4 / 3 * width)}px`;
    svg.replaceChildren();
    return svg;
  },

  // On a phone a figure is laid out anew, NARROW units wide: a unit is about a pixel there, so that its text can be read.
  NARROW: 320,
  narrow(el) { return el.clientWidth > 0 && el.clientWidth < 560; },
  // Draws at once, and again when that has changed.
  fit(el, draw) {
    let was;
    const look = () => { if (kit.narrow(el) !== was) { was = kit.narrow(el); draw(); } };
    look();
    new ResizeObserver(look).observe(el);
  },
  // The sheet for two charts, side by side or, where it is narrow, one above the other. Returns their boxes.
  pair(svg, narrow) {
    kit.sheet(svg, narrow ? kit.NARROW : 720, narrow ? 454 : 290);
    return [0, 1].map(k => narrow ? {x0: 46, x1: 310, y0: 28 + 230 * k, y1: 178 + 230 * k} : {x0: 46 + 365 * k, x1: 341 + 365 * k, y0: 28, y1: 233});
  },
  label(svg, text) { svg.setAttribute("aria-label", text); },

  // Controls stand in a row: el.append(kit.row(slider.el, button))
  row(...children) { return kit.h("div", {class: "play-controls"}, ...children); },

  // A slider with its name and value. show: value -> text. Returns {el, value(), set(v)}.
  slider(name, {min, max, step = 1, value, show = String}, oninput) {
    const out = kit.h("output", {}, show(value));
    const input = kit.h("input", {type: "range", min, max, step, value, "aria-label": name, "aria-valuetext": show(value)});
    const update = () => { const v = Number(input.value); out.textContent = show(v); input.setAttribute("aria-valuetext", show(v)); return v; };
    input.addEventListener("input", () => oninput(update()));
    let before;  // what a thumb that meant to scroll the page gives back
    input.addEventListener("pointerdown", () => { before = input.value; });
    input.addEventListener("pointercancel", () => { if (input.value !== before) { input.value = before; oninput(update()); } });
    return {el: kit.h("label", {class: "play-slider"}, kit.h("span", {}, name, out), input),
            value: () => Number(input.value), set(v) { input.value = v; update(); }};
  },

  // A drop-down. options: [[value, text], …]. Returns {el, value(), set(v)}.
  choice(name, options, value, onchange) {
    const select = kit.h("select", {"aria-label": name}, ...options.map(([v, text]) => kit.h("option", {value: v}, text)));
    select.value = value;
    select.addEventListener("change", () => onchange(select.value));
    return {el: kit.h("label", {}, name, select), value: () => select.value, set(v) { select.value = v; }};
  },

  button(name, onclick) { return kit.h("button", {type: "button", onclick}, name); },

  // A paragraph that tells, politely, what the figure shows now: const says = kit.says(); el.append(says); says.textContent = …
  says() { return kit.h("p", {class: "play-says", "aria-live": "polite"}); },

  // Linear map from [a, b] to [c, d].
  scale(a, b, c, d) { return x => c + (x - a) / (b - a) * (d - c); },

  // The points of a polyline from arrays, for {points: …}
  points(xs, ys, X, Y) { return xs.map((x, i) => `${X(x).toFixed(1)},${Y(ys[i]).toFixed(1)}`).join(" "); },

  // Axes in the box [x0, x1] × [y0, y1] of the drawing, with ticks and names. Returns a <g>.
  axes({x0, x1, y0, y1, X, Y, xticks, yticks, xlabel, ylabel, show = String}) {
    const g = kit.s("g", {"aria-hidden": "true"});
    for (const t of xticks) g.append(kit.s("line", {x1: X(t), x2: X(t), y1: y0, y2: y1, stroke: "var(--soft)"}),
      Object.assign(kit.s("text", {x: X(t), y: y1 + 18, "text-anchor": "middle"}), {textContent: show(t)}));
    for (const t of yticks) g.append(kit.s("line", {x1: x0, x2: x1, y1: Y(t), y2: Y(t), stroke: "var(--soft)"}),
      Object.assign(kit.s("text", {x: x0 - 8, y: Y(t) + 4, "text-anchor": "end"}), {textContent: show(t)}));
    g.append(Object.assign(kit.s("text", {x: (x0 + x1) / 2, y: y1 + 38, "text-anchor": "middle"}), {textContent: xlabel}),
      Object.assign(kit.s("text", {x: x0, y: y0 - 8}), {textContent: ylabel}));
    return g;
  },

  text(x, y, content, attributes = {}) { return Object.assign(kit.s("text", {x, y, ...attributes}), {textContent: content}); },

  // A number as people write it: 3 digits, a true minus.
  num(x, digits = 3) {
    const a = Math.abs(x);
    const t = a !== 0 && (a >= 1e4 || a < 1e-3) ? x.toExponential(digits - 1) : String(Number(x.toPrecision(digits)));
    return t.replaceAll("-", "−");
  },
};
