"""The pages for people: a front page, and a page for each project on which one finds the right build."""
