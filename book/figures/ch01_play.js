// Chapter 1: two weights and a bias against the line they draw, and how many points it gets wrong.
function setup(el, data, kit) {
  const {h, s} = kit;
  const num = v => kit.num(Math.round(100 * v) / 100 || 0, 4);
  const two = v => (Math.round(100 * v) / 100 || 0).toFixed(2).replace("-", "−");
  let key = "digits", set = data.sets[key], w = set.start.slice(0, 2), b = set.start[2], marked = -1, next = 0;

  const svg = kit.svg(480, 380, ""), says = kit.says();
  const choice = kit.choice("Question", Object.entries(data.sets).map(([k, d]) => [k, d.name]), key, k => start(k));
  const sliders = [["Weight w₁", 4], ["Weight w₂", 4], ["Bias b", 12]].map(([name, most], i) =>
    kit.slider(name, {min: -most, max: most, step: 0.05, value: i < 2 ? w[i] : b, show: two}, v => { if (i < 2) w[i] = v; else b = v; marked = -1; draw(); }));
  const learn = kit.button("Learn from one mistake", step), again = kit.button("Start again", () => start(key));
  el.append(kit.row(choice.el, learn, again), kit.row(...sliders.map(slider => slider.el)), svg, says);

  function start(k) {
    key = k; set = data.sets[k]; w = set.start.slice(0, 2); b = set.start[2]; marked = -1; next = 0;
    tell(); draw();
  }
  function tell() {
    [w[0], w[1], b].forEach((v, i) => {
      sliders[i].set(v);
      sliders[i].el.querySelector("output").textContent = two(v);  // the handle stands on the nearest step
      sliders[i].el.querySelector("input").setAttribute("aria-valuetext", two(v));
    });
  }

  const sum = p => w[0] * p[0] + w[1] * p[1] + b;
  const fires = p => sum(p) > 1e-9 ? 1 : 0;
  const wrong = i => fires(set.x[i]) !== set.y[i];

  // The next point that is wrong teaches; the one after it comes next.
  function step() {
    for (let k = 0; k < set.x.length; k++) {
      const i = (next + k) % set.x.length;
      if (!wrong(i)) continue;
      const error = set.y[i] - fires(set.x[i]);
      w = w.map((v, j) => v + set.lr * error * set.x[i][j]);
      b += set.lr * error;
      while (Math.max(Math.abs(w[0]), Math.abs(w[1])) > 4 || Math.abs(b) > 12) { w = w.map(v => v / 2); b /= 2; }  // the line stays
      marked = i; next = i + 1;
      break;
    }
    tell(); draw();
  }

  // The part of a box where sum > 0: its corners and the line's crossings, in order.
  function side([xa, xb], [ya, yb]) {
    const corners = [[xa, ya], [xb, ya], [xb, yb], [xa, yb]], inside = [], cut = [];
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % 4], zp = sum(p), zq = sum(q);
      if (zp > 0) inside.push(p);
      if ((zp > 0) !== (zq > 0)) { const t = zp / (zp - zq), c = [p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]; inside.push(c); cut.push(c); }
    });
    return [inside, cut];
  }

  function draw() {
    const narrow = kit.narrow(el), box = narrow ? {x0: 38, x1: 312, y0: 26, y1: 222.5} : {x0: 46, x1: 470, y0: 26, y1: 330};
    const digits = key === "digits", xr = digits ? [-0.5, 8.5] : [-1.03, 2.03], yr = digits ? [-0.3, 6.153] : [-0.6, 1.594];  // one scale for both
    const X = kit.scale(...xr, box.x0, box.x1), Y = kit.scale(...yr, box.y1, box.y0);
    const ticks = digits ? [0, 2, 4, 6, 8] : [0, 1];
    kit.sheet(svg, narrow ? kit.NARROW : 480, narrow ? 268 : 380);
    const [inside, cut] = side(xr, yr);
    svg.append(s("polygon", {points: inside.map(p => `${X(p[0]).toFixed(1)},${Y(p[1]).toFixed(1)}`).join(" "), fill: "var(--c1)", opacity: 0.13}));
    svg.append(kit.axes({...box, X, Y, xticks: ticks, yticks: digits ? [0, 2, 4, 6] : [0, 1], xlabel: digits ? "x₁: ink in the middle" : "x₁", ylabel: digits ? "x₂: ink left of the middle" : "x₂"}));
    if (cut.length === 2) {
      const [p, q] = cut.map(c => [X(c[0]), Y(c[1])]);
      svg.append(s("line", {x1: p[0], y1: p[1], x2: q[0], y2: q[1], stroke: "var(--ink)", "stroke-width": 2.5}));
      let d = [w[0], -w[1]];
      const length = Math.hypot(...d), m = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
      d = d.map(v => v / length);
      const tip = [m[0] + 46 * d[0], m[1] + 46 * d[1]], n = [-d[1], d[0]];
      svg.append(s("line", {x1: m[0], y1: m[1], x2: tip[0], y2: tip[1], stroke: "var(--c2)", "stroke-width": 3}),
        s("polygon", {points: [[0, 0], [-13, 6], [-13, -6]].map(([a, c]) => `${tip[0] + (a + 4) * d[0] + c * n[0]},${tip[1] + (a + 4) * d[1] + c * n[1]}`).join(" "), fill: "var(--c2)"}));
    }
    const size = digits ? (narrow ? 3.2 : 4.5) : 11;
    let missed = 0, alarms = 0;
    set.x.forEach((p, i) => {
      const cx = X(p[0]), cy = Y(p[1]), yes = set.y[i] === 1;
      svg.append(s("circle", {cx, cy, r: size, fill: yes ? "var(--c1)" : "var(--paper)", stroke: yes ? "var(--c1)" : "var(--c3)", "stroke-width": 2}));
      if (wrong(i)) { yes ? missed++ : alarms++; svg.append(s("circle", {cx, cy, r: size + 5, fill: "none", stroke: "var(--c2)", "stroke-width": 2.5})); }
      if (i === marked) svg.append(s("rect", {x: cx - size - 9, y: cy - size - 9, width: 2 * size + 18, height: 2 * size + 18, fill: "none", stroke: "var(--ink)", "stroke-width": 2}));
    });
    const total = missed + alarms, of = set.x.length;
    learn.setAttribute("aria-disabled", total === 0);  // disabled itself would lose the keyboard's place
    learn.style.opacity = total === 0 ? 0.45 : 1;
    const many = (n, one, more) => `${n} ${n === 1 ? one : more}`;
    const head = total === 0 ? `No mistake among ${of} points.` : `${many(total, "mistake", "mistakes")} among ${of} points.`;
    const parts = [];
    if (missed) parts.push(digits ? many(missed, "one is taken for a zero", "ones are taken for zeros") : `${missed} should fire and ${missed === 1 ? "does" : "do"} not`);
    if (alarms) parts.push(digits ? many(alarms, "zero is taken for a one", "zeros are taken for ones") : `${alarms} ${alarms === 1 ? "fires" : "fire"} and should not`);
    let how = parts.length ? `${parts.join("; ")}. `.replace(/^./, c => c.toUpperCase()) : "";
    if (Math.hypot(...w) < 1e-9) how += "Both weights are 0, so there is no line: the bias alone decides. ";
    else if (!cut.length) how += "The line is outside the picture: the neuron says the same everywhere here. ";
    if (marked >= 0) how += `Learned from the point in the square, (${num(set.x[marked][0])}, ${num(set.x[marked][1])}): ${set.y[marked] ? "lr · x was added to w, and lr to b" : "lr · x was taken off w, and lr off b"}, lr = ${num(set.lr)}. It is ${wrong(marked) ? "still wrong, by less" : "right now"}. `;
    const formula = `z = ${num(w[0])}·x₁ ${w[1] < 0 ? "−" : "+"} ${num(Math.abs(w[1]))}·x₂ ${b < 0 ? "−" : "+"} ${num(Math.abs(b))}.`;
    says.replaceChildren(h("strong", {}, head), " ", how, formula);
    kit.label(svg, `${head} ${how}${formula}`);
  }
  kit.fit(el, draw);
}
