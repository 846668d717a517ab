"""The parts of `maskwatch analyze`: inputs, pictures, videos, and what is written."""
