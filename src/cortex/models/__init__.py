"""Models on this machine: where they come from, what is known of them, what their files say. Never loads weights."""
