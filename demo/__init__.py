"""The demonstration: a made-up stream with a crisis, from the service to the page and an email."""
