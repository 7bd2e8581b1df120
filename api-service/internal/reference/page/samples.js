// CodeSamples shows an operation's x-codeSamples above its responses. Swagger UI knows them and shows none. The document's samples have
// placeholders for the parameters of a path and an example as body; what the user has typed takes their places.
function CodeSamples({ React, getStore, specSelectors, oas3Selectors }) {
  const element = React.createElement;

  // encoded leaves no character that means anything inside quotation marks in any of the languages.
  const encoded = (value) => encodeURIComponent(value).replace(/[!'()*~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

  // typed returns the values of a place, path or query, that differ from the document's examples.
  function typed(path, method, place) {
    const values = {};
    specSelectors.operationWithMeta(path, method).get("parameters")?.forEach((p) => {
      const value = String(p.get("value") ?? "").trim();
      if (p.get("in") === place && value !== "" && value !== String(p.get("example") ?? p.getIn(["schema", "default"]) ?? "")) {
        values[p.get("name")] = value;
      }
    });
    return values;
  }

  // withAddress puts typed parameters into the one string of a sample that ends with the operation's path.
  function withAddress(source, path, method) {
    const escaped = path.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, "\\$&"));
    const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const inPath = typed(path, method, "path");
    const query = Object.entries(typed(path, method, "query")).map(([name, value]) => name + "=" + encoded(value));
    return source.replace(new RegExp(escaped.join("([A-Z_]+)") + '"'), (whole, ...placeholders) => {
      names.forEach((name, i) => {
        if (inPath[name]) whole = whole.replace(placeholders[i], () => encoded(inPath[name]));
      });
      return query.length ? whole.slice(0, -1) + "?" + query.join("&") + '"' : whole;
    });
  }

  // bodies say where the body is in a sample, and how it is quoted there.
  const bodies = {
    curl: [/--data '[^]*'/, (text) => "--data '" + text.replaceAll("'", "'\\''") + "'"],
    JavaScript: [/JSON\.stringify\([^]*\),\n\}\);/, (text) => "JSON.stringify(" + text + "),\n});"],
    Python: [/data=[^]*\.encode\(\)/, (text) => "data=" + (/[\\']/.test(text) ? JSON.stringify(text) : "'''" + text + "'''") + ".encode()"],
    Go: [/strings\.NewReader\([^]*\)\n\trequest, err/, (text) => "strings.NewReader(" + (/[`\r]/.test(text) ? JSON.stringify(text) : "`" + text + "`") + ")\n\trequest, err"],
  };

  // withBody leaves the example where the text is not JSON: a sample of it would not be one.
  function withBody(source, label, path, method) {
    const value = oas3Selectors.requestBodyValue(path, method);
    const text = typeof value === "string" ? value.trim() : "";
    try {
      JSON.parse(text);
    } catch {
      return source;
    }
    const [place, quoted] = bodies[label];
    return source.replace(place, () => quoted(text));
  }

  // current returns a sample with this server's address and with what is typed.
  function current({ label, source }, path, method) {
    const here = source.replaceAll("http://127.0.0.1:8080", () => location.origin);
    return withBody(withAddress(here, path, method), label, path, method);
  }

  function Samples({ list, path, method }) {
    const [shown, show] = React.useState(0);
    // The component is rendered again when its own text changes, not with every change of the page.
    const source = React.useSyncExternalStore(getStore().subscribe, () => current(list[shown], path, method));
    const tabs = list.map(({ label }, i) =>
      element("button", { key: label, type: "button", className: "btn", "aria-pressed": i === shown, onClick: () => show(i) }, label),
    );
    const copy = element("button", { key: "copy", type: "button", className: "btn", onClick: () => navigator.clipboard?.writeText(source) }, "Copy");
    return element("div", { className: "code-samples" },
      element("div", { className: "opblock-section-header" }, element("h4", null, "Code samples"), ...tabs, copy),
      element("div", { className: "responses-inner" }, element("pre", { className: "microlight", tabIndex: 0 }, source)),
    );
  }

  return {
    wrapComponents: {
      responses: (Responses) => (props) => {
        const list = props.specSelectors.specJson().getIn(["paths", props.path, props.method, "x-codeSamples"]);
        const responses = element(Responses, props);
        return list ? element(React.Fragment, null, element(Samples, { list: list.toJS(), path: props.path, method: props.method }), responses) : responses;
      },
    },
  };
}
