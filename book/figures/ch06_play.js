// Chapter 6: what a residual, or a logit, costs, and how hard each loss pulls.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = v => kit.num(v);
  const sigmoid = z => 1 / (1 + Math.exp(-z));
  const softplus = z => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  let at, delta = 1, y = 1;

  const VIEWS = {
    residual: {
      start: 2, range: [-3, 3], name: "Residual (prediction − target)", xlabel: "residual", xticks: [-3, -2, -1, 0, 1, 2, 3],
      panels: [{title: "what it costs", low: 0, high: 9, ticks: [0, 3, 6, 9]}, {title: "its slope: how hard it pulls", low: -6, high: 6, ticks: [-6, -3, 0, 3, 6]}],
      curves: [
        {name: "squared", at: r => [r * r, 2 * r]},
        {name: "absolute", at: r => [Math.abs(r), Math.sign(r)]},
        {name: "Huber", at: r => [Math.abs(r) <= delta ? r * r / 2 : delta * (Math.abs(r) - delta / 2), Math.max(-delta, Math.min(delta, r))]},
      ],
      says() {
        const size = num(Math.abs(at));
        if (at === 0) return ["The prediction is right.", "No loss pulls on it. The absolute value has a corner here: its slope jumps from −1 to 1."];
        const where = Math.abs(at) < delta ? "within δ: on its parabola, where the pull grows with the residual" : Math.abs(at) > delta ? "beyond δ: on its line, where the pull no longer grows" : "at δ: where the parabola turns into a line";
        return [`The prediction is ${size} too ${at > 0 ? "high" : "low"}.`, `Every slope is ${at > 0 ? "positive: the loss falls when the prediction falls" : "negative: the loss falls when the prediction rises"}. Huber is ${where}.`];
      },
    },
    logit: {
      start: -6, range: [-8, 8], name: "Logit z", xlabel: "logit z", xticks: [-8, -4, 0, 4, 8],
      panels: [{title: "what it costs", low: 0, high: 8, ticks: [0, 2, 4, 6, 8]}, {title: "its slope by the logit", low: -1, high: 1, ticks: [-1, -0.5, 0, 0.5, 1]}],
      curves: [
        {name: "cross-entropy", at: z => [softplus(z) - y * z, sigmoid(z) - y]},
        {name: "squared, (p\u00a0−\u00a0y)²", at: z => { const p = sigmoid(z); return [(p - y) ** 2, 2 * (p - y) * p * (1 - p)]; }},
      ],
      says() {
        const p = sigmoid(at), wrong = Math.abs(p - y);
        const how = wrong > 0.9 ? "Sure and wrong: cross-entropy pulls with almost its full force, the squared error hardly at all."
          : wrong > 0.5 ? "Wrong, and not sure of it: both losses pull." : wrong > 0.1 ? "Right, and not sure of it: both losses still pull a little." : "Right and nearly sure: little is left to pull.";
        return [`The unit says yes with probability ${num(p)}, and the truth is ${y === 1 ? "yes" : "no"}.`, how];
      },
    },
  };
  const view = VIEWS[data.view];
  at = view.start;

  const COLORS = ["var(--c1)", "var(--c2)", "var(--c3)"], DASHES = ["", "9 5", "2 5"];
  const svg = kit.svg(720, 290, ""), says = kit.says(), body = h("tbody");
  const cell = "padding:.15rem .3rem", left = `${cell};text-align:left`;  // narrow enough for a phone
  const table = h("table", {style: "margin-top:.8rem"}, h("thead", {}, h("tr", {}, h("th", {scope: "col", style: left}, "loss"), h("th", {scope: "col", style: cell}, "cost"), h("th", {scope: "col", style: cell}, "slope"))), body);
  const slider = kit.slider(view.name, {min: view.range[0], max: view.range[1], step: 0.1, value: at, show: v => num(v)}, v => { at = v; draw(); });
  const controls = [slider.el];
  if (data.view === "residual") controls.push(kit.slider("Huber's δ", {min: 0.1, max: 3, step: 0.1, value: delta, show: v => num(v)}, v => { delta = v; draw(); }).el);
  else controls.push(kit.choice("Truth", [["1", "yes (y = 1)"], ["0", "no (y = 0)"]], "1", v => { y = Number(v); draw(); }).el);
  el.append(kit.row(...controls), svg, says, table);

  function swatch(k) {
    const line = s("svg", {viewBox: "0 0 40 12", "aria-hidden": "true", style: "width:30px;height:9px;display:inline-block;margin:0 .3rem 0 0"});
    line.append(s("line", {x1: 2, x2: 38, y1: 6, y2: 6, stroke: COLORS[k], "stroke-width": 3, "stroke-dasharray": DASHES[k]}));
    return line;
  }

  function draw() {
    const boxes = kit.pair(svg, kit.narrow(el));
    const xs = Array.from({length: 241}, (_, i) => view.range[0] + i / 240 * (view.range[1] - view.range[0]));
    view.panels.forEach((panel, k) => {
      const {x0, x1, y0, y1} = boxes[k];
      const X = kit.scale(...view.range, x0, x1), Y = kit.scale(panel.low, panel.high, y1, y0), clip = `clip-${data.view}-${k}`;
      svg.append(kit.axes({x0, x1, y0, y1, X, Y, xticks: view.xticks, yticks: panel.ticks, xlabel: view.xlabel, ylabel: panel.title, show: v => num(v)}));
      svg.append(s("clipPath", {id: clip}, s("rect", {x: x0, y: y0 - 2, width: x1 - x0, height: y1 - y0 + 4})));
      svg.append(s("line", {x1: X(at), x2: X(at), y1: y0, y2: y1, stroke: "var(--line)"}));
      const lines = s("g", {"clip-path": `url(#${clip})`});
      view.curves.forEach((curve, c) => {
        lines.append(s("polyline", {points: kit.points(xs, xs.map(x => curve.at(x)[k]), X, Y), fill: "none", stroke: COLORS[c], "stroke-width": 2.5, "stroke-dasharray": DASHES[c]}));
      });
      svg.append(lines);
      view.curves.forEach((curve, c) => svg.append(s("circle", {cx: X(at), cy: Y(curve.at(at)[k]), r: 6, fill: COLORS[c], stroke: "var(--paper)", "stroke-width": 1.5})));
    });
    const values = view.curves.map(curve => curve.at(at).map(v => Math.abs(v) < 1e-12 ? 0 : v));
    body.replaceChildren(...view.curves.map((curve, c) => h("tr", {}, h("th", {scope: "row", style: left}, swatch(c), h("span", {style: "display:inline-block"}, curve.name)), ...values[c].map(v => h("td", {style: `${cell};white-space:nowrap`}, num(v))))));
    const [what, how] = view.says();
    says.replaceChildren(h("strong", {}, what), " ", how);
    const listed = view.curves.map((curve, c) => `${curve.name}: costs ${num(values[c][0])}, slope ${num(values[c][1])}`).join("; ");
    kit.label(svg, `${what} ${how} ${listed}.`);
  }
  kit.fit(el, draw);
}
