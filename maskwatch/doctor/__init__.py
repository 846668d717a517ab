"""`maskwatch doctor`: what is wrong with this machine and its setup, and how to mend it."""
