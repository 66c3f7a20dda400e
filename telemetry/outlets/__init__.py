"""Ways to Azure Application Insights: one module for each library, chosen by TELEMETRY_EXPORTER."""
