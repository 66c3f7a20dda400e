"""Events: what was predicted and what people say of it, where they are kept, and where they are forwarded."""
