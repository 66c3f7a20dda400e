"""The page (Streamlit): sends tweets to the service, shows its answers, and stores feedback on them."""

__version__ = "0.1.0"
