"""The console: web pages for people who approve, audit and operate; they show what the API's functions give."""
