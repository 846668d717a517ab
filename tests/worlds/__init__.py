"""Made-up worlds whose truth is known, for tests of counting."""
