// Chapter 3: an activation and its slope at a point; a layer of ReLU units whose bias moves.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = v => kit.num(Math.abs(v) < 1e-12 ? 0 : v);
  const says = kit.says();
  let draw;

  function slopes() {
    const sigmoid = x => 1 / (1 + Math.exp(-x)), K = Math.sqrt(2 / Math.PI);
    const F = {
      sigmoid: {name: "sigmoid", at: x => { const v = sigmoid(x); return [v, v * (1 - v)]; }, top: 0.25,
        flat: "saturated", live: "far from both ends"},
      tanh: {name: "tanh", at: x => { const v = Math.tanh(x); return [v, 1 - v * v]; }, top: 1,
        flat: "saturated", live: "far from both ends"},
      relu: {name: "ReLU", at: x => [Math.max(0, x), x > 0 ? 1 : 0], top: 1, flat: "silent", live: "open"},
      leaky: {name: "leaky ReLU (slope 0.1)", at: x => [x > 0 ? x : 0.1 * x, x > 0 ? 1 : 0.1], top: 1,
        flat: "leaking", live: "open"},
      elu: {name: "ELU", at: x => [x > 0 ? x : Math.expm1(x), x > 0 ? 1 : Math.exp(x)], top: 1,
        flat: "nearly flat on the left", live: "open"},
      silu: {name: "SiLU", at: x => { const v = sigmoid(x); return [x * v, v * (1 + x * (1 - v))]; }, top: 1,
        flat: "nearly flat", live: "open"},
      gelu: {name: "GELU", at: x => { const t = Math.tanh(K * (x + 0.044715 * x ** 3));
        return [0.5 * x * (1 + t), 0.5 * (1 + t + x * (1 - t * t) * K * (1 + 0.134145 * x * x))]; }, top: 1,
        flat: "nearly flat", live: "open"},
    };
    const told = v => v === 0 || Math.abs(v) >= 1e-3 ? kit.num(v, 4) : Math.abs(v) < 5e-5 ? "nearly 0" : v.toFixed(4).replace("-", "−");
    let key = "sigmoid", x = 2;
    const svg = kit.svg(720, 290, "");
    const choice = kit.choice("Activation", Object.entries(F).map(([k, f]) => [k, f.name]), key, v => { key = v; draw(); });
    const slider = kit.slider("Input x", {min: -6, max: 6, step: 0.1, value: x, show: num}, v => { x = v; draw(); });
    el.append(kit.row(choice.el, slider.el), svg, says);

    draw = () => {
      const f = F[key], [out, slope] = f.at(x);
      const boxes = kit.pair(svg, kit.narrow(el)), squashed = key === "sigmoid" || key === "tanh";
      const panels = [
        {title: "what comes out", low: squashed ? -1.25 : -2, high: squashed ? 1.25 : 6, ticks: squashed ? [-1, -0.5, 0, 0.5, 1] : [-2, 0, 2, 4, 6]},
        {title: "its slope", low: -0.2, high: 1.2, ticks: [0, 0.25, 0.5, 0.75, 1]},
      ];
      const xs = Array.from({length: 481}, (_, i) => -6 + i / 40);
      panels.forEach((panel, k) => {
        const {x0, x1, y0, y1} = boxes[k];
        const X = kit.scale(-6, 6, x0, x1), Y = kit.scale(panel.low, panel.high, y1, y0), clip = `clip-slope-${k}`;
        svg.append(kit.axes({x0, x1, y0, y1, X, Y, xticks: [-6, -4, -2, 0, 2, 4, 6], yticks: panel.ticks, xlabel: "x", ylabel: panel.title, show: num}));
        svg.append(s("clipPath", {id: clip}, s("rect", {x: x0, y: y0 - 2, width: x1 - x0, height: y1 - y0 + 4})));
        svg.append(s("line", {x1: X(x), x2: X(x), y1: y0, y2: y1, stroke: "var(--line)"}));
        const lines = s("g", {"clip-path": `url(#${clip})`});
        lines.append(s("polyline", {points: kit.points(xs, xs.map(v => f.at(v)[k]), X, Y), fill: "none", stroke: k ? "var(--c2)" : "var(--c1)", "stroke-width": 3}));
        if (k === 0) lines.append(s("line", {x1: X(x - 2), y1: Y(out - 2 * slope), x2: X(x + 2), y2: Y(out + 2 * slope), stroke: "var(--c2)", "stroke-width": 2.5, "stroke-dasharray": "7 4"}));
        svg.append(lines, s("circle", {cx: X(x), cy: Y([out, slope][k]), r: 6.5, fill: k ? "var(--c2)" : "var(--c1)", stroke: "var(--paper)", "stroke-width": 1.5}));
      });
      const share = slope / f.top, kinked = key === "relu" || key === "leaky";
      const state = kinked && x === 0 ? "At 0 it has a corner: the slope jumps, and the code takes the left one."
        : slope === 0 ? `It is ${f.flat}: nothing of what comes from behind gets through.`
        : Math.abs(slope) < 5e-5 ? `It is ${f.flat}: hardly anything of what comes from behind gets through.`
        : slope < -1e-3 ? "Here it falls: what comes from behind gets through with its sign turned."
        : share < 0.1001 ? `It is ${f.flat}: what comes from behind gets through ${told(Math.abs(slope))} times as large.`
        : share > 0.9 ? `It is ${f.live}: ${f.top === 1 ? `what comes from behind gets through ${slope === 1 ? "exactly" : "about"} as it is` : "the slope is close to the largest it has, a quarter"}.`
        : `What comes from behind gets through ${told(slope)} times as large.`;
      const what = `${f.name} of ${num(x)} is ${told(out)}, and its slope there is ${told(slope)}.`;
      says.replaceChildren(h("strong", {}, what), " ", state);
      kit.label(svg, `${what} ${state}`);
    };
  }

  function dead() {
    const n = data.low.length, start = data.biases.findIndex(b => Math.abs(b) < 1e-9);
    let at = start;
    const svg = kit.svg(640, 320, "");
    const show = v => num(data.biases[v]);
    const slider = kit.slider("Bias of all units", {min: 0, max: data.biases.length - 1, step: 1, value: at, show}, v => { at = v; draw(); });
    el.append(kit.row(slider.el), svg, says);
    const lowest = Math.min(...data.low) + data.biases[0], highest = Math.max(...data.high) + data.biases.at(-1);

    draw = () => {
      const narrow = kit.narrow(el), width = narrow ? kit.NARROW : 640, x0 = 44, x1 = width - 10, y0 = 28, y1 = narrow ? 220 : 270;
      kit.sheet(svg, width, y1 + 50);
      const b = data.biases[at], X = kit.scale(0, n, x0, x1), Y = kit.scale(lowest, highest, y1, y0);
      const ticks = [-4, -2, 0, 2].filter(t => t > lowest && t < highest);
      svg.append(kit.axes({x0, x1, y0, y1, X, Y, xticks: [], yticks: ticks, xlabel: `${n} units`, ylabel: "weighted sums", show: num}));
      let count = 0;
      for (let j = 0; j < n; j++) {
        const low = data.low[j] + b, high = data.high[j] + b, gone = high <= 0, w = (x1 - x0) / n - 1.2;
        count += gone;
        const box = (from, to, fill, extra = {}) => svg.append(s("rect", {x: X(j) + 0.6, width: w, y: Y(to), height: Math.max(0, Y(from) - Y(to)), fill, ...extra}));
        if (gone) box(low, high, "none", {stroke: "var(--c2)", "stroke-width": 1.2});
        else {
          box(low, Math.min(0, high), "var(--line)", {opacity: 0.45});
          if (high > 0) box(Math.max(0, low), high, "var(--c1)");
        }
      }
      svg.append(s("line", {x1: x0, x2: x1, y1: Y(0), y2: Y(0), stroke: "currentColor", "stroke-width": 2}));
      const share = data.active[at];
      const what = `With a bias of ${num(b)}, ${count} of ${n} units ${count === 1 ? "is" : "are"} dead, ${kit.num(100 * count / n, 2)}%.`;
      const how = count === n ? "Nothing passes this layer any more, in either direction."
        : `Of all outputs, ${kit.num(100 * share, 2)}% are above 0. ${count === 0 ? "Every unit answers to some digit." : "The hollow bars lie below 0 as a whole: for no digit does anything get through."}`;
      says.replaceChildren(h("strong", {}, what), " ", how);
      kit.label(svg, `${what} ${how}`);
    };
  }

  (data.view === "slope" ? slopes : dead)();
  kit.fit(el, draw);
}
