"""The statistics that verdicts rest on: tests, intervals and what they hold for."""
