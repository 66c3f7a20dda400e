"""The page for people: it knows one address, that of the service, and writes down what people say of its answers."""

__version__ = "0.1.0"
