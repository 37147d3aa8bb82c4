"""Running a scenario: loop, chance, timeline, host."""
