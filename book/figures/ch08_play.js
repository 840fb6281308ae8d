// Chapter 8's stepper: a 2-2-1 network, forward then backward, one step at a time.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = t => kit.num(t);
  const factor = t => t < 0 ? `(${num(t)})` : num(t);  // as it stands after a times or plus sign
  const x = [...data.x];
  let step = 0;

  const STEPS = [
    () => ["Forward. Each unit adds up its inputs times its weights, plus its bias.",
      `z₁ = ${num(x[0])}·${factor(data.W1[0][0])} + ${factor(x[1])}·${factor(data.W1[1][0])} + ${factor(data.b1[0])} = ${num(v.z[0])}, a₁ = σ(z₁) = ${num(v.a[0])}. The output is ${num(v.out)}, the target ${num(data.y)}, the loss ${num(v.loss)}.`],
    () => ["The loss asks: how do I change when the output grows?", `dout = 2(output − target) = 2·(${num(v.out)} − ${num(data.y)}) = ${num(v.dout)}.`],
    () => ["The last unit's weights: dout times what each was multiplied by.", `dw₁ = dout·a₁ = ${num(v.dout)}·${factor(v.a[0])} = ${num(v.dW2[0])}; dw₂ = dout·a₂ = ${num(v.dW2[1])}; its bias gets dout itself.`],
    () => ["The hidden units: dout times the weight that carried each forward.", `da₁ = dout·w₁ = ${num(v.dout)}·${factor(data.W2[0])} = ${num(v.da[0])}; da₂ = ${num(v.dout)}·${factor(data.W2[1])} = ${num(v.da[1])}.`],
    () => ["Through sigmoid: times its slope a(1 − a), which is never more than ¼.", `dz₁ = da₁·a₁(1 − a₁) = ${num(v.da[0])}·${factor(v.a[0] * (1 - v.a[0]))} = ${num(v.dz[0])}; dz₂ = ${num(v.dz[1])}.`],
    () => ["The first layer's weights: each dz times the input it was multiplied by.", `By x₁: dz₁·x₁ = ${num(v.dW1[0][0])}, dz₂·x₁ = ${num(v.dW1[0][1])}. By x₂: dz₁·x₂ = ${num(v.dW1[1][0])}, dz₂·x₂ = ${num(v.dW1[1][1])}.`],
    () => ["The inputs: two paths meet in each, and their slopes add.", `dx₁ = ${num(v.dz[0])}·${factor(data.W1[0][0])} + ${factor(v.dz[1])}·${factor(data.W1[0][1])} = ${num(v.dx[0])}; dx₂ = ${num(v.dx[1])}.`],
  ];
  let v;

  function compute() {
    const sigmoid = z => 1 / (1 + Math.exp(-z));
    const z = [0, 1].map(j => x[0] * data.W1[0][j] + x[1] * data.W1[1][j] + data.b1[j]);
    const a = z.map(sigmoid);
    const out = a[0] * data.W2[0] + a[1] * data.W2[1] + data.b2;
    const loss = (out - data.y) ** 2;
    const dout = 2 * (out - data.y);
    const dW2 = a.map(aj => dout * aj), da = data.W2.map(w => dout * w);
    const dz = da.map((d, j) => d * a[j] * (1 - a[j]));
    const dW1 = x.map(xi => dz.map(d => xi * d));
    const dx = data.W1.map(row => row[0] * dz[0] + row[1] * dz[1]);
    v = {z, a, out, loss, dout, dW2, da, dz, dW1, dx};
  }

  const svg = kit.svg(480, 265, "");
  const says = kit.says();
  const back = kit.button("Step back", () => go(step - 1)), next = kit.button("Next step", () => go(step + 1));
  const where = kit.slider("Step", {min: 0, max: STEPS.length - 1, value: 0, show: k => k === 0 ? "forward" : `backward ${k} of ${STEPS.length - 1}`}, go);
  const sliders = [0, 1].map(i => kit.slider(`Input x${"₁₂"[i]}`, {min: -3, max: 3, step: 0.1, value: x[i], show: t => num(t)}, t => { x[i] = t; draw(); }));
  el.append(svg, kit.row(back, next, where.el), kit.row(sliders[0].el, sliders[1].el), says);

  function go(k) { step = Math.max(0, Math.min(STEPS.length - 1, k)); where.set(step); draw(); }

  // Where everything stands: it runs from left to right, or downwards where it is narrow. At x, h, output and loss the
  // circles; a slope beside its circle; a weight beside its connection.
  const WIDE = {size: [480, 265], x: [[38, 60], [38, 200]], h: [[190, 60], [190, 200]], output: [335, 130], loss: [442, 130],
    W1: [[[114, 36], [92, 88]], [[92, 160], [114, 220]]], W2: [[258, 58], [258, 206]], anchors: ["start", "start"]};
  const NARROW = {size: [kit.NARROW, 490], x: [[80, 62], [240, 62]], h: [[80, 216], [240, 216]], output: [160, 345], loss: [160, 450],
    W1: [[[40, 130], [119, 113]], [[201, 113], [280, 130]]], W2: [[116, 300], [204, 300]], anchors: ["end", "start"]};
  let at = WIDE, narrow = false;
  const HALO = "paint-order:stroke;stroke:var(--paper);stroke-width:4px";
  function node([cx, cy], name, value, called, slope, hot, side) {
    const g = s("g", {}, s("circle", {cx, cy, r: 33, fill: "var(--paper)", stroke: hot ? "var(--c2)" : "var(--line)", "stroke-width": hot ? 3.5 : 1.5}),
      kit.text(cx, cy - 8, name, {"text-anchor": "middle", style: "font-size:13px;opacity:.8"}), kit.text(cx, cy + 12, num(value), {"text-anchor": "middle", style: "font-weight:650"}));
    const x = Math.max(cx, 48);  // keeps the text inside the drawing
    const [tx, ty, anchor] = {above: [x, cy - 42, "middle"], below: [narrow ? cx + (cx < 160 ? -28 : 28) : x, cy + 52, "middle"], right: [cx + 41, cy + 5, "start"]}[side];
    if (slope !== null) g.append(kit.text(tx, ty, `${called} ${num(slope)}`, {"text-anchor": anchor, style: `fill:var(--c2);font-weight:${hot ? 700 : 500}`}));
    return g;
  }
  function line([x1, y1], [x2, y2], hot) {
    const [dx, dy] = narrow ? [0, 33] : [33, 0];
    svg.append(s("line", {x1: x1 + dx, y1: y1 + dy, x2: x2 - dx, y2: y2 - dy, stroke: hot ? "var(--c2)" : "var(--line)", "stroke-width": hot ? 3 : 1.5}));
  }
  // A connection from one node to another, its weight and slope written at (x, y).
  function edge(from, to, weight, slope, hot, [x, y], anchor) {
    const g = s("g");
    line(from, to, hot);
    g.append(kit.text(x, y, `w ${num(weight)}`, {"text-anchor": anchor, style: `font-size:13px;${HALO}`}));
    if (slope !== null) g.append(kit.text(x, y + 17, `dw ${num(slope)}`, {"text-anchor": anchor, style: `font-size:13px;fill:var(--c2);font-weight:600;${HALO}`}));
    return g;
  }

  function draw() {
    compute();
    narrow = kit.narrow(el);
    at = narrow ? NARROW : WIDE;
    kit.sheet(svg, ...at.size);
    const labels = [];  // written last, over the lines
    for (const i of [0, 1]) for (const j of [0, 1])
      labels.push(edge(at.x[i], at.h[j], data.W1[i][j], step >= 5 ? v.dW1[i][j] : null, step >= 5, at.W1[i][j], "middle"));
    for (const j of [0, 1])
      labels.push(edge(at.h[j], at.output, data.W2[j], step >= 2 ? v.dW2[j] : null, step === 2 || step === 3, at.W2[j], at.anchors[j]));
    line(at.output, at.loss, step === 1);
    for (const i of [0, 1]) svg.append(node(at.x[i], `x${"₁₂"[i]}`, x[i], `dx${"₁₂"[i]}`, step >= 6 ? v.dx[i] : null, step === 6, narrow || i === 0 ? "above" : "below"));
    for (const j of [0, 1]) {
      const slope = step >= 4 ? v.dz[j] : step === 3 ? v.da[j] : null;
      svg.append(node(at.h[j], `a${"₁₂"[j]}`, v.a[j], `${step >= 4 ? "dz" : "da"}${"₁₂"[j]}`, slope, step === 3 || step === 4, narrow || j ? "below" : "above"));
    }
    const side = narrow ? "right" : "below";
    svg.append(node(at.output, "output", v.out, "dout", step >= 1 ? v.dout : null, step === 1, side), node(at.loss, "loss", v.loss, "slope", step >= 1 ? 1 : null, false, side));
    svg.append(...labels);
    const [what, numbers] = STEPS[step]();
    says.replaceChildren(h("strong", {}, what), " ", numbers);
    kit.label(svg, `Step ${step} of ${STEPS.length - 1}. ${what} ${numbers}`);
    back.disabled = step === 0;
    next.disabled = step === STEPS.length - 1;
  }
  kit.fit(el, draw);
}
