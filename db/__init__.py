"""Where documents, extractions and revisions are kept, and how they come in and go out."""
