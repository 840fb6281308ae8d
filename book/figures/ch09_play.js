// Chapter 9: the error of a measured slope against the step h.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = (v, digits) => kit.num(v, digits);
  const f32 = Math.fround;
  // f, its slope, and the imaginary part of f(x + ih), all by formula; bend: a point where the slope jumps
  const FUNCTIONS = {
    cube: {name: "x³", range: [0.5123, 2.9123], at: 1.7123, f: x => x * x * x, slope: x => 3 * x * x, imag: (x, t) => 3 * x * x * t - t * t * t},
    exp: {name: "eˣ", range: [-2, 2], at: 1, f: Math.exp, slope: Math.exp, imag: (x, t) => Math.exp(x) * Math.sin(t)},
    tanh: {name: "tanh x", range: [-2, 2], at: 0.7, f: Math.tanh, slope: x => 1 - Math.tanh(x) ** 2,
      imag: (x, t) => Math.sin(2 * t) / (Math.cosh(2 * x) + Math.cos(2 * t))},
    log: {name: "log x", range: [1.2, 5], at: 2, f: Math.log, slope: x => 1 / x, imag: (x, t) => Math.atan2(t, x)},
    far: {name: "1000 + tanh x", range: [-2, 2], at: 0.7, f: x => 1000 + Math.tanh(x), slope: x => 1 - Math.tanh(x) ** 2,
      imag: (x, t) => Math.sin(2 * t) / (Math.cosh(2 * x) + Math.cos(2 * t))},
    relu: {name: "ReLU, near its kink", range: [0.001, 0.1], step: 0.001, at: 0.01, f: x => Math.max(0, x), slope: () => 1, imag: (x, t) => t, bend: 0},
  };
  const METHODS = [["forward", "var(--c1)", "9 5"], ["central", "var(--c2)", ""], ["complex step", "var(--c3)", "2 5"]];
  const FLOOR = 1e-17;
  let which = "exp", x = 1, single = false, exponent = -1;

  // An even step in the exponent, ten marks for each power of ten.
  const steps = Array.from({length: 161}, (_, i) => -i / 10);
  function measure(e) {
    const {f, slope, imag} = FUNCTIONS[which], r = single ? f32 : v => v;
    const at = r(x), t = r(10 ** e), up = r(f(r(at + t))), mid = r(f(at)), down = r(f(r(at - t)));
    const truth = slope(at);
    const found = [r(r(up - mid) / t), r(r(up - down) / r(2 * t)), r(r(imag(at, t)) / t)];
    return {up, mid, down, truth, found, errors: found.map(v => Math.abs(v - truth) / Math.abs(truth))};
  }

  const svg = kit.svg(640, 360, ""), says = kit.says(), body = h("tbody");
  const cell = "padding:.15rem .35rem", left = `${cell};text-align:left`;
  const table = h("table", {style: "margin-top:.8rem"}, h("thead", {}, h("tr", {}, h("th", {scope: "col", style: left}, "measured by"),
    h("th", {scope: "col", style: cell}, "slope"), h("th", {scope: "col", style: cell}, "relative error"))), body);
  const digits = h("p", {style: "font-family:ui-monospace,monospace;font-size:.9rem;margin:.5rem 0;overflow-wrap:anywhere"});
  const power = t => t === 0 ? "1" : `10${String(t).replace(/[-0-9]/g, c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])}`;
  const hSlider = kit.slider("Step h", {min: -16, max: 0, value: exponent, show: power}, v => { exponent = v; draw(); });
  const xHolder = h("div", {style: "display:contents"});
  function xSlider() {
    const {range, at, step} = FUNCTIONS[which];
    x = at;
    const slider = kit.slider("Point x", {min: range[0], max: range[1], step: step || 0.1, value: at, show: v => num(v, 5)}, v => { x = v; draw(); });
    xHolder.replaceChildren(slider.el);
  }
  const choice = kit.choice("Function", Object.entries(FUNCTIONS).map(([k, v]) => [k, v.name]), which, v => { which = v; xSlider(); draw(); });
  const precision = kit.choice("Precision", [["64", "float64"], ["32", "float32"]], "64", v => { single = v === "32"; draw(); });
  xSlider();
  el.append(kit.row(choice.el, precision.el), kit.row(hSlider.el, xHolder), svg, digits, says, table);

  // Two numbers as text, in about how many of their n digits they agree, and where the texts part.
  function common(a, b) {
    const n = single ? 8 : 16, size = Math.max(Math.abs(a), Math.abs(b));
    const shared = a === b ? n : Math.max(0, Math.min(n, Math.floor(-Math.log10(Math.abs(a - b) / size))));
    const texts = [a, b].map(v => v.toPrecision(n).replace("-", "−"));
    let cut = 0;
    while (cut < texts[0].length && texts[0][cut] === texts[1][cut]) cut++;
    return {texts, cuts: [cut, cut], shared, n};
  }

  function draw() {
    const narrow = kit.narrow(el), width = narrow ? kit.NARROW : 640, height = narrow ? 300 : 360;
    kit.sheet(svg, width, height);
    const x0 = 62, x1 = width - 12, y0 = 28, y1 = height - 50;
    const X = kit.scale(-16, 0, x0, x1), Y = kit.scale(-17, 1, y1, y0);
    svg.append(kit.axes({x0, x1, y0, y1, X, Y, xticks: [0, -4, -8, -12, -16], yticks: [0, -4, -8, -12, -16], xlabel: "step h", ylabel: "relative error", show: power}));
    svg.append(s("line", {x1: X(exponent), x2: X(exponent), y1: y0, y2: y1, stroke: "var(--line)"}));
    const all = steps.map(e => measure(e).errors.map(v => Math.log10(Math.min(10, Math.max(v, FLOOR)))));
    METHODS.forEach(([, color, dash], k) => svg.append(s("polyline", {points: kit.points(steps, all.map(v => v[k]), X, Y), fill: "none", stroke: color, "stroke-width": 2.2, "stroke-dasharray": dash})));
    const now = measure(exponent);
    now.errors.forEach((v, k) => svg.append(s("circle", {cx: X(exponent), cy: Y(Math.log10(Math.min(10, Math.max(v, FLOOR)))), r: 6, fill: METHODS[k][1], stroke: "var(--paper)", "stroke-width": 1.5})));

    const {texts, cuts, shared, n} = common(now.up, now.down);
    const line = (name, i) => h("span", {style: "display:block"}, `${name} `, h("span", {style: "opacity:.7"}, texts[i].slice(0, cuts[i])), h("strong", {}, texts[i].slice(cuts[i])));
    digits.replaceChildren(line("f(x + h) =", 0), line("f(x − h) =", 1));
    const swatch = i => s("svg", {viewBox: "0 0 40 12", "aria-hidden": "true", style: "width:30px;height:9px;display:inline-block;margin:0 .3rem 0 0"},
      s("line", {x1: 2, x2: 38, y1: 6, y2: 6, stroke: METHODS[i][1], "stroke-width": 3, "stroke-dasharray": METHODS[i][2]}));
    const plain = v => v === 0 ? "0" : num(v, v < 1e-3 ? 1 : 2);
    body.replaceChildren(...METHODS.map(([name], i) => h("tr", {}, h("th", {scope: "row", style: left}, swatch(i), name),
      h("td", {style: cell}, num(now.found[i], single ? 7 : 9)), h("td", {style: `${cell};white-space:nowrap`}, plain(now.errors[i])))));

    // What bending costs is what the complex step shows; what rounding costs is half a last digit, over the way.
    const {bend} = FUNCTIONS[which], step = 10 ** exponent;
    const bending = bend === undefined ? Math.abs(FUNCTIONS[which].imag(x, step) / step - now.truth) : 0;
    const rounding = (single ? 2 ** -24 : 2 ** -53) * Math.abs(now.mid) / step;
    let what;
    if (bend !== undefined && step > Math.abs(x - bend)) what = "The step reaches over the kink: one of the two points lies on the other side, and the central slope is that of neither.";
    else if (now.up === now.down) what = "Too short: the two values have become one and the same number, and the measured slope is 0.";
    else if (bending > 10 * rounding) what = "Long: bending rules. With a step ten times shorter the central error is about a hundred times smaller.";
    else if (bend !== undefined && now.errors[1] < (single ? 1e-5 : 1e-9)) what = "The step does not reach beyond the kink, and on its straight arm ReLU is measured well.";
    else if (rounding > 10 * bending) what = `Short: rounding rules. The two values agree in about ${shared} of ${n} digits, and the slope is made of what is left.`;
    else what = "Near the best: bending and rounding spoil about as much.";
    const head = `h = ${power(exponent)}.`;
    says.replaceChildren(h("strong", {}, head), " ", what);
    kit.label(svg, `${FUNCTIONS[which].name} at ${num(x, 5)}, ${single ? "float32" : "float64"}. ${head} ${what} Relative errors: ${METHODS.map(([name], i) => `${name} ${plain(now.errors[i])}`).join(", ")}.`);
  }
  kit.fit(el, draw);
}
