// Run on a page of the site: its title, and its article as it stands, for a book in which every page's ids begin with key.
// keys: {address of a page: what its ids begin with}
([key, keys]) => {
  const article = document.querySelector("article.bd-article");
  const title = article.querySelector("h1").cloneNode(true);
  title.querySelectorAll(".headerlink").forEach((el) => el.remove());
  article.querySelectorAll("details").forEach((el) => (el.open = true));
  for (const link of article.querySelectorAll("a[href]")) {
    const [address, place] = link.href.split("#");
    if (address in keys) link.setAttribute("href", "#" + keys[address] + (place ? "--" + place : ""));
    else if (!/^(https?|mailto):/.test(address)) link.removeAttribute("href");
  }
  article.querySelectorAll("img").forEach((el) => el.setAttribute("src", el.src));
  article.querySelectorAll("script, button, .headerlink, .play-controls, .set-live, .set-get, .downloads").forEach((el) => el.remove());
  for (const el of article.querySelectorAll("*"))
    for (const {name, value} of [...el.attributes]) {
      if (name === "id") el.id = key + "--" + value;
      else if (/^(for|aria-(labelledby|describedby|controls))$/.test(name)) el.setAttribute(name, value.replace(/\S+/g, key + "--$&"));
      else if (/href$/.test(name) && value.startsWith("#") && el.namespaceURI.endsWith("svg")) el.setAttribute(name, "#" + key + "--" + value.slice(1));
      else if (value.includes("url(#")) el.setAttribute(name, value.replaceAll("url(#", "url(#" + key + "--"));
    }
  return {title: title.textContent.trim(), html: article.innerHTML};
};
