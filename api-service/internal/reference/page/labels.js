// nameControls gives what Swagger UI leaves without a name, or at the wrong level of headings, the attributes that a screen reader
// needs. It runs again after every change of the page.
function nameControls(root) {
  const names = [
    ["[data-param-name] :is(input, select, textarea)", (e) => e.closest("[data-param-name]").dataset.paramName],
    [".body-param__text", () => "Request body"],
    [".examples-select-element", () => "Example"],
    [".auth-container input", () => "API key"],
    [".modal-ux-header .close-modal", () => "Close"],
  ];
  const levels = [
    [".info .title", 1],
    [".opblock-tag, section.models > h4, .modal-ux h3", 2],
    [".opblock h4, .modal-ux h4", 3],
    [".opblock .headers__title", 4],
  ];
  const apply = () => {
    for (const [selector, name] of names) {
      root.querySelectorAll(selector).forEach((e) => e.hasAttribute("aria-label") || e.setAttribute("aria-label", name(e)));
    }
    for (const [selector, level] of levels) {
      root.querySelectorAll(selector).forEach((e) => e.ariaLevel === String(level) || (e.ariaLevel = level));
    }
    root.querySelectorAll("pre:not([tabindex])").forEach((e) => (e.tabIndex = 0));
  };
  new MutationObserver(apply).observe(root, { childList: true, subtree: true });
}
