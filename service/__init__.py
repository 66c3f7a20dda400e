"""The service: the champion behind a REST interface. It knows a packaged model, not the pipeline that made it."""
