"""The papers' tables: their rows as data, trained models kept, and the tables as text and pictures."""
