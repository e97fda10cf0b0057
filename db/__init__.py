"""Where documents, extractions and revisions are kept, and how they come in and go out.

Reading order; facts are only ever added, everything else is an index over them that can be built anew:

    values         the frozen values that the store gives back
    tables         the tables; `migrations` leads every older version to them
    search         words, phrases and labels, through FTS5 or tsvector
    engine         opening SQLite or PostgreSQL, transactions, what errors mean
    migrate        forward to the newest version, whole or not at all
    labels         versions of label sets: reading translates, nothing is rewritten
    projects       projects, label sets and annotators as rows
    documents      adding and finding documents
    paging         pages of a queue in six orders
    extractions    what models found, and the orders that follow from it
    revisions      reading what people decided
    saving         adding revisions: for a page and for an import
    formats        exchange formats, one module each
    store          the door: one method, one transaction
    audit          who did what; exports and checkpoints
    leaving        documents left out of a project, projects archived; and back
    label_changes  rename, merge, and back
    assignments    who annotates what
    gold           adjudicated documents that come up again, unannounced
    habits         which relations people choose between which types
    limits         which thresholds a person chose in a project
    readings, progress                     what is left, what was done, how long it took
    spool          what need not be in memory while files go out and come in
    splits, validation, manifests, placing, exports, samples, imports   files out and in, with manifests
    corpus, corpus_reading   all documents of a project as one graph
    outbox, argilla_*                      the same annotations on an Argilla server
    status, backup_postgres, backup, backup_folder, check   upkeep, also as `python -m db`
    benchmark      how long it all takes as a project grows
"""
