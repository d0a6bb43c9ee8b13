"""What the report says, as rows of numbers and sentences; no layout."""
