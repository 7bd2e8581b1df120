// No validator: Swagger UI would send the document's address to a service on the web. The key that is entered is forgotten when
// the page is closed.
nameControls(document.getElementById("reference"));
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  plugins: [CodeSamples, FoldedErrors],
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
