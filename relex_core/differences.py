"""Where results differ from the reference package (gliner 0.2.29) on purpose; each line has a test of its name.

Everything else is equal: same entities and relations, same order, scores within 1e-5 (tests/relex_core/test_parity.py).
"""

from __future__ import annotations

DIFFERENCES = {
    "long_text_is_read": "The reference cuts a text at max_len words and at the encoder's window; here it is read in "
    "overlapping windows whose results are merged by offsets.",
    "many_labels_are_read": "Labels that do not fit the window push the text out of it in the reference; here they are "
    "spread over several passes. A score then depends on the labels of its own pass only, so it is close to, but not "
    "the same as, what one long prompt would give.",
    "word_without_pieces": "A word for which the tokenizer has no piece (such as U+200B) shifts all later words by one "
    "in the reference; here it alone has a zero vector.",
    "label_sets_do_not_leak": "With different label sets in a batch, the reference's adjacency decoders also see "
    "candidates of padded labels, so results depend on the batch; here not.",
    "threshold_for_each_text": "A list of thresholds, one for each text, fails in the reference; not here.",
    "token_level_spans_once": "At token level a span with two labels is two candidates in the reference, which repeats "
    "its relations and relates it to itself; here spans are distinct, and relations in the order of their spans.",
    "no_candidate_no_failure": "Adjacency by attention or GAT fails in the reference on a batch without candidates; "
    "here there are no relations.",
    "missing_weights_are_refused": "The reference loads a checkpoint with missing weights and leaves these random; "
    "here it is an error that names them.",
    "triples_at_every_size": "The reference builds triple scorers for 768 dimensions whatever hidden_size says, so "
    "most fail elsewhere; here they have the model's size, and ComplEx, SimplE, RotatE and QuatE pad where it does not "
    "divide.",
    "tucker_is_tucker": "The reference's TuckER reads the core tensor's product in the wrong order of dimensions, so a "
    "score depends on the other triples of the batch; here it is W x1 r x2 h x3 t.",
    "relation_descriptions": "Relations take {name: description} as entities do; the reference takes names only.",
    "special_tokens_in_labels": "A label that holds the text of a special token, such as <<ENT>>, adds a class in the "
    "reference, so that all later labels are those of their neighbours; here a label is one class whatever it holds.",
    "supplied_entities": "input_spans only filters what was found above the threshold, in the reference and here; "
    "with spans= relations are scored on exactly the given entities, the best 20,000 of a text unless most= says "
    "otherwise, and offsets that hold no word are an error.",
    "parts_are_said": "The reference warns that it cuts a text; here a warning says that a text is read in parts and "
    "which relations are not scored.",
    "unused_weights_are_refused": "The reference leaves out weights that the configuration has no place for, such as "
    "a layer of the encoder; here that is an error that names them (but for the pooler and other weights of an "
    "encoder that change no score).",
    "pairs_keep_their_labels_in_training": "In training the reference numbers entities by their labels and spans "
    "without: a span of two labels, or an entity whose label is not asked for, moves relations to other pairs. Here "
    "pairs are of spans.",
    "adjacency_learns_relations_only": "The reference marks the unrelated pairs that it samples as adjacent too; here "
    "adjacent is what is related.",
    "texts_without_relations_teach": "The reference gives a text without relations no relation labels; here all its "
    "pairs are negatives of some.",
    "loss_is_computed_from_logits": "The reference clamps probabilities at 1e-6 before the logarithm, so a confident "
    "mistake has no gradient; here equation 10 is computed from logits.",
    "token_level_loss_is_masked": "The reference's token-level loss counts words of padding and of partially "
    "annotated texts as negatives; here they have no loss.",
    "words_longer_than_the_window": "A single word of more pieces than the window holds keeps the first ones.",
    "characters_stay_whole": "The reference ends a word before an accent that follows its letter, before a vowel sign "
    "of Arabic or Hindi and within an emoji of several code points, so entities end there; here they are one word. The "
    "drop-in class of relex_core.compat divides as the reference does.",
    "addresses_stay_whole": "The reference ends a word at each sign of an e-mail address, a link or a handle, so a "
    "part of one can be an entity, and a long one can be none; here each is one word. The drop-in class divides as the "
    "reference does.",
    "layout_divides": "The reference reads a text as if all white space were one space, and lets an entity go on from "
    "one cell of a table, or a heading, to the next; here none does, and a checkpoint's configuration may name a "
    "layout_mark, which the encoder then sees there. relex_core.compat reads as the reference does.",
    "vectors_are_not_returned": "return_vectors and return_label_vectors are refused.",
}
"""A name and what is different."""
