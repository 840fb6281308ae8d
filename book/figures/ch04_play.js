// Chapter 4: a leak and its strength; the score that is reported, and the honest one. Runs made beforehand.
function setup(el, data, kit) {
  const {h, s} = kit;
  const pct = v => `${Math.round(1000 * v) / 10}%`;
  const LEAKS = {
    copies: {
      name: "Rows twice", slider: "Rows that are copies of others", at: v => pct(v), yticks: [0.7, 0.8, 0.9, 1], xlabel: "share of rows that are copies", ticks: v => pct(v),
      what: "100 handwritten digits and copies of them, shuffled, then split. Honest: 1,000 other digits.",
      why: "A copy of a test row stands among the training rows: it is remembered, not read. The honest score rises a little too: the more copies there are, the more of the 100 digits are among the training rows.",
      none: "No row stands twice, and the two scores are one.",
    },
    late: {
      name: "A column known too late", slider: "The column agrees in", at: v => `${pct(v)} of the rows`, yticks: [0.9, 0.92, 0.94, 0.96, 0.98, 1], xlabel: "how often “treated” agrees with “malignant”", ticks: v => pct(v),
      what: "Is a lump malignant? 30 measurements, and a column “treated” that is filled in once the answer is known. Honest: nobody has been treated yet, the column is 0.",
      why: "The network leans on the column. When the question is asked the column is 0 for everybody, and the network takes that for an answer.",
      none: "The column is a coin's fall, and nothing is lost or gained.",
    },
    pixels: {
      name: "Columns chosen with the test rows", slider: "Pixels to choose from", at: v => String(v), yticks: [0.4, 0.5, 0.6, 0.7], xlabel: "pixels looked at, to keep 10", ticks: v => String(v),
      what: "Digits, and for a target a coin's fall: there is nothing to learn. The 10 pixels that go best with the coin are chosen on all rows. Honest: chosen on the training rows alone.",
      why: "Among many columns some agree with any target by luck. Chosen on all rows, they have agreed with the test rows too.",
      none: "Ten pixels out of ten: nothing was chosen.",
    },
    best: {
      name: "The best of many, by the test rows", slider: "Networks tried", at: v => String(v), yticks: [0.85, 0.9, 0.95, 1], xlabel: "networks tried", ticks: v => String(v),
      what: "150 digits to learn from, 60 to test on. The network with the best test score is reported. Honest: the same network on the other digits.",
      why: "A score is skill and luck. The best of many was lucky on these 60 digits, and its luck does not come along.",
      none: "One network, tested once: nothing was chosen.",
    },
  };
  let name = "copies", k = 5;
  const svg = kit.svg(480, 300, ""), says = kit.says(), note = h("p", {style: "margin:.3rem 0"});
  const which = kit.choice("Leak", Object.entries(LEAKS).map(([id, leak]) => [id, leak.name]), name, v => { name = v; k = Math.min(k, data.leaks[v].length - 1); controls(); draw(); });
  const row = kit.row(which.el);
  let slider;
  function controls() {
    const leak = LEAKS[name], runs = data.leaks[name];
    if (slider) slider.el.remove();
    slider = kit.slider(leak.slider, {min: 0, max: runs.length - 1, value: k, show: i => leak.at(runs[i].strength)}, i => { k = i; draw(); });
    row.append(slider.el);
  }
  controls();
  el.append(row, note, svg, says);

  function draw() {
    const leak = LEAKS[name], runs = data.leaks[name], now = runs[k];
    const narrow = kit.narrow(el), width = narrow ? kit.NARROW : 480, box = {x0: narrow ? 50 : 46, x1: width - 10, y0: narrow ? 50 : 40, y1: 250};
    const X = kit.scale(0, runs.length - 1, box.x0 + 14, box.x1 - 14), Y = kit.scale(leak.yticks[0], leak.yticks.at(-1), box.y1, box.y0);
    const xs = runs.map((_, i) => i);
    kit.sheet(svg, width, 300);
    const axes = kit.axes({...box, X, Y, xticks: [], yticks: leak.yticks, xlabel: "", ylabel: "accuracy", show: v => `${Math.round(100 * v)}%`});
    xs.forEach(i => axes.append(kit.text(X(i), box.y1 + 18, leak.ticks(runs[i].strength), {"text-anchor": "middle", style: narrow ? "font-size:13px" : ""})));
    axes.append(kit.text(narrow ? width / 2 : (box.x0 + box.x1) / 2, box.y1 + 40, leak.xlabel, {"text-anchor": "middle"}));
    svg.append(axes);
    svg.append(s("line", {x1: X(k), x2: X(k), y1: Y(now.honest), y2: Y(now.reported), stroke: "var(--ink)", "stroke-width": 9, opacity: 0.2}));
    [["reported", "var(--c2)", ""], ["honest", "var(--c1)", "7 4"]].forEach(([key, color, dashes], i) => {
      const key0 = narrow ? 112 + 108 * i : 150 + 160 * i;
      svg.append(s("polyline", {points: kit.points(xs, runs.map(r => r[key]), X, Y), fill: "none", stroke: color, "stroke-width": 2.6, "stroke-dasharray": dashes}));
      svg.append(s("circle", {cx: X(k), cy: Y(now[key]), r: 6.5, fill: color, stroke: "var(--paper)", "stroke-width": 1.5}));
      svg.append(s("line", {x1: key0, x2: key0 + 30, y1: 17, y2: 17, stroke: color, "stroke-width": 2.6, "stroke-dasharray": dashes}), kit.text(key0 + 37, 22, key));
    });
    const tenths = v => Math.round(1000 * v), gap = (tenths(now.reported) - tenths(now.honest)) / 10, error = 100 * Math.hypot(now.reported_error, now.honest_error);
    const size = `${Math.abs(gap).toFixed(1)} points`;
    const told = Math.abs(gap) < 2 * error ? "The difference is within the chance of these runs." : gap > 0 ? `The leak flatters by ${size}.` : `The reported score is ${size} too low.`;
    note.textContent = leak.what;
    const head = `Reported ${pct(now.reported)}, honest ${pct(now.honest)}.`;
    says.replaceChildren(h("strong", {}, head), ` ${told} ${k === 0 ? leak.none : leak.why}`);
    kit.label(svg, `${leak.name}; ${leak.slider.toLowerCase()} ${leak.at(now.strength)}. ${head} ${told}`);
  }
  kit.fit(el, draw);
}
