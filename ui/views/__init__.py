"""What the page shows: one module for each view, each with one function `show`."""
