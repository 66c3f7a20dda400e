"""The service: a packaged model behind a REST API. It does not depend on the pipeline that trained the model."""
