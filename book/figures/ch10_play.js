// Chapter 10: learning curves of good and broken runs, read epoch by epoch; early stopping computed beforehand.
function setup(el, data, kit) {
  const {h, s, num} = kit;
  const READ = {
    "healthy": ["Healthy.", "Both curves fall, fast at first, then slowly. A small gap opens between them and stays small. The mini-batches are noisy all the way: that is not an illness."],
    "rate too low": ["The learning rate is too low.", "Every step is right, and far too small: the curves are as steep at the end as at the start, and lie on each other. Try ten times the rate."],
    "rate too high": ["The learning rate is too high.", "The mini-batches jump from the first updates on, and the loss never settles: steps land on the far side of the valley. Training and validation suffer alike."],
    "too few images": ["Too few images, some with wrong labels, for so large a network: it overfits.", "The training loss nears 0: even random labels are known by heart. The validation loss turns up while it does. The gap is the sign, and early stopping the first help."],
    "never shuffled": ["The images came sorted by class, in the same order every epoch.", "Mini-batches full of one digit: it is learned, the others are forgotten. The loss of the mini-batches runs through the same saw-tooth in every epoch."],
    "labels shuffled apart": ["Images and labels were shuffled by two different orders.", "Labels that have nothing to do with the images can only be learned by heart: the training loss creeps down, the validation loss rises, and the validation accuracy stays at chance, 10%."],
    "validation leaks": ["The validation images are among the training images.", "The two curves are one, and the accuracy is perfect. Too good: a validation loss as low as the training loss says nothing about new images."],
    "uphill": ["The sign of the update is wrong.", "Every step goes uphill. The loss leaves the drawing within three epochs and never comes back."],
  };
  const names = ["healthy", "never shuffled", "too few images", "rate too low", "validation leaks", "rate too high", "labels shuffled apart", "uphill"];
  const TOP = 3, svg = kit.svg(480, 318, "");
  const says = kit.says();
  let name = names[0], run = data.runs[name], epoch = run.val_loss.length, patience = 5, told = false;

  const which = kit.choice("Run", names.map((n, i) => [n, `Run ${i + 1}`]), name, n => { name = n; run = data.runs[n]; told = false; draw(); });
  const tell = kit.button("Tell me what is wrong", () => { told = !told; draw(); });
  const until = kit.slider("Epochs so far", {min: 1, max: epoch, value: epoch, show: k => `${k} of ${run.val_loss.length}`}, k => { epoch = k; draw(); });
  const wait = kit.slider("Patience", {min: 1, max: run.stops.length, value: patience, show: k => k === 1 ? "1 epoch" : `${k} epochs`}, k => { patience = k; draw(); });
  el.append(kit.row(which.el, tell), kit.row(until.el, wait.el), svg, says);

  const high = power => [...power].map(c => c === "−" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
  const show = loss => loss === null ? "no number" : num(loss).replace(/e\+?(.*)/, (_, power) => ` × 10${high(power)}`);
  // The part of a curve before it leaves the drawing, and what comes back.
  function curve(xs, ys, X, Y, style) {
    return s("polyline", {points: kit.points(xs, ys.map(y => y === null ? 1e3 : Math.min(y, 1e3)), X, Y), "clip-path": `url(#${clip})`, style: `fill:none;${style}`});
  }
  const clip = "clip-ch10-monitor";

  function draw() {
    const narrow = kit.narrow(el), box = narrow ? {x0: 30, x1: 310, y0: 48, y1: 268} : {x0: 40, x1: 470, y0: 26, y1: 268};
    const last = run.val_loss.length, perEpoch = run.batch_loss.length / last;
    const X = kit.scale(0, last, box.x0, box.x1), Y = kit.scale(0, TOP, box.y1, box.y0);
    const epochs = Array.from({length: epoch}, (_, i) => i + 1), updates = Math.round(epoch * perEpoch);
    const stopped = run.stops[patience - 1], stops = stopped !== null && stopped <= epoch;
    const seen = run.val_loss.slice(0, stops ? stopped : epoch).map(l => l === null ? Infinity : l);
    const best = seen.indexOf(Math.min(...seen)) + 1;
    kit.sheet(svg, narrow ? kit.NARROW : 480, 318);
    svg.append(s("clipPath", {id: clip}, s("rect", {x: box.x0, y: box.y0 - 2, width: box.x1 - box.x0, height: box.y1 - box.y0 + 4})),
      kit.axes({...box, X, Y, xticks: [0, 5, 10, 15, 20, 25, 30], yticks: [0, 1, 2, 3], xlabel: "epoch", ylabel: "loss"}),
      s("line", {x1: box.x0, x2: box.x1, y1: Y(Math.log(10)), y2: Y(Math.log(10)), stroke: "var(--line)", "stroke-dasharray": "2 4"}),
      curve(Array.from({length: updates}, (_, i) => (i + 1) / perEpoch), run.batch_loss.slice(0, updates), X, Y, "stroke:var(--line);stroke-width:.7;opacity:.75"),
      curve(epochs, run.train_loss.slice(0, epoch), X, Y, "stroke:var(--c1);stroke-width:2.6"),
      curve(epochs, run.val_loss.slice(0, epoch), X, Y, "stroke:var(--c2);stroke-width:2.6;stroke-dasharray:7 4"));
    // One point makes no line: dots, of two sizes because they may lie on each other.
    if (epoch === 1) [[run.train_loss[0], "var(--c1)", 4.6], [run.val_loss[0], "var(--c2)", 2.4]].forEach(([y, fill, r]) => {
      if (y !== null && y < TOP) svg.append(s("circle", {cx: X(1), cy: Y(y), r, style: `fill:${fill}`}));
    });
    // The key, where no curve comes: above the drawing.
    [["var(--line)", "", "mini-batch", narrow ? 4 : 92], ["var(--c1)", "", "training", narrow ? 118 : 230], ["var(--c2)", "7 4", "validation", narrow ? 212 : 352]].forEach(([color, dashes, label, x], i) => {
      svg.append(s("line", {x1: x, x2: x + 26, y1: 13, y2: 13, stroke: color, "stroke-width": i ? 2.6 : 1.4, "stroke-dasharray": dashes}), kit.text(x + 32, 18, label));
    });
    const loss = run.val_loss[best - 1];
    if (loss !== null && loss < TOP) svg.append(s("circle", {cx: X(best), cy: Y(loss), r: 6, fill: "none", stroke: "var(--ink)", "stroke-width": 2.2}));
    if (stops) svg.append(s("line", {x1: X(stopped), x2: X(stopped), y1: box.y0, y2: box.y1, stroke: "var(--ink)", "stroke-width": 1.5, "stroke-dasharray": "3 4"}),
      kit.text(X(stopped) + (stopped > 22 ? -5 : 5), box.y0 + 13, "stop", {"text-anchor": stopped > 22 ? "end" : "start"}));

    const [what, why] = READ[name];
    const now = `After epoch ${epoch} (${updates} updates): training loss ${show(run.train_loss[epoch - 1])}, validation loss ${show(run.val_loss[epoch - 1])}, validation accuracy ${num(100 * run.val_accuracy[epoch - 1])}%.`;
    const early = stops ? ` With a patience of ${patience} the run stops after epoch ${stopped} and keeps epoch ${best}.` : ` A patience of ${patience} has not stopped it; the lowest validation loss so far is that of epoch ${best}.`;
    const fresh = run.fresh_accuracy !== undefined && epoch === last ? ` On images that were in neither set it is right in ${num(100 * run.fresh_accuracy)}% only.` : "";
    const recipe = name === "healthy" ? "" : ` (How it was made: ${data.recipes[name]}.)`;
    says.replaceChildren(now + early + fresh, ...(told ? [h("br"), h("strong", {}, what), ` ${why}${recipe}`] : []));
    tell.textContent = told ? "Hide what is wrong" : "Tell me what is wrong";
    kit.label(svg, `Loss against epoch for run ${names.indexOf(name) + 1}. ${now}${early}${fresh}`);
  }
  kit.fit(el, draw);
}
