// Measures every picture of a page and writes what is wrong with it, as JSON, into an element at its end.
(() => {
  const out = { Dark: matchMedia("(prefers-color-scheme: dark)").matches, Texts: {}, Page: {}, Complaints: [] };
  const slack = 1; // px; a letter may lean out of its line by a hair
  const rgb = (c) => c.match(/[\d.]+/g).slice(0, 3).map(Number);
  const light = (c) => {
    const [r, g, b] = rgb(c).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); // WCAG 2.2, relative luminance and contrast ratio
  };
  const inside = (a, b) => a.left >= b.left - slack && a.right <= b.right + slack && a.top >= b.top - slack && a.bottom <= b.bottom + slack;
  const cross = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > slack && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > slack;
  // What is inked: the middle of the line box, since the boxes of lines touch.
  const ink = (t) => {
    const r = t.getBoundingClientRect(), lean = r.height * 0.16;
    return { left: r.left, right: r.right, top: r.top + lean, bottom: r.bottom - lean };
  };
  for (const div of document.querySelectorAll("[data-name]")) {
    const name = div.dataset.name, svg = div.querySelector("svg"), whole = svg.getBoundingClientRect();
    const page = svg.querySelector("rect.page"), ground = getComputedStyle(page).fill;
    const complain = (What, t) => out.Complaints.push({ Picture: name, What, Text: (t.textContent || t.getAttribute("class")).slice(0, 80) });
    out.Page[name] = ground;
    const behind = (e, own) => {
      let box = e.closest("g.box");
      if (own && box) box = box.parentElement.closest("g.box");
      return box ? box.querySelector(":scope > rect") : page;
    };
    const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() !== "");
    out.Texts[name] = texts.length;
    const inks = texts.map(ink);
    texts.forEach((t, i) => {
      const box = behind(t);
      if (!inside(inks[i], whole)) complain("runs out of the picture", t);
      if (!inside(inks[i], box.getBoundingClientRect())) complain("runs out of its box", t);
      const c = contrast(getComputedStyle(t).fill, getComputedStyle(box).fill);
      if (c < 4.5) complain("contrast " + c.toFixed(2), t);
      for (let j = 0; j < i; j++) if (cross(inks[i], inks[j])) complain("runs over another text: " + texts[j].textContent.slice(0, 80), t);
    });
    for (const e of svg.querySelectorAll(".card, .mark, .way")) {
      const on = getComputedStyle(behind(e, e.tagName === "rect")).fill;
      const c = contrast(getComputedStyle(e).stroke, on);
      if (c < 3) complain("line contrast " + c.toFixed(2), e);
    }
    for (const mark of svg.querySelectorAll(".mark")) {
      const m = mark.getBoundingClientRect();
      const shape = { left: m.left + 2, right: m.right - 2, top: m.top + 2, bottom: m.bottom - 2 };
      inks.forEach((r, i) => { if (cross(shape, r)) complain("lies under a mark", texts[i]); });
      if (!inside(m, behind(mark).getBoundingClientRect())) complain("a mark runs out of its box", mark);
    }
  }
  const pre = document.createElement("pre");
  pre.id = "measured";
  pre.textContent = JSON.stringify(out);
  document.body.append(pre);
})();
