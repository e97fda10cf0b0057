"""Screens and what they share.

No other Python file stands directly in this directory: Streamlit would serve it as a page of its own, and a
visitor whose first request hits it would get it without `app.py`. Screens are scripts in `screens/`.
"""
