"""What is asked of Canvas and when: work lists, the life cycle of reports, files fetched and opened with care."""
