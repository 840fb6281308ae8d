// Chapter 7: a graph, computed forwards and then walked backwards, one node at a time.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = v => kit.num(Math.abs(v) < 5e-4 ? 0 : v);
  const factor = v => v < 0 ? `(${num(v)})` : num(v);  // as it stands after another sign
  const OPS = {
    add: {sign: "+", f: (a, b) => a + b, slopes: () => [1, 1], tell: (a, b) => `${num(a)} + ${factor(b)}`},
    mul: {sign: "·", f: (a, b) => a * b, slopes: (a, b) => [b, a], tell: (a, b) => `${num(a)} · ${factor(b)}`},
    tanh: {sign: "tanh", f: Math.tanh, slopes: a => [1 - Math.tanh(a) ** 2], tell: a => `tanh ${num(a)}`},
    sub: {sign: "−", f: (a, b) => a - b, slopes: () => [1, -1], tell: (a, b) => `${num(a)} − ${factor(b)}`},
    square: {sign: "( )²", f: a => a * a, slopes: a => [2 * a], tell: a => `${factor(a)}²`},
    plus_one: {sign: "+ 1", f: a => a + 1, slopes: () => [1], tell: a => `${num(a)} + 1`},
  };
  const digits = v => Number(v.toPrecision(3));
  // "−1.08 · 0.786 ≈ −0.846": = only where the digits shown multiply to what is shown.
  const times = (a, b) => `${num(a)} · ${factor(b)} ${num(digits(a) * digits(b)) === num(a * b) ? "=" : "≈"} ${num(a * b)}`;
  let graph, inputs, step, nodes, made, frames, walk, narrow;

  const R = 27;
  const svg = kit.svg(480, 280, ""), says = kit.says(), knobs = kit.row();
  const formula = h("strong", {}), tint = (text, color) => h("span", {style: `color:var(--${color})`}, text);
  const legend = h("div", {style: "display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.95rem"}, formula,
    h("span", {}, "in the circles: values"), tint("on the arrows: slopes", "c1"), tint("outside: derivatives of L", "c2"));
  const choice = kit.choice("Graph", data.graphs.map((g, i) => [i, g.name]), 0, i => start(Number(i)));
  const turns = h("div", {});  // who goes next, where a graph lets one choose
  const back = kit.button("Step back", () => go(step - 1)), next = kit.button("Next step", () => go(step + 1));
  let where = kit.slider("Step", {min: 0, max: 1, value: 0}, go);
  const steps = h("div", {style: "flex:1 1 12rem"});
  el.append(kit.row(choice.el, turns), legend, svg, kit.row(back, next, steps), says, knobs);

  function start(i) {
    graph = data.graphs[i];
    nodes = Object.fromEntries(graph.nodes.map(n => [n.id, n]));
    made = graph.nodes.filter(n => n.op);
    inputs = Object.fromEntries(graph.nodes.filter(n => !n.op).map(n => [n.id, n.value]));
    walk = made.map(n => n.id).reverse();
    turns.replaceChildren(...(graph.walks ? [kit.choice("Way back", graph.walks.map((w, k) => [k, w.join(", ")]), 0,
      k => { walk = graph.walks[Number(k)]; compute(); show(); }).el] : []));
    formula.textContent = graph.formula;
    const last = 2 * made.length + 1;  // forwards, the last node's own 1, backwards
    where = kit.slider("Step", {min: 0, max: last, value: 0, show: phase}, go);
    steps.replaceChildren(where.el);
    knobs.replaceChildren(...Object.keys(inputs).map(id =>
      kit.slider(`Given ${id}`, {min: -4, max: 4, step: 0.1, value: inputs[id], show: num}, v => { inputs[id] = v; compute(); show(); }).el));
    compute();
    go(0);
  }
  function phase(k) {
    const n = made.length;
    return k === 0 ? "start" : k <= n ? `forwards ${k} of ${n}` : `backwards ${k - n} of ${n + 1}`;
  }
  function go(k) { step = Math.max(0, Math.min(2 * made.length + 1, k)); where.set(step); show(); }

  // Everything there is to see after each step: {values, slopes, grads, hot nodes, hot arrows, what is said}.
  function compute() {
    let values = {...inputs}, slopes = {}, grads = {};
    frames = [{values, slopes, grads, node: null, arrows: [],
      says: ["Given numbers.", "Step forwards: each node is computed from its parents."]}];
    for (const n of made) {
      const numbers = n.of.map(p => values[p]), op = OPS[n.op], local = op.slopes(...numbers);
      values = {...values, [n.id]: op.f(...numbers)};
      slopes = {...slopes, ...Object.fromEntries(n.of.map((p, i) => [`${p}>${n.id}`, local[i]]))};
      frames.push({values, slopes, grads, node: n.id, arrows: n.of.map(p => `${p}>${n.id}`), says: [`Forwards: ${n.id} = ${op.tell(...numbers)} = ${num(values[n.id])}.`,
        `Noted on the arrows, its slope ${n.of.map((p, i) => `by ${p}: ${num(local[i])}`).join(", ")}.`]});
    }
    const last = made[made.length - 1].id;
    grads = {[last]: 1};
    frames.push({values, slopes, grads, node: last, arrows: [], says: ["Turn round.", `By itself ${last} has the derivative 1: nudge it, and it moves as far as the nudge.`]});
    const gone = new Set();
    for (const n of walk.map(id => nodes[id])) {
      gone.add(n.id);
      const told = n.of.map(p => {
        const before = grads[p], slope = slopes[`${p}>${n.id}`], product = times(grads[n.id], slope);
        grads = {...grads, [p]: (before ?? 0) + grads[n.id] * slope};
        const late = gone.has(p) ? `. Too late: ${p} has handed on its ${num(before)} already, and what is further back will never hear of the rest` : "";
        return before === undefined ? `to ${p} ${product}` : `to ${p} ${product}, which adds to the ${num(before)} that was there: ${num(grads[p])}${late}`;
      });
      frames.push({values, slopes, grads, node: n.id, arrows: n.of.map(p => `${p}>${n.id}`), says: [`Backwards: ${n.id} hands on its ${num(grads[n.id])} times the slope.`, `It gives ${told.join("; ")}.`]});
    }
  }

  const at = n => narrow ? [n.at[1] + 7, n.at[0]] : n.at;  // on a phone the graph runs downwards
  const HALO = "paint-order:stroke;stroke:var(--paper);stroke-width:5px";
  function arrow(from, to, key, frame) {
    const [x0, y0] = at(nodes[from]), [x1, y1] = at(nodes[to]), d = Math.hypot(x1 - x0, y1 - y0);
    const [ux, uy] = [(x1 - x0) / d, (y1 - y0) / d], hot = frame.arrows.includes(key), backwards = hot && step > made.length;
    const color = hot ? "var(--c2)" : "var(--line)";
    let [ax, ay, bx, by] = [x0 + ux * R, y0 + uy * R, x1 - ux * R, y1 - uy * R];
    if (backwards) [ax, ay, bx, by] = [bx, by, ax, ay];
    const [vx, vy] = backwards ? [-ux, -uy] : [ux, uy];
    const tip = [[bx, by], [bx - 9 * vx + 5 * vy, by - 9 * vy - 5 * vx], [bx - 9 * vx - 5 * vy, by - 9 * vy + 5 * vx]];
    const g = s("g", {}, s("line", {x1: ax, y1: ay, x2: bx, y2: by, stroke: color, "stroke-width": hot ? 3 : 1.5}),
      s("polygon", {points: tip.map(p => p.map(v => v.toFixed(1)).join(",")).join(" "), fill: color}));
    if (frame.slopes[key] !== undefined) {
      const flat = Math.abs(uy) < 0.1;
      g.append(kit.text((x0 + x1) / 2, (y0 + y1) / 2 + (flat ? -8 : 5), num(frame.slopes[key]), {"text-anchor": "middle", style: `font-size:14px;fill:var(--c1);font-weight:600;${HALO}`}));
    }
    return g;
  }
  function circle(n, frame) {
    const [x, y] = at(n), value = frame.values[n.id], grad = frame.grads[n.id], hot = frame.node === n.id;
    const shown = value === undefined ? "?" : num(value);
    const g = s("g", {}, s("circle", {cx: x, cy: y, r: R, fill: "var(--paper)", stroke: hot ? "var(--c2)" : n.op ? "var(--c1)" : "var(--line)", "stroke-width": hot ? 3.5 : 1.5}),
      kit.text(x, y - 5, n.op ? `${n.id}  ${OPS[n.op].sign}` : n.id, {"text-anchor": "middle", style: "font-size:13px;opacity:.85"}),
      kit.text(x, y + 13, shown, {"text-anchor": "middle", style: `font-size:${shown.length > 5 ? 13 : 15}px;font-weight:650`}));
    const [gx, gy, anchor] = narrow ? [n.up ? x - R - 6 : x + R + 6, y + 5, n.up ? "end" : "start"] : [x, n.up ? y - R - 7 : y + R + 17, "middle"];
    if (grad !== undefined) g.append(kit.text(gx, gy, num(grad), {"text-anchor": anchor, style: `fill:var(--c2);font-weight:700;${HALO}`}));
    return g;
  }
  function show() {
    const frame = frames[step];
    narrow = kit.narrow(el);
    kit.sheet(svg, narrow ? 330 : 480, narrow ? 490 : 280);
    svg.append(...made.flatMap(n => n.of.map(p => arrow(p, n.id, `${p}>${n.id}`, frame))), ...graph.nodes.map(n => circle(n, frame)));
    says.replaceChildren(h("strong", {}, frame.says[0]), " ", frame.says[1]);
    kit.label(svg, `${phase(step)}. ${frame.says.join(" ")} Values: ${Object.entries(frame.values).map(([k, v]) => `${k} ${num(v)}`).join(", ")}.`);
    back.disabled = step === 0;
    next.disabled = step === frames.length - 1;
  }
  start(0);
  kit.fit(el, show);
}
