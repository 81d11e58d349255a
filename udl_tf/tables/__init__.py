"""The papers' tables: their rows as data, methods by name, trained models kept, and the tables as text and pictures."""
