// Chapter 5: a batch of three rows through a 2-3-2 network, one weighted sum at a time.
function setup(el, data, kit) {
  const {h, s, num} = kit;
  const SUB = ["₀", "₁"], ROWS = data.x.length;
  const factor = t => t < 0 ? `(${num(t)})` : num(t);  // as it stands after a times or plus sign
  const x = data.x.map(row => [...row]);
  const share = p => p.toFixed(2);  // a probability, short enough for its cell
  let row = 0, step = 0, net;

  // One row's way: start, three sums, the bend, two sums, softmax; after the last row, the batch as a whole.
  const STEPS = 8;
  const relu = z => Math.max(0, z);
  const times = (a, W, b) => b.map((bj, j) => a.reduce((sum, ai, i) => sum + ai * W[i][j], bj));
  function pass(input) {
    const z1 = times(input, data.W1, data.b1), a1 = z1.map(relu), z2 = times(a1, data.W2, data.b2);
    const e = z2.map(z => Math.exp(z - Math.max(...z2))), total = e[0] + e[1];
    return {z1, a1, z2, p: e.map(v => v / total)};
  }
  const sum = (a, W, b, j) => `${a.map((ai, i) => `${num(ai)} · ${factor(W[i][j])}`).join(" + ")} + ${factor(b[j])}`;

  const graph = kit.svg(320, 242, ""), product = kit.svg(320, 184, ""), says = kit.says();
  const back = kit.button("Step back", () => go(step - 1)), next = kit.button("Next step", () => go(step + 1));
  const show = k => k === 0 ? "start" : `${k} of ${STEPS - 1}`;
  const where = kit.slider("Step", {min: 0, max: STEPS - 1, value: 0, show}, go);
  const which = kit.choice("Row", data.x.map((_, n) => [String(n), `row ${n}`]), "0", n => { row = Number(n); go(0); });
  const inputs = [0, 1].map(i => kit.slider(`Input x${SUB[i]}`, {min: -4, max: 4, step: 0.5, value: x[0][i], show: t => num(t)}, t => { x[row][i] = t; draw(); }));
  const half = child => h("div", {style: "flex:1 1 290px;min-width:0"}, child);
  el.append(kit.row(which.el, back, next, where.el), h("div", {style: "display:flex;flex-wrap:wrap;gap:0 1.5rem;align-items:center"}, half(graph), half(product)),
    says, kit.row(inputs[0].el, inputs[1].el));

  function go(k) {
    step = Math.max(0, Math.min(STEPS - 1, k));
    where.set(step);
    draw();
  }

  // The network, with the current row's numbers in its nodes.
  const X = [38, 156, 274], Y = [[70, 160], [38, 115, 192], [70, 160]], R = 27;
  function line(i, j, layer, hot) {
    return s("line", {x1: X[layer] + R, y1: Y[layer][i], x2: X[layer + 1] - R, y2: Y[layer + 1][j], stroke: hot ? "var(--c2)" : "var(--soft)", "stroke-width": hot ? 3.5 : 1.5});
  }
  function node(layer, i, text, hot) {
    const [cx, cy] = [X[layer], Y[layer][i]];
    return s("g", {}, s("circle", {cx, cy, r: R, fill: "var(--paper)", stroke: hot ? "var(--c2)" : "var(--line)", "stroke-width": hot ? 3.5 : 1.5}),
      kit.text(cx, cy + 6, text, {"text-anchor": "middle", style: "font-size:16px;font-weight:600"}));
  }
  function drawGraph() {
    graph.replaceChildren();
    const unit = step >= 1 && step <= 3 ? step - 1 : -1, out = step === 5 || step === 6 ? step - 5 : -1;
    for (const hot of [false, true]) {  // the lines in use lie on top
      for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) if ((j === unit) === hot) graph.append(line(i, j, 0, hot));
      for (let i = 0; i < 3; i++) for (let j = 0; j < 2; j++) if ((j === out) === hot) graph.append(line(i, j, 1, hot));
    }
    x[row].forEach((v, i) => graph.append(node(0, i, num(v), unit >= 0)));
    const hidden = step >= 4 ? net.a1 : net.z1;
    hidden.forEach((v, j) => graph.append(node(1, j, step > j ? num(v) : "", j === unit || step === 4 || out >= 0)));
    const last = step === 7 ? net.p : net.z2;
    last.forEach((v, k) => graph.append(node(2, k, step > 4 + k ? (step === 7 ? share(v) : num(v, 4)) : "", k === out || step === 7)));
    const names = ["inputs", step >= 4 ? "after the bend" : "hidden sums", step === 7 ? "probabilities" : "logits"];
    names.forEach((name, k) => graph.append(kit.text(X[k], 236, name, {"text-anchor": "middle", style: "font-size:14px;opacity:.85"})));
  }

  // The product in hand: left matrix, right matrix with the bias under it, and what is known of the result.
  const CW = 35.5, GAP = 18, CH = 30, TOP = 40;
  function matrix(x0, name, shape, cells, lit) {
    const width = CW * cells[0].length;
    product.append(kit.text(x0 + width / 2, 14, name, {"text-anchor": "middle", style: "font-weight:650"}),
      kit.text(x0 + width / 2, 31, shape, {"text-anchor": "middle", style: "font-size:13px;opacity:.85"}));
    cells.forEach((r, n) => r.forEach((v, j) => {
      const hot = lit(n, j);
      product.append(s("rect", {x: x0 + CW * j, y: TOP + CH * n, width: CW - 2, height: CH - 2, fill: hot ? "var(--c2)" : "var(--soft)", "fill-opacity": hot ? 0.28 : 0.45, stroke: hot ? "var(--c2)" : "none", "stroke-width": 2}),
        kit.text(x0 + CW * j + CW / 2 - 1, TOP + CH * n + 19, v, {"text-anchor": "middle", style: `font-size:${v.length > 3 ? 12 : 15}px;font-weight:${hot ? 700 : 400}`}));
    }));
  }
  function drawProduct() {
    product.replaceChildren();
    const second = step >= 5, at = second ? step - 5 : step - 1, done = second ? step === 7 : step === 4;
    const active = !done && step > 0 ? at : -1;
    const all = x.map(pass);
    const [left, W, b] = second ? [all.map(v => v.a1), data.W2, data.b2] : [x, data.W1, data.b1];
    const result = all.map(v => second ? (step === 7 ? v.p : v.z2) : (step === 4 ? v.a1 : v.z1));
    const known = (n, j) => n < row || (n === row && (done || j <= at));
    const x1 = CW * left[0].length + GAP, x2 = x1 + CW * b.length + GAP;
    matrix(0, second ? "a₁" : "x", `(${ROWS}, ${left[0].length})`, left.map((r, n) => r.map(v => second && n > row ? "" : num(v))), n => n === row && active >= 0);
    matrix(x1, second ? "W₂" : "W₁", `(${W.length}, ${b.length})`, W.map(r => r.map(v => num(v))), (_, j) => j === active);
    matrix(x2, second ? (step === 7 ? "p" : "z₂") : (step === 4 ? "a₁" : "z₁"), `(${ROWS}, ${b.length})`, result.map((r, n) => r.map((v, j) => known(n, j) ? (step === 7 ? share(v) : num(v, 4)) : "")), (n, j) => n === row && (done || j === active));
    product.append(kit.text(x1 - 10, TOP + 50, "@", {"text-anchor": "middle"}), kit.text(x2 - 10, TOP + 50, done ? "→" : "=", {"text-anchor": "middle"}));
    if (done) product.append(kit.text(x2 + CW * b.length / 2, TOP + CH * 3 + 29, second ? "then softmax" : "then max(0, ·)", {"text-anchor": "middle", style: "font-size:14px"}));
    const y = TOP + CH * 3 + 10;  // the bias, a row below the columns that it is added to
    b.forEach((v, j) => product.append(s("rect", {x: x1 + CW * j, y, width: CW - 2, height: CH - 2, fill: j === active ? "var(--c2)" : "none", "fill-opacity": 0.28, stroke: j === active ? "var(--c2)" : "var(--line)", "stroke-width": j === active ? 2 : 1}),
      kit.text(x1 + CW * j + CW / 2 - 1, y + 19, num(v), {"text-anchor": "middle", style: "font-size:15px"})));
    product.append(kit.text(x1 - 8, y + 19, `+ b${second ? "₂" : "₁"}`, {"text-anchor": "end", style: "font-size:14px"}));
  }

  function tell() {
    if (step === 0) return [`Row ${row} comes in: (${x[row].map(v => num(v)).join(", ")}).`, row ? "The rows before it are done. It will meet the same columns of weights." : "Step forward to see it go through."];
    if (step <= 3) return [`Hidden unit ${step - 1}: row ${row} of x meets column ${step - 1} of W₁.`, `${sum(x[row], data.W1, data.b1, step - 1)} = ${num(net.z1[step - 1])}.`];
    if (step === 4) return ["The activation: what is negative becomes 0.", Math.min(...net.z1) < 0 ? `(${net.z1.map(v => num(v)).join(", ")}) becomes (${net.a1.map(v => num(v)).join(", ")}).` : `Nothing in (${net.z1.map(v => num(v)).join(", ")}) is: it stays as it is.`];
    if (step <= 6) return [`Output ${step - 5}: row ${row} of a₁ meets column ${step - 5} of W₂.`, `${sum(net.a1, data.W2, data.b2, step - 5)} = ${num(net.z2[step - 5], 4)}.`];
    const best = net.p[0] >= net.p[1] ? 0 : 1;
    const tie = net.p[0] === net.p[1], percent = Math.round(100 * net.p[best]);
    const sure = net.p[best] > 0.99 ? "more than 99" : percent;
    return ["Softmax makes probabilities of the logits.", `(${net.z2.map(v => num(v, 4)).join(", ")}) becomes (${net.p.map(share).join(", ")}): ${tie ? "a tie" : `class ${best}, sure by ${sure}%`}. ${row + 1 < ROWS ? "Choose the next row." : "The batch is through."}`];
  }

  function draw() {
    net = pass(x[row]);
    inputs.forEach((slider, i) => slider.set(x[row][i]));
    drawGraph();
    drawProduct();
    const [what, numbers] = tell();
    says.replaceChildren(h("strong", {}, what), " ", numbers);
    kit.label(graph, `Network with 2 inputs, 3 hidden units and 2 outputs, step ${step} of ${STEPS - 1}. ${what} ${numbers}`);
    kit.label(product, step >= 5 ? `The product of a₁, 3 rows of 3, and W₂, 3 rows of 2, plus b₂${step === 7 ? ", and then softmax" : ""}.` : `The product of x, 3 rows of 2, and W₁, 2 rows of 3, plus b₁${step === 4 ? ", and then max(0, ·)" : ""}.`);
    for (const [button, end] of [[back, 0], [next, STEPS - 1]]) {  // disabled itself would lose the keyboard's place
      button.setAttribute("aria-disabled", step === end);
      button.style.opacity = step === end ? 0.45 : 1;
    }
  }
  draw();
}
