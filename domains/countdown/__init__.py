"""Countdown: join given numbers by operations, one a line, until the target is reached."""
