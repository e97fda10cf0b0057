"""GLiNER-Relex (arXiv 2605.10108): entities and relations from text, zero-shot, in one forward pass.

Reading order; each file imports only those above it, and the paper's section is behind the file:

    errors       the tree of everything that can go wrong
    types        the frozen values that travel between all parts of the product
    editing      pure transitions of an annotation: what a person's corrections do
    selection    which suggestions are shown at given thresholds
    words        text <-> words, exact in both directions                             3.2
    layout       where blank lines, cells and lists divide a text
    sentences    where sentences begin
    encoding     the bytes of a file -> its text
    jsonl        values <-> JSON lines; the stage-2 training format
    outputs      files that are written whole or not at all, also by db
    config       what a checkpoint's configuration may say
    prompt       [ENT] labels [SEP] [REL] labels [SEP] words                          3.2
    batching     label sets and texts, as pieces -> tensors                           3.2
    products     x W + b in fp32 on a CPU, by the faster library
    feedforward  the two-layer perceptron, and its factorised form for pairs
    bert, deberta, encoder   words and labels -> vectors                              3.3
    spans        candidate spans and their vectors                                    3.4
    pairs        which pairs of entities are looked at: all, or six adjacency decoders  3.5
    relations    how a pair is scored against a relation label: the pair MLP          3.6
    triples      the same by seventeen triple scorers                                 3.6
    model        all of it in the paper's order                                       3.2 - 3.6
    loss_weights, losses   focal loss and its masks                                   3.7
    hub, locating   a name, a directory or a hub id -> the directory of a checkpoint
    checkpoint, reduced   that directory <-> a model, in GLiNER's file format
    packed       weights laid out for reading alone
    decoding     scores -> candidates -> what is kept; needs no torch                 3.4
    windows      long texts and large label sets -> parts that fit
    scoring      windows -> candidates and relation scores, a batch at a time         3.4 - 3.6
    inference    documents and label sets -> extractions
    service      one model thread that serves all callers
    arguments    what callers of the reference package may give, checked
    compat       the reference package's calls over the same engine
    differences  where results differ from the reference on purpose
    benchmark    the same work through this package and through the reference

Training and evaluation stand on these:

    labels       what is known about label names: kinds, families, other names
    marked, datasets   annotated sentences, corpora and exports -> gold records with exact offsets
    syntax_words, syntax, syntax_types, silver   raw text -> training data: relations and types read off parses
    examples, sampling   gold records -> examples; which come when                    3.9
    views, relation_views, augmentation   what is asked about an example in one step  3.7
    targets      ... as padded tensors, with masks for what is not known              3.7
    metrics, evaluation, tuning   strict micro-F1 with intervals, for any predictor; thresholds  4, 5
    training_config, training_data, training_optimizer, training_evaluation, training_state, processes
    training     the loop of both stages, written out                                 3.8, 3.9
    ablation     forms of 3.5 and 3.6 under equal training                            5.4
    adapters     other packages and endpoints as predictors

`__main__` is the command line; a module whose name ends in `_command` holds one of its commands.

Importing this package imports nothing heavy; `relex_core.types`, `editing`, `words` and `jsonl` need
only the standard library.
"""

import os

# Threads that spin at a barrier while another process has their core wait for a whole time slice: on two
# cores shared with a browser a 30 ms forward pass was seen to take 860 ms. Sleeping costs nothing measurable
# when the cores are free. The OpenMP runtime reads this once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
