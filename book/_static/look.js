// Cards: a link marked data-card shows its page over this one, where scripts and the server allow it.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-card]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || location.protocol === "file:") return;
  event.preventDefault();
  let article;
  try {
    article = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html").querySelector("article");
    for (const el of article.querySelectorAll(".headerlink, script")) el.remove();
    for (const el of article.querySelectorAll("[id]")) el.removeAttribute("id");
    for (const a of article.querySelectorAll("a[href]")) a.href = new URL(a.getAttribute("href"), link.href);
  } catch {
    if (navigator.onLine) return (location.href = link.href);
    article = Object.assign(document.createElement("article"), { className: "bd-article" });
    article.innerHTML = "<h1>No network</h1><p>This card comes from the network, which is away. The page below goes on working.</p>";
  }
  const card = document.createElement("dialog");
  card.className = "card";
  const title = article.querySelector("h1").textContent;
  card.setAttribute("aria-label", title);
  card.innerHTML = '<div class="card-head"><a></a><form method="dialog"><button>Close</button></form></div>';
  Object.assign(card.querySelector("a"), { href: link.href, textContent: "Open as a page" });
  card.append(article);
  card.addEventListener("click", (e) => e.target === card && card.close());
  card.addEventListener("keydown", (e) => e.key === "Escape" && card.close()); // the search page's own script would take it
  card.addEventListener("close", () => { card.remove(); link.focus(); });
  document.body.append(card);
  card.showModal();
  for (const el of card.querySelectorAll("table, .katex-display")) if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
});

// Where a list of sections covers the page, it makes way for what was chosen in it.
document.addEventListener("click", (event) => event.target.closest?.("dialog.bd-sidebar-secondary a")?.closest("dialog").close());

// A button that copies, on every listing.
if (navigator.clipboard)
  for (const listing of document.querySelectorAll("article div.highlight")) {
    if (listing.closest(".cell_output")) continue;
    const button = Object.assign(document.createElement("button"), { className: "copy", type: "button", textContent: "Copy" });
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(listing.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    listing.append(button);
  }

// A phone's next page has the site's type (layout.html): it is fetched when this page is done.
if ("plain" in document.documentElement.dataset && !navigator.connection?.saveData)
  addEventListener("load", () => setTimeout(async () => {
    const fonts = new URL("fonts/source-", document.querySelector('link[href$="site.css"]').href);
    try {
      for (const face of ["serif-4-normal", "serif-4-italic", "sans-3-normal"])
        await (await fetch(`${fonts}${face}.woff2`, { priority: "low" })).arrayBuffer();
      localStorage.setItem("type", "site");
    } catch {}
  }, 300));
