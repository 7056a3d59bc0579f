//! The executor object (chapter 1, 9.1). Lists and maps that were not given stay `null`, as clients expect them.

use crate::crypto::Identity;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// Where an executor stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum ExecutorState {
    /// Waits for approval.
    #[default]
    Pending = 0,
    /// May work.
    Approved = 1,
    /// Was rejected.
    Rejected = 2,
    /// Was removed; the record stays.
    Unregistered = 3,
}

impl ExecutorState {
    /// Whether it may say anything at all: what was rejected or removed may not (chapter 1, W30).
    pub fn may_speak(self) -> bool {
        matches!(self, ExecutorState::Pending | ExecutorState::Approved)
    }
}

impl Serialize for ExecutorState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

/// A state must be a number. In a request nothing follows from it: new records are pending when they are applied.
impl<'de> Deserialize<'de> for ExecutorState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match i64::deserialize(deserializer)? {
            1 => ExecutorState::Approved,
            2 => ExecutorState::Rejected,
            3 => ExecutorState::Unregistered,
            _ => ExecutorState::Pending,
        })
    }
}

/// The word for it, as people are told.
impl fmt::Display for ExecutorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExecutorState::Pending => "Pending",
            ExecutorState::Approved => "Approved",
            ExecutorState::Rejected => "Rejected",
            ExecutorState::Unregistered => "Unregistered",
        })
    }
}

/// An executor as it is stored, sent and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Executor {
    /// The id that its requests are signed as.
    pub executorid: Identity,
    /// What processes ask for.
    pub executortype: String,
    /// Unique within the colony.
    pub executorname: String,
    /// The colony's name.
    pub colonyname: String,
    /// Where it stands.
    pub state: ExecutorState,
    /// Stored for its users; nothing follows from it.
    pub requirefuncreg: bool,
    /// When it was added.
    pub commissiontime: Time,
    /// When it last gave a sign of life, as far as the record goes; the turn adds what memory knows.
    pub lastheardfromtime: Time,
    /// Where it is; processes may ask for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locationname: String,
    /// What it has.
    pub capabilities: Capabilities,
    /// What of it is in use.
    pub allocations: Allocations,
    /// The blueprint that manages it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub blueprintid: String,
    /// The generation of that blueprint.
    #[serde(skip_serializing_if = "is_zero")]
    pub blueprintgen: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What an executor has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Capabilities {
    /// Machines.
    #[serde(deserialize_with = "one_or_many")]
    pub hardware: Option<Vec<Hardware>>,
    /// Programs.
    #[serde(deserialize_with = "one_or_many")]
    pub software: Option<Vec<Software>>,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Hardware {
    /// Make.
    pub model: String,
    /// How many of them.
    pub nodes: i64,
    /// Millicores, as text.
    pub cpu: String,
    /// Cores.
    pub cores: i64,
    /// Memory, as text with its unit.
    pub mem: String,
    /// Storage, as text with its unit.
    pub storage: String,
    /// Graphics processors.
    pub gpu: HardwareGpu,
    /// Operating system.
    pub platform: String,
    /// Processor architecture.
    pub architecture: String,
    /// Addresses.
    pub network: Option<Vec<String>>,
}

/// Graphics processors of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct HardwareGpu {
    /// Make.
    pub name: String,
    /// Memory of each, as text with its unit.
    pub mem: String,
    /// How many.
    pub count: i64,
    /// How many a node.
    pub nodecount: i64,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its version.
    pub version: String,
}

/// What of an executor is in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Allocations {
    /// By project; shown in the byte order of the names.
    pub projects: Option<BTreeMap<String, Project>>,
}

/// What a project may use and uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Project {
    /// Processor time.
    pub allocatedcpu: i64,
    /// Of it used.
    pub usedcpu: i64,
    /// Graphics processor time.
    pub allocatedgpu: i64,
    /// Of it used.
    pub usedgpu: i64,
    /// Storage.
    pub allocatedstorage: i64,
    /// Of it used.
    pub usedstorage: i64,
}

/// Executors built with older clients send one object where a list is specified (chapter 1, 15): it is taken as a list
/// of one.
fn one_or_many<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    struct OneOrMany<T>(std::marker::PhantomData<T>);

    impl<'de, T: serde::de::DeserializeOwned> serde::de::Visitor<'de> for OneOrMany<T> {
        type Value = Option<Vec<T>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list or one object")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                items.push(item);
            }
            Ok(Some(items))
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let object = serde::de::value::MapAccessDeserializer::new(map);
            T::deserialize(object).map(|item| Some(vec![item]))
        }
    }
    deserializer.deserialize_any(OneOrMany(std::marker::PhantomData))
}
