// Chapter 2: a picture drawn by networks of many depths and widths, all fitted beforehand.
function setup(el, data, kit) {
  const {h, s, num} = kit;
  const widths = [...new Set(data.fits.map(f => f.width))], depths = [...new Set(data.fits.map(f => f.depth))];
  const colors = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)"];
  const layers = d => d === 1 ? "1 hidden layer" : `${d} hidden layers`;
  const units = w => w === 1 ? "1 unit" : `${w} units`;
  const shape = f => `${layers(f.depth)} of ${units(f.width)}`;
  let at = data.fits.find(f => f.depth === 2 && f.width === 8);

  // One byte a pixel, 0 paper to 255 ink, as the address of an image.
  function image(text) {
    const bytes = atob(text), n = Math.sqrt(bytes.length);
    const canvas = h("canvas", {width: n, height: n}), pen = canvas.getContext("2d"), pixels = pen.createImageData(n, n);
    for (let i = 0; i < bytes.length; i++) pixels.data.set([...Array(3).fill(255 - bytes.charCodeAt(i)), 255], 4 * i);
    pen.putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  }

  const pictures = kit.svg(360, 210, "");
  const frame = (x, href) => s("image", {x, y: 26, width: 168, height: 168, href, style: "image-rendering:pixelated"});
  const drawn = frame(188, "");
  pictures.append(kit.text(4, 16, "the picture"), kit.text(188, 16, "drawn by the network"), frame(4, image(data.target)), drawn,
    ...[4, 188].map(x => s("rect", {x, y: 26, width: 168, height: 168, fill: "none", stroke: "var(--line)"})));

  // The chart: every network's error against its number of parameters.
  const chart = kit.svg(360, 300, "");
  const X = n => kit.scale(Math.log10(4), Math.log10(5000), 40, 350)(Math.log10(n)), Y = kit.scale(0, 0.32, 250, 24);
  const marks = [
    (x, y) => s("circle", {cx: x, cy: y, r: 5}),
    (x, y) => s("rect", {x: x - 4.5, y: y - 4.5, width: 9, height: 9}),
    (x, y) => s("path", {d: `M${x} ${y - 6}L${x + 6} ${y + 5}H${x - 6}Z`}),
    (x, y) => s("path", {d: `M${x} ${y - 6.5}L${x + 6.5} ${y}L${x} ${y + 6.5}L${x - 6.5} ${y}Z`}),
  ];
  chart.append(kit.axes({x0: 40, x1: 350, y0: 24, y1: 250, X, Y, xticks: [10, 100, 1000], yticks: [0, 0.1, 0.2, 0.3],
    xlabel: "parameters", ylabel: "off by (a pixel)", show: t => t.toLocaleString("en")}));
  for (const [i, depth] of depths.entries()) {
    const line = data.fits.filter(f => f.depth === depth);
    const color = `color:${colors[i]};fill:${colors[i]}`;
    chart.append(s("polyline", {points: kit.points(line.map(f => f.parameters), line.map(f => f.error), X, Y),
      style: `fill:none;stroke:${colors[i]};stroke-width:1.8`}));
    for (const f of line) {
      const mark = marks[i](X(f.parameters), Y(f.error));
      mark.setAttribute("style", `${color};cursor:pointer`);
      mark.addEventListener("click", () => choose(f.depth, f.width));
      chart.append(mark);
    }
    chart.append(Object.assign(marks[i](226, 42 + 20 * i), {style: color}), kit.text(238, 46.5 + 20 * i, layers(depth)));
  }
  const ring = s("circle", {r: 11, fill: "none", stroke: "var(--ink)", "stroke-width": 2.5});
  chart.append(ring);

  const says = kit.says();
  const deep = kit.slider("Hidden layers", {min: 1, max: depths.length, value: at.depth}, d => choose(d, at.width));
  const wide = kit.slider("Units in each", {min: 0, max: widths.length - 1, value: widths.indexOf(at.width),
    show: i => String(widths[i])}, i => choose(at.depth, widths[i]));
  const half = child => h("div", {style: "flex:1 1 280px;min-width:0"}, child);
  el.append(kit.row(deep.el, wide.el), h("div", {style: "display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center"},
    half(pictures), half(chart)), says);

  function choose(depth, width) {
    at = data.fits.find(f => f.depth === depth && f.width === width);
    deep.set(depth);
    wide.set(widths.indexOf(width));
    draw();
  }

  function draw() {
    drawn.setAttribute("href", image(at.pixels));
    ring.setAttribute("cx", X(at.parameters));
    ring.setAttribute("cy", Y(at.error));
    const better = data.fits.filter(f => f.parameters <= at.parameters && f.error < at.error).sort((a, b) => a.error - b.error)[0];
    const sizes = [2, ...Array(at.depth).fill(at.width), 1].join("–");
    const what = `${shape(at)} (${sizes}): ${at.parameters.toLocaleString("en")} parameters.`;
    const off = `The drawing is off by ${num(at.error, 2)} a pixel, where 1 is full ink; a typical try by ${num(at.typical, 2)}.`;
    const than = better ? `${shape(better)}, ${better.parameters.toLocaleString("en")} parameters, can draw it better: off by ${num(better.error, 2)}.`
      : "Nothing here draws it better with so few parameters.";
    says.replaceChildren(h("strong", {}, what), ` ${off} ${than}`);
    kit.label(pictures, `A handwritten 8, and its drawing by a network of ${shape(at)}, off by ${num(at.error, 2)} a pixel.`);
    kit.label(chart, `Error against number of parameters for ${data.fits.length} networks, on a line for each depth. Chosen: ${what} ${off}`);
  }
  draw();
}
