//! Properties of the whole module, over random keys, payloads and damaged signatures.
