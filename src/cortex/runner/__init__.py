"""One child process owns one engine: native code that aborts ends that runner and nothing else."""
