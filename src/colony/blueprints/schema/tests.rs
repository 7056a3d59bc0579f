use super::*;
use proptest::prelude::*;
use serde_json::json;

fn validate(schema: &str, spec: &str) -> Result<(), String> {
    let schema: Schema = crate::json::decode(schema.as_bytes()).expect("a schema");
    schema.validate(&serde_json::from_str(spec).expect("an object"))
}

#[test]
fn texts_are_the_recorded_ones() {
    for (schema, spec, text) in [
        (r#"{"required":["a","image"]}"#, r#"{"a":null}"#, "required field 'image' is missing"),
        (
            r#"{"properties":{"image":{"type":"string"}}}"#,
            r#"{"image":5}"#,
            "field 'image' must be a string, got float64",
        ),
        (r#"{"properties":{"k":{"type":"string"}}}"#, r#"{"k":null}"#, "field 'k' must be a string, got <nil>"),
        (
            r#"{"properties":{"b":{"type":"boolean"}}}"#,
            r#"{"b":{}}"#,
            "field 'b' must be a boolean, got map[string]interface {}",
        ),
        (r#"{"properties":{"b":{"type":"object"}}}"#, r#"{"b":[]}"#, "field 'b' must be an object, got []interface {}"),
        (r#"{"properties":{"b":{"type":"array"}}}"#, r#"{"b":true}"#, "field 'b' must be an array, got bool"),
        (
            r#"{"properties":{"a":{"type":"array","items":{"type":"object","properties":{"p":{"enum":["TCP","UDP"]}}}}}}"#,
            r#"{"a":[{"p":"TCP"},{"p":"x"}]}"#,
            "field 'a[1].p' must be one of [TCP UDP], got x",
        ),
        (
            r#"{"properties":{"aa":{"type":"array","items":{"type":"array","items":{"type":"number"}}}}}"#,
            r#"{"aa":[[1,"x"]]}"#,
            "field 'aa[0][1]' must be a number, got string",
        ),
        (
            r#"{"properties":{"e":{"enum":["x",1,true,null,1e6,0.0001,0.00001]}}}"#,
            r#"{"e":{"b":1,"a":{"c":[1,2]}}}"#,
            "field 'e' must be one of [x 1 true <nil> 1e+06 0.0001 1e-05], got map[a:map[c:[1 2]] b:1]",
        ),
        (
            r#"{"properties":{"z":{"type":"string"},"B":{"type":"string"}}}"#,
            r#"{"z":1,"B":1}"#,
            "field 'B' must be a string, got float64",
        ),
    ] {
        assert_eq!(validate(schema, spec), Err(text.to_owned()), "{schema}");
    }
}

#[test]
fn what_is_not_checked_passes() {
    for (schema, spec) in [
        ("{}", r#"{"a":1}"#),
        (r#"{"type":"array","properties":{"i":{"type":"integer"}}}"#, r#"{"i":"abc","other":1}"#),
        (r#"{"properties":{"o":{"properties":{"p":{"type":"string"}}}}}"#, r#"{"o":{"p":1}}"#),
        (r#"{"properties":{"o":{"items":{"type":"string"},"enum":[]}}}"#, r#"{"o":[1]}"#),
        (r##"{"properties":{"o":{"$ref":"#/x","minimum":7,"required":true}}}"##, r#"{"o":1}"#),
        // Deep equality, numbers by what they mean.
        (r#"{"properties":{"o":{"enum":[{"a":[1,2.0]}]}}}"#, r#"{"o":{"a":[1.0,2]}}"#),
        (r#"{"properties":{"n":null}}"#, r#"{"n":1}"#),
    ] {
        assert_eq!(validate(schema, spec), Ok(()), "{schema}");
    }
}

#[test]
fn numbers_in_messages() {
    for (number, text) in [
        (3.0, "3"),
        (100_000.0, "100000"),
        (999_999.5, "999999.5"),
        (1e6, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (123_456_789.0, "1.23456789e+08"),
        (1e20, "1e+20"),
        (0.000_123_45, "0.00012345"),
        (0.000_01, "1e-05"),
        (1e-10, "1e-10"),
        (1e100, "1e+100"),
        (-0.0, "-0"),
        (0.0, "0"),
        (2.5, "2.5"),
    ] {
        assert_eq!(plain_number(number), text);
    }
}

#[test]
fn large_integers_are_told_apart() {
    assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    assert!(same(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
    assert!(!same(&json!({"a": null}), &json!({})));
}

#[test]
fn time_is_bounded() {
    let choices: Vec<String> = (0..3_000).map(|n| format!("x{n}")).collect();
    let schema = json!({"properties": {"a": {"type": "array", "items": {"enum": choices}}}}).to_string();
    let spec = json!({"a": vec!["x2999"; 3_000]}).to_string();
    let refused = validate(&schema, &spec).expect_err("nine million comparisons");
    assert!(refused.contains("too large"), "{refused}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("(a|b|type|items|enum|properties|required)", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_and_specification_end_without_panic(schema in any_json(), spec in any_json()) {
        if let (Ok(schema), Value::Object(spec)) = (crate::json::decode::<Schema>(schema.to_string().as_bytes()), &spec) {
            let _ = schema.validate(spec);
            let bytes = bincode::encode_to_vec(&schema, bincode::config::legacy()).expect("plain values");
            let (read, _): (Schema, usize) = bincode::decode_from_slice(&bytes, bincode::config::legacy()).expect("what was written");
            prop_assert_eq!(read, schema);
        }
    }

    #[test]
    fn a_value_is_the_same_as_itself(value in any_json()) {
        prop_assert!(same(&value, &value));
    }
}
