"""The page (Streamlit): sends tweets and feedback to the service, and shows its answers."""
