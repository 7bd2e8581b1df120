// No validator: Swagger UI would send the document's address to a service on the web. The key that is entered is forgotten when
// the page is closed.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  plugins: [CodeSamples],
  deepLinking: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
