"""Feed the watch: follow a source of tweets, and send each of them once to the service."""
