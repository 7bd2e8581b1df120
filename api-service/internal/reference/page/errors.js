// FoldedErrors shows the documented responses that are errors only on request: they are the same for nearly every operation, and
// longer than all the rest of it. The style sheet hides them.
function FoldedErrors({ React }) {
  const element = React.createElement;

  function Folded({ count, children }) {
    const [open, setOpen] = React.useState(false);
    const button = element("button", { type: "button", className: "btn errors-toggle", "aria-expanded": open, onClick: () => setOpen(!open) },
      (open ? "Hide" : "Show") + " the " + count + " documented errors");
    return element("div", { className: open ? "errors-open" : "errors-folded" }, children, button);
  }

  return {
    wrapComponents: {
      responses: (Responses) => (props) => {
        const count = props.responses.keySeq().filter((code) => /^(4|5|default)/.test(code)).count();
        const responses = element(Responses, props);
        return count ? element(Folded, { count }, responses) : responses;
      },
    },
  };
}
