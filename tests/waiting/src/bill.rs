//! What recorded runs cost.
