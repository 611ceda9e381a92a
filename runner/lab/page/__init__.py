"""What people are shown: a page that loads nothing from elsewhere, and what was measured."""
