// CodeSamples shows an operation's x-codeSamples above its responses. Swagger UI knows them and shows none.
function CodeSamples({ React }) {
  const element = React.createElement;

  function Samples({ list }) {
    const [shown, show] = React.useState(0);
    const source = list[shown].source;
    const tabs = list.map(({ label }, i) =>
      element("button", { key: label, type: "button", className: i === shown ? "btn authorize" : "btn", "aria-pressed": i === shown, onClick: () => show(i) }, label),
    );
    const copy = element("button", { key: "copy", type: "button", className: "btn", onClick: () => navigator.clipboard?.writeText(source) }, "Copy");
    return element("div", { className: "code-samples" },
      element("div", { className: "opblock-section-header" }, element("h4", null, "Code samples"), ...tabs, copy),
      element("div", { className: "responses-inner" }, element("pre", { className: "microlight" }, source)),
    );
  }

  return {
    wrapComponents: {
      responses: (Responses) => (props) => {
        const list = props.specSelectors.specJson().getIn(["paths", props.path, props.method, "x-codeSamples"]);
        const responses = element(Responses, props);
        return list ? element(React.Fragment, null, element(Samples, { list: list.toJS() }), responses) : responses;
      },
    },
  };
}
