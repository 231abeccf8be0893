"""The routes, one file a subject. They move values between HTTP, `wire` and the service, and decide nothing."""
