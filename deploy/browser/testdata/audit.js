// audit looks for what keeps people from using a page. Each function returns a list of what is wrong, or a number.
window.audit = {
  width: () => document.scrollingElement.scrollWidth,

  // openAll opens every operation of the API reference, and returns how many show what is in them.
  openAll: () => {
    document.querySelectorAll('.opblock-summary-control[aria-expanded="false"]').forEach((e) => e.click());
    return document.querySelectorAll(".opblock.is-open .responses-wrapper").length;
  },

  operations: () => document.querySelectorAll(".opblock").length,

  tallerThan: (limit) => [...document.querySelectorAll(".opblock.is-open")].filter((e) => e.offsetHeight > limit).map((e) => e.id + " " + e.offsetHeight),

  // unnamed lists controls without a name for a screen reader. A placeholder is no name: it goes when something is typed.
  unnamed: () => [...document.querySelectorAll("input, select, textarea, button, a")]
    .filter((e) => e.checkVisibility())
    .filter((e) => !(e.ariaLabel || e.title || [...(e.labels ?? [])].some((l) => l.innerText.trim()) || (/^(A|BUTTON)$/.test(e.tagName) && e.innerText.trim())))
    .map((e) => e.outerHTML.slice(0, 200)),

  // skipped lists headings that are more than one level below the one before.
  skipped: () => {
    const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((e) => e.checkVisibility());
    const levels = headings.map((e) => Number(e.ariaLevel ?? e.tagName[1]));
    return headings.filter((_, i) => levels[i] > (i ? levels[i - 1] : 0) + 1).map((e) => e.outerHTML.slice(0, 200));
  },

  // faint lists texts whose contrast to what is behind them is below 4.5 to 1.
  faint: () => {
    const parse = (color) => { const m = color.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3]));
    const luminance = (color) => {
      const [r, g, b] = color.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    const known = new Map([[null, { back: canvas, opacity: 1 }]]);
    const around = (e) => {
      if (!known.has(e)) {
        const { back, opacity } = around(e.parentElement);
        const style = getComputedStyle(e);
        known.set(e, { back: over(parse(style.backgroundColor), back), opacity: opacity * Number(style.opacity) });
      }
      return known.get(e);
    };
    const ratio = (e, color) => {
      const { back, opacity } = around(e);
      const front = parse(color);
      front[3] *= opacity;
      const [light, dark] = [luminance(over(front, back)), luminance(back)].sort((a, b) => b - a);
      return (light + 0.05) / (dark + 0.05);
    };
    const found = new Set();
    const check = (e, color, text) => {
      const r = ratio(e, color);
      if (r < 4.5) found.add(`${e.tagName}.${e.className} "${text.slice(0, 30)}" ${color} ${r.toFixed(2)}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const e = texts.currentNode.parentElement;
      if (texts.currentNode.data.trim() && e.checkVisibility() && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(e.tagName)) {
        check(e, getComputedStyle(e).color, texts.currentNode.data.trim());
      }
    }
    document.querySelectorAll("body *").forEach((e) => {
      const style = getComputedStyle(e, "::after");
      if (/^".*\w/.test(style.content) && e.checkVisibility()) check(e, style.color, style.content);
    });
    return [...found];
  },
};
true;
