//! Any two JSON texts as a definition's schema and a blueprint's specification: valid or refused with a text. What is
//! written of a schema is read back as the same schema.

#![no_main]

use colonies::colony::blueprints::schema::{Schema, same};
use colonies::json;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|input: &[u8]| {
    let Some(middle) = input.iter().position(|&byte| byte == 0) else { return };
    let (schema, spec) = (&input[..middle], &input[middle + 1..]);
    let Ok(schema) = json::decode::<Schema>(schema) else { return };
    let written = serde_json::to_vec(&schema).expect("a schema is JSON");
    let again: Schema = json::decode(&written).expect("what was written is read");
    assert_eq!(written, serde_json::to_vec(&again).expect("a schema is JSON"));
    if let Ok(spec) = json::decode::<Map<String, Value>>(spec) {
        let outcome = schema.validate(&spec);
        assert_eq!(outcome, again.validate(&spec));
        assert!(outcome != Err(String::new()));
        assert!(spec.values().all(|value| same(value, value)));
    }
});
