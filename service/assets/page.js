// Starts Swagger UI on the service's own document. Without `validatorUrl`, it would send the document to swagger.io.
SwaggerUIBundle({
  url: "docs.json",
  dom_id: "#api",
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
